"""The command line: ``python -m network COMMAND``, reached through ``./sallyport``."""

import sys

from network.command import main

sys.exit(main(sys.argv[1:]))
