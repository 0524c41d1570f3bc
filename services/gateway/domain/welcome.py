"""The mail to somebody who has just registered."""

from services.gateway.domain.message import Channel, Draft

SUBJECT = "Welcome to Sallyport"
TEXT = """\
Hello {{ name }},

your account is ready: sign in with this name and the password that you chose.

You get this one mail because somebody registered with your address. If it was not you, there is nothing to do.
"""


def welcome(name: str, email: str) -> Draft:
    return Draft(Channel.EMAIL, email, subject=SUBJECT, template=TEXT, variables={"name": name})
