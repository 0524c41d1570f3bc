"""Registrations for which no mail could be accepted: `python -m services.gateway.welcome_letters list`."""

import sys

from services.broker import BrokerSettings, letters
from services.registration import TOPIC, WELCOME
from services.settings import load


def main() -> None:
    letters.run("services.gateway.welcome_letters", load(BrokerSettings.read), TOPIC, WELCOME, sys.argv[1:])


if __name__ == "__main__":
    main()
