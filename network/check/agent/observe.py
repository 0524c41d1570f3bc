"""Run commands side by side and report what each printed.

Argument: {name: argv}. Prints {name: {"status", "out"}}; a program that is not there has status 127.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run(argv: list[str]) -> dict[str, Any]:
    try:
        done = subprocess.run(argv, capture_output=True, timeout=40, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return {"status": 127, "out": ""}
    except subprocess.TimeoutExpired:
        return {"status": 124, "out": ""}
    said = done.stdout if done.returncode == 0 or done.stdout else done.stderr
    return {"status": done.returncode, "out": said.decode("utf-8", "replace")}


def main(commands: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(commands, pool.map(run, commands.values()), strict=True))


json.dump(main(json.loads(sys.argv[1])), sys.stdout)
