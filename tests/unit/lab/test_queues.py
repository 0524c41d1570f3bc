"""The queues of the hosts, as `sallyport status` shows them."""

import http.server
import subprocess
import threading
from pathlib import Path

from network.lab.queues import MARK, QUESTION, Queue, table, understood

SAID = """\
sallyport-relay.service queue_waiting 3.0
sallyport-relay.service queue_oldest_seconds 12.25
sallyport-relay.service queue_dead_letters 1.0
sallyport-relay.service queue_attempts_total{verdict="delivered"} 40.0
sallyport-relay.service queue_attempts_total{verdict="retry"} 2.0
sallyport-stats.service broker_waiting{group="statistics",topic="registrations"} 0.0
sallyport-stats.service broker_oldest_seconds{group="statistics",topic="registrations"} 0.0
sallyport-stats.service broker_dead_letters{group="statistics",topic="registrations"} NaN
sallyport-main.service queue_attempts_total{verdict="retry"} 2.0
nonsense
"""
RELAY = Queue("relay", "", 3, 12.25, 1, (("delivered", 40), ("retry", 2)))
STATS = Queue("stats", "registrations/statistics", 0, 0.0, 0, ())


def test_what_a_host_says_is_understood() -> None:
    assert understood(SAID) == (RELAY, STATS)
    assert understood("") == ()


def test_table() -> None:
    assert table([("web1", [RELAY]), ("gateway1", [STATS]), ("db1", [])]) == [
        "queue                           host      waiting  oldest  attempts              dead letters",
        "relay                           web1      3        12 s    40 delivered 2 retry  1",
        "stats registrations/statistics  gateway1  0        -       -                     -",
    ]
    assert table([("db1", [])]) == []


def test_the_question_is_answered_by_what_processes_serve(tmp_path: Path) -> None:
    """Run for real, with a stand-in for systemctl alone."""
    lines = ("# HELP", "waiting 3.0", "lateness_seconds_sum 1.0", "oldest_seconds 2.5")
    served = "".join(f"sallyport_queue_{line}\n" for line in lines)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(served.encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        program = tmp_path / "systemctl"
        program.write_text(
            "#!/bin/sh\ncase $1 in list-units) echo 'sallyport-relay.service loaded active running x';\n"
            "  echo 'sallyport-outside.service loaded active running x';;\n"
            f"*) case $4 in *relay*) echo 'A=b SP_METRICS_PORT={server.server_port}';; *) echo 'A=b';; esac;; esac\n"
        )
        program.chmod(0o755)
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", "-c", "true" + QUESTION], env=environment, capture_output=True, text=True, check=True
        )
        server.shutdown()
    assert understood(done.stdout.partition(MARK)[2]) == (Queue("relay", "", 3, 2.5, 0, ()),)
    assert done.stdout.startswith(MARK)
