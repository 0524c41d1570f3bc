"""Dead letters: an operator lists them, looks at one, and has them sent again."""

import json
import subprocess
import sys
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.services.certificates import Certificates
from tests.services.cluster import Cluster
from tests.services.peer import Answer, listening
from tests.services.processes import SECRETS, Launcher
from tests.services.test_relay import delivered, put_out, states
from tests.services.test_status import calls, started


def letters(
    launcher: Launcher, module: str, database: str, role: str, *words: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    service = launcher.service(module, database, role, **settings)
    command = [sys.executable, "-W", "error", "-m", module, *words]
    done = subprocess.run(command, env=service.environment, cwd="/", capture_output=True, text=True, check=False)
    assert not any(secret in done.stdout + done.stderr for secret in (*SECRETS.values(), launcher.cluster.password))
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.thorough
def test_a_refused_result_is_listed_shown_and_sent_again(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    def ask(*words: str) -> dict[str, Any]:
        done = letters(launcher, "services.status.letters", database, "sp_status", *words)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    with listening(certificates, Answer(403), Answer(200)) as peer:
        status = started(launcher, cluster, database, peer.url)
        job = str(uuid4())
        status.post(pk=3, job=job, request=7)
        status.settled()
        listed = ask("list")["letters"]
        assert [(each["id"], each["reason"], each["attempts"]) for each in listed] == [(job, "answered 403", 1)]
        assert ask("show", job)["state"] == "dead"
        other = str(uuid4())
        assert ask("redrive", job, other) == {"redriven": [job], "not_dead": [other]}
        refused, taken = calls(peer, 2)
        # The very result that was drawn at first, signed anew.
        assert refused.body == taken.body
        assert refused.headers["webhook-timestamp"] != taken.headers["webhook-timestamp"]
        assert [each[1:3] for each in status.settled()] == [("delivered", 2)]
        assert ask("list") == {"letters": []}
        assert ask("redrive", job) == {"redriven": [], "not_dead": [job]}


def test_a_refused_hand_over_is_sent_again_at_once(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    (job,) = put_out(cluster, database)
    with listening(certificates, Answer(401), Answer(202)) as peer:
        relay = launcher.relay(database, peer.url)
        relay.start()
        relay.wait_for("dead letter")
        done = letters(launcher, "services.main.letters", database, "sp_main", "list")
        assert [each["job"] for each in json.loads(done.stdout)["letters"]] == [job]
        letters(launcher, "services.main.letters", database, "sp_main", "redrive", "--all")
        assert delivered(cluster, database) == [("delivered", 2)]
    assert states(cluster, database) == [("delivered", 2)]


@pytest.mark.thorough
def test_a_database_that_is_read_only_is_told(launcher: Launcher, cluster: Cluster, database: str) -> None:
    with cluster.connect(database) as connection:
        connection.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    done = letters(launcher, "services.main.letters", database, "sp_main", "redrive", "--all")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "ReadOnlySqlTransaction" in done.stderr


@pytest.mark.thorough
def test_a_wrong_call_says_what_to_do(launcher: Launcher, database: str) -> None:
    def refused(*words: str) -> tuple[int, str]:
        done = letters(launcher, "services.main.letters", database, "sp_main", *words)
        return done.returncode, done.stderr

    assert refused("show", "17") == (1, "letters: no message has the id 17; `list` shows the dead ones\n")
    assert refused("show", "x") == (1, "letters: x is no letter's id; `list` shows them\n")
    code, told = refused("redrive")
    assert code == 2
    assert "name the letters, or say --all" in told


def test_the_queues_role_may_neither_remove_nor_rewrite_what_it_sends(cluster: Cluster, database: str) -> None:
    for role, schema, statements in (
        (
            "sp_main",
            "main",
            ("DELETE FROM outbox", "UPDATE outbox SET payload = '{}'", "UPDATE requests SET creator_id = 1"),
        ),
        (
            "sp_status",
            "status",
            ("DELETE FROM jobs", "UPDATE jobs SET stock_id = 1", "UPDATE jobs SET accepted_at = now()"),
        ),
    ):
        with cluster.connect(database, role, schema) as connection:
            for statement in statements:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
