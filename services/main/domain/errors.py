"""What can be refused, each with what it was about. The HTTP layer alone knows their status codes."""


class NotFound(Exception):
    """There is no such thing, or none that this user may know of."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class SignInRefused(Exception):
    """Name or password are wrong; which of them is not said."""

    def __init__(self) -> None:
        super().__init__("Name or password are wrong.")


class TooManyAttempts(Exception):
    """An account or an address has used up its attempts. wait: seconds until there is another one."""

    def __init__(self, wait: float) -> None:
        super().__init__("Too many attempts; wait before the next one.")
        self.wait = wait


class NameTaken(Exception):
    """Somebody has this name, or one that differs in capitals only."""

    def __init__(self) -> None:
        super().__init__("This name is taken; choose another.")


class InvalidField(Exception):
    """A value that breaks a rule which its form alone does not show."""

    def __init__(self, at: str, rule: str) -> None:
        super().__init__(rule)
        self.at = at


class CreatorsOnly(Exception):
    """The deed belongs to creators."""

    def __init__(self) -> None:
        super().__init__("Only a creator can do this.")


class ModeratorsOnly(Exception):
    """The deed belongs to moderators."""

    def __init__(self) -> None:
        super().__init__("Only a moderator can do this.")


class Changed(Exception):
    """Somebody changed the thing since the caller looked at it."""

    def __init__(self) -> None:
        super().__init__("It was changed meanwhile; look at it again, then decide.")


class CompanyTaken(Exception):
    """The catalogue has a stock of this company."""

    def __init__(self) -> None:
        super().__init__("The catalogue has a stock of this company already.")


class WrongState(Exception):
    """The request's state does not allow the deed."""

    def __init__(self, state: str, needed: str) -> None:
        super().__init__(f"The request is {state}; it would have to be {needed}.")
        self.state = state


class EmptyDraft(Exception):
    """A draft without items cannot be formed."""

    def __init__(self) -> None:
        super().__init__("The draft has no stocks yet; add one first.")


class StockGone(Exception):
    """A draft holds a stock that is in the catalogue no more."""

    def __init__(self, company: str) -> None:
        super().__init__(f"{company} is no longer offered; take it out of the draft.")
        self.company = company


class ResultsMissing(Exception):
    """A request is completed with all its results, or not at all."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"Results are still missing: {missing}. Wait for them, or reject the request.")
        self.missing = missing


class QuantityBound(Exception):
    """No more of one stock fits into a request."""

    def __init__(self) -> None:
        super().__init__("The request holds as much of this stock as it can.")


class RequestFull(Exception):
    """No more stocks fit into a request."""

    def __init__(self, most: int) -> None:
        super().__init__(f"A request holds {most} stocks at most.")
        self.most = most


class CallInProgress(Exception):
    """A call with the same idempotency key has not ended yet."""

    def __init__(self) -> None:
        super().__init__("A call with this Idempotency-Key is under way; ask again when it has ended.")


class KeyReused(Exception):
    """An idempotency key stands for one call, and this is another one."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another call; take a new one.")


class Replayed(Exception):
    """This very message was taken before."""

    def __init__(self) -> None:
        super().__init__("This signed message was taken before; a new attempt is signed anew.")


class NoWaitingJob(Exception):
    """No item of a formed request waits for this job's result."""

    def __init__(self) -> None:
        super().__init__("No item waits for this result.")


class NotTheAuthor(Exception):
    """A message belongs to whoever wrote it."""

    def __init__(self) -> None:
        super().__init__("Only its author can change or delete a message.")


class ChatFull(Exception):
    """A chat takes no more texts."""

    def __init__(self, most: int) -> None:
        super().__init__(f"This chat has {most} entries, and takes no more.")


class Outdated(Exception):
    """The message was changed since its author looked at it. version: what it is now."""

    def __init__(self, version: int) -> None:
        super().__init__(f"The message is at version {version}; look at it again, then change it.")
        self.version = version
