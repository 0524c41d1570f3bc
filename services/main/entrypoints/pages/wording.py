"""What the pages say of states, refusals and rules, in English: the keys of the messages."""

from collections.abc import Mapping

from services.main.domain import errors
from services.main.domain.request import Result, State
from services.main.domain.user import Role
from services.main.entrypoints.pages.language import Language
from services.problem import Problem
from services.tracing import Step


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a message that is translated elsewhere."""
    return message


STATES: Mapping[State, str] = {
    State.DRAFT: N_("draft"),
    State.FORMED: N_("formed"),
    State.COMPLETED: N_("completed"),
    State.REJECTED: N_("rejected"),
    State.DELETED: N_("deleted"),
}

RESULTS: Mapping[Result, str] = {Result.GROWING: N_("growing"), Result.FALLING: N_("falling")}

ROLES: Mapping[Role, str] = {Role.CREATOR: N_("creator"), Role.MODERATOR: N_("moderator")}

STEPS: Mapping[Step, str] = {
    Step.FORM: N_("1 form"),
    Step.HAND_OVER: N_("2 hand over"),
    Step.ACCEPTED: N_("3 accepted"),
    Step.ANSWERED: N_("4 answered"),
    Step.DEFERRED_ACTION: N_("5 deferred action"),
    Step.CALLBACK: N_("6 callback"),
    Step.SEEN: N_("7 seen"),
}

# What a page tells after a deed, once.
NOTICES: Mapping[str, str] = {
    "added": N_("Added to the draft."),
    "saved": N_("Saved."),
    "removed": N_("Taken out of the draft."),
    "draft-deleted": N_("The draft was deleted."),
    "formed": N_("The request is formed. The results arrive by themselves."),
    "completed": N_("The request is completed."),
    "rejected": N_("The request is rejected."),
    "said": N_("Your message was sent."),
    "stock-added": N_("The stock was added."),
    "stock-deleted": N_("The stock was deleted."),
    "welcome": N_("Welcome! Your account is ready."),
    "signed-out": N_("You have signed out."),
}

# The rule of a field, told where it is broken.
RULES: Mapping[str, str] = {
    "name": N_("3 to 32 letters, digits and . - _, all of one alphabet."),
    "password": N_("12 to 200 characters, six of them different, without your name or e-mail address."),
    "email": N_("An e-mail address such as vera@example.org, or nothing."),
    "company": N_("1 to 100 visible characters in one line, without blanks at the ends."),
    "price": N_("More than 0 and less than 10 billion, with two decimals at most."),
    "description": N_("At most 2,000 characters."),
    "picture": N_("One of the pictures."),
    "text": N_("1 to 2,000 characters, and not only blanks."),
    "quantity": N_("A whole number from 1 to 1,000,000."),
    "state": N_("One or more of the states."),
    "creator": N_("A name in one line."),
    "formed_from": N_("A date."),
    "formed_to": N_("A date."),
    "q": N_("At most 100 characters."),
    "min_price": N_("An amount such as 312.40."),
    "max_price": N_("An amount such as 312.40."),
}
# Of a field that one cannot type into.
RULE = N_("This is not understood.")

_REFUSED: Mapping[type[Exception], str] = {
    errors.NotFound: N_("There is nothing here, or nothing that you may see."),
    errors.SignInRefused: N_("Name or password are wrong."),
    errors.NameTaken: N_("This name is taken; choose another."),
    errors.CreatorsOnly: N_("Only a creator can do this."),
    errors.ModeratorsOnly: N_("Only a moderator can do this."),
    errors.Changed: N_("It was changed meanwhile. Look at it as it is now, then decide."),
    errors.CompanyTaken: N_("The catalogue has a stock of this company already."),
    errors.EmptyDraft: N_("The draft has no stocks yet; add one first."),
    errors.StockGone: N_("%(company)s is no longer offered; take it out of the draft."),
    errors.QuantityBound: N_("The request holds as much of this stock as it can."),
    errors.ChatFull: N_("This chat takes no more messages."),
    errors.RequestFull: N_("A request holds %(most)s stocks at most."),
}

_KINDS: Mapping[str, str] = {
    "foreign-origin": N_("The form came from another site, so nothing was done."),
    "database-unavailable": N_("The service cannot reach its database just now."),
}

_STATUSES: Mapping[int, str] = {
    400: N_("What was sent cannot be read."),
    403: N_("This is not for you to do."),
    404: N_("There is nothing here, or nothing that you may see."),
    405: N_("This address is not to be called that way."),
    415: N_("What was sent cannot be read."),
    422: N_("What was sent breaks a rule."),
    500: N_("The error is ours, and it is in the log."),
}

TITLES: Mapping[int, str] = {
    400: N_("Not understood"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Not understood"),
    409: N_("Not possible now"),
    412: N_("Changed meanwhile"),
    415: N_("Not understood"),
    422: N_("Not understood"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong"),
    503: N_("Back in a moment"),
}


def refusal(language: Language, error: Exception, status: int) -> str:
    """Why something was refused, in words for whoever asked for it."""
    match error:
        case errors.WrongState():
            return language.say("The request is %(state)s by now.", state=language.say(STATES[State(error.state)]))
        case errors.ResultsMissing():
            return language.say_many(
                "%(num)s result is still missing. Wait for it, or reject the request.",
                "%(num)s results are still missing. Wait for them, or reject the request.",
                error.missing,
            )
        case errors.TooManyAttempts():
            return language.say_many(
                "Too many attempts. The next one is possible in %(num)s second.",
                "Too many attempts. The next one is possible in %(num)s seconds.",
                max(1, round(error.wait)),
            )
    message = _REFUSED.get(type(error))
    if message is None and isinstance(error, Problem) and error.kind:
        message = _KINDS.get(error.kind)
    if message is None:
        message = _KINDS["database-unavailable"] if status == 503 else _STATUSES.get(status, _STATUSES[500])
    return language.say(message, **vars(error))
