"""Registrations that could not be counted: `python -m services.stats.letters list`."""

import sys

from services.broker import BrokerSettings, letters
from services.registration import STATISTICS, TOPIC
from services.settings import load


def main() -> None:
    letters.run("services.stats.letters", load(BrokerSettings.read), TOPIC, STATISTICS, sys.argv[1:])


if __name__ == "__main__":
    main()
