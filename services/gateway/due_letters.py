"""Events of the topic `messages` that the sender could not read: `python -m services.gateway.due_letters list`.

Their messages are not lost: what nobody began within five minutes is handed over again.
"""

import sys

from services.broker import BrokerSettings, letters
from services.gateway.adapters.handing_over import GROUP, TOPIC
from services.settings import load


def main() -> None:
    letters.run("services.gateway.due_letters", load(BrokerSettings.read), TOPIC, GROUP, sys.argv[1:])


if __name__ == "__main__":
    main()
