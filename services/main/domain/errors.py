"""What can be refused, each with what it was about. The HTTP layer alone knows their status codes."""


class NotFound(Exception):
    """There is no such thing, or none that this user may know of."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class SignInRefused(Exception):
    """Name or password are wrong; which of them is not said."""

    def __init__(self) -> None:
        super().__init__("Name or password are wrong.")


class CreatorsOnly(Exception):
    """The deed belongs to creators."""

    def __init__(self) -> None:
        super().__init__("Only a creator can do this.")


class WrongState(Exception):
    """The request's state does not allow the deed."""

    def __init__(self, state: str, needed: str) -> None:
        super().__init__(f"The request is {state}; it would have to be {needed}.")


class EmptyDraft(Exception):
    """A draft without items cannot be formed."""

    def __init__(self) -> None:
        super().__init__("The draft has no stocks yet; add one first.")


class QuantityBound(Exception):
    """No more of one stock fits into a request."""

    def __init__(self) -> None:
        super().__init__("The request holds as much of this stock as it can.")


class Replayed(Exception):
    """This very message was taken before."""

    def __init__(self) -> None:
        super().__init__("This signed message was taken before; a new attempt is signed anew.")


class NoWaitingJob(Exception):
    """No item of a formed request waits for this job's result."""

    def __init__(self) -> None:
        super().__init__("No item waits for this result.")
