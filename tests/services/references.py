"""What deferred jobs are compared with: one sleeping thread, and a Celery worker. Both call back over TLS as ours do.

Neither keeps a job on disk before it is accepted, signs, or is fenced: they do less than ours.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from celery import Celery

from tests.services import certificates as authority
from tests.services.peer import Answer, Peer, listening
from tests.services.processes import eventually

# Jobs, fewer than ours: the one thread takes five seconds for each.
ONE_THREAD_JOBS = 4
CELERY_JOBS = 200

app = Celery("references")
if FOLDER := os.environ.get("SP_REFERENCE_FOLDER"):
    app.conf.update(
        broker_url="filesystem://",
        broker_transport_options={
            "data_folder_in": f"{FOLDER}/queue",
            "data_folder_out": f"{FOLDER}/queue",
            "control_folder": f"{FOLDER}/control",
            "polling_interval": 0.005,
        },
        worker_prefetch_multiplier=0,
        broker_connection_retry_on_startup=True,
    )


def _report(pk: int, due: float) -> None:
    """The same job: call back once the wait is over."""
    _put(pk, due, os.environ["SP_REFERENCE_URL"], os.environ["SP_REFERENCE_CA"])


report = app.task(name="report")(_report)


def _put(pk: int, due: float, url: str, ca: str) -> None:
    requests.put(f"{url}/stocks/{pk}/put", json={"pk": pk, "due": due}, verify=ca, timeout=10).raise_for_status()


def one_thread(wait: float) -> dict[str, float]:
    """The public lab's service: a thread that sleeps, then calls back."""
    with tempfile.TemporaryDirectory() as folder:
        certificates = authority.make(Path(folder))
        with listening(certificates, Answer(200)) as peer, ThreadPoolExecutor(1) as pool:
            due = time.time() + wait

            def job(pk: int) -> None:
                time.sleep(wait)
                _put(pk, due, peer.url, str(certificates.ca))

            list(pool.map(job, range(1, ONE_THREAD_JOBS + 1)))
            # The first result ends the first wait, so the waits between the results are the rate.
            return _figures(peer)


def celery(wait: float) -> dict[str, float]:
    """Celery with one process a core; the broker is a folder."""
    with tempfile.TemporaryDirectory() as folder:
        certificates = authority.make(Path(folder))
        for name in ("queue", "control"):
            Path(folder, name).mkdir()
        with listening(certificates, Answer(200)) as peer:
            environment = {
                "PATH": os.environ["PATH"],
                "SP_REFERENCE_FOLDER": folder,
                "SP_REFERENCE_URL": peer.url,
                "SP_REFERENCE_CA": str(certificates.ca),
            }
            module = "tests.services.references"
            command = [sys.executable, "-m", "celery", "-A", module, "worker", "-c", "2", "-l", "ERROR"]
            quiet = subprocess.DEVNULL
            worker = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)
            try:
                sender = subprocess.run(
                    [sys.executable, "-m", module, str(CELERY_JOBS), str(wait)],
                    env=environment,
                    check=False,
                )
                assert sender.returncode == 0
                eventually(lambda: len(peer.calls) >= CELERY_JOBS, within=120, what="Celery's results")
            finally:
                worker.terminate()
                try:
                    worker.wait(20)
                except subprocess.TimeoutExpired:
                    # It waits for its own processes, and they for their jobs; all results are here already.
                    os.killpg(worker.pid, signal.SIGKILL)
                    worker.wait()
            return _figures(peer)


def _figures(peer: Peer) -> dict[str, float]:
    at = sorted(call.at for call in peer.calls)
    now, wall = time.monotonic(), time.time()
    late = sorted(wall - (now - call.at) - json.loads(call.body)["due"] for call in peer.calls)
    return {
        "jobs": len(at),
        "rate": (len(at) - 1) / (at[-1] - at[0]),
        "late_p99": late[min(len(late) - 1, round(len(late) * 0.99))],
    }


def main() -> None:
    jobs, wait = int(sys.argv[1]), float(sys.argv[2])
    for pk in range(1, jobs + 1):
        report.apply_async((pk, time.time() + wait), countdown=wait)


if __name__ == "__main__":
    main()
