"""Jobs from the broker that the async service refused: `python -m services.status.job_letters list`."""

import sys

from services.broker import BrokerSettings, letters
from services.hand_over.event import GROUP, TOPIC
from services.settings import load


def main() -> None:
    letters.run("services.status.job_letters", load(BrokerSettings.read), TOPIC, GROUP, sys.argv[1:])


if __name__ == "__main__":
    main()
