"""The async service over gRPC: who gets in, what is refused and how, deadlines, cancellation, health and watching."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit
from uuid import uuid4

import grpc
import httpx
import pytest
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from google.rpc import error_details_pb2
from grpc import StatusCode, aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from grpc_status import rpc_status
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.hand_over import status_pb2 as pb
from services.hand_over.status_pb2_grpc import StatusServiceStub
from services.rpc import health
from services.rpc.credentials import of_client
from services.status.entrypoints.taking import SetStatus
from tests.services import rpc_client
from tests.services.certificates import Certificates, make
from tests.services.cluster import Cluster
from tests.services.peer import Answer, listening
from tests.services.ports import free_port
from tests.services.processes import SECRETS, Launcher, Service, eventually
from tests.services.rpc_client import METADATA

T = TypeVar("T")

SET_STATUS = "/sallyport.status.v1.StatusService/SetStatus"


@dataclass
class Status:
    cluster: Cluster
    database: str
    service: Service
    url: str
    certificates: Certificates

    def ask(self, call: "Coroutine[Any, Any, T]") -> T:
        return asyncio.run(call)

    def set_status(self, *, metadata: Any = METADATA, **fields: Any) -> str:
        """The job's id. Raises AioRpcError."""

        async def call() -> str:
            async with rpc_client.stub(self.url, self.certificates) as stub:
                answer = await stub.SetStatus(pb.SetStatusRequest(**fields), metadata=metadata, timeout=10)
                return answer.job

        return self.ask(call())

    def send(self, message: bytes, metadata: Any = METADATA) -> None:
        """Bytes, whatever they are. Raises AioRpcError."""

        async def call() -> None:
            async with aio.secure_channel(urlsplit(self.url).netloc, self.credentials()) as channel:
                call: Any = channel.unary_unary(SET_STATUS)
                await call(message, metadata=metadata, timeout=10)

        self.ask(call())

    def credentials(self) -> grpc.ChannelCredentials:
        return of_client(rpc_client.identity(self.certificates))

    def watch(self, job: str, timeout: float = 10) -> list[tuple[str, str, int]]:
        """(state, result, attempts) of each state that is shown. Raises AioRpcError."""

        async def call() -> list[tuple[str, str, int]]:
            async with rpc_client.stub(self.url, self.certificates) as stub:
                states = stub.Watch(pb.WatchRequest(job=job), metadata=METADATA, timeout=timeout)
                return [shown(each) async for each in states]

        return self.ask(call())

    def jobs(self) -> dict[str, tuple[int, int | None]]:
        with self.cluster.connect(self.database) as connection:
            rows = connection.execute("SELECT id::text, stock_id, request_id FROM status.jobs").fetchall()
        return {job: (stock, request) for job, stock, request in rows}


def shown(answer: pb.WatchResponse) -> tuple[str, str, int]:
    return pb.State.Name(answer.state).removeprefix("STATE_").lower(), answer.result, answer.attempts


def started(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates, callback_url: str, **given: str
) -> Status:
    service, url = launcher.status(database, callback_url, SP_TRANSPORT="grpc", **given)
    if given.get("SP_CALLERS", "localhost") == "localhost":
        rpc_client.start(service, url, certificates)
    else:
        service.start()
        service.wait_for("gRPC server started")
    return Status(cluster, database, service, url, certificates)


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def status(
    module_launcher: Launcher,
    cluster: Cluster,
    module_database: str,
    certificates: Certificates,
    metrics_port: int,
) -> Status:
    """One whose callbacks go nowhere, for what concerns the hand-over alone."""
    nowhere = f"https://localhost:{free_port()}"
    given = {"SP_DEFER_SECONDS": "3600", "SP_METRICS_PORT": str(metrics_port)}
    return started(module_launcher, cluster, module_database, certificates, nowhere, **given)


def refusal(error: aio.AioRpcError) -> tuple[StatusCode, str, list[str]]:
    """Code, kind, and the fields that are wrong."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # has all that is read of a call
    kind, fields = "", []
    for detail in status.details if status else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            kind = info.reason
        if detail.Unpack(bad):
            fields = [violation.field for violation in bad.field_violations]
    return error.code(), kind, fields


def test_a_job_is_on_disk_before_it_is_accepted_and_is_the_same_when_sent_again(status: Status) -> None:
    job = str(uuid4())
    for _ in range(2):
        assert status.set_status(pk=3, job=job, request=7) == job
        assert status.jobs()[job] == (3, 7)
    with pytest.raises(aio.AioRpcError) as caught:
        status.set_status(pk=4, job=job, request=7)
    assert refusal(caught.value) == (StatusCode.ALREADY_EXISTS, "ANOTHER_JOB", [])
    first, second = status.set_status(pk=3), status.set_status(pk=3)
    assert first != second


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic x", f"Bearer {SECRETS['callback_token']}"])
def test_a_wrong_token_is_refused_before_all_else(status: Status, authorization: str) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        status.send(b"\xff", (("authorization", authorization),))
    assert refusal(caught.value) == (StatusCode.UNAUTHENTICATED, "TOKEN_REFUSED", [])


def test_what_is_wrong_is_named(status: Status) -> None:
    def send(message: bytes) -> tuple[StatusCode, str, list[str]]:
        with pytest.raises(aio.AioRpcError) as caught:
            status.send(message)
        return refusal(caught.value)

    invalid = (StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
    assert send(b"\xff") == (StatusCode.INVALID_ARGUMENT, "NOT_PROTOBUF", [])
    assert send(b"") == (*invalid, ["pk"])
    assert send(pb.SetStatusRequest(pk=0, job="x", request=-1).SerializeToString()) == (
        *invalid,
        ["pk", "job", "request"],
    )
    # Field 15 is none of ours: it may mean something that we would not do.
    assert send(pb.SetStatusRequest(pk=3).SerializeToString() + b"\x7a\x01x") == (*invalid, ["15"])
    assert send(pb.SetStatusRequest(pk=3, job="1" * 5000).SerializeToString())[0] is StatusCode.RESOURCE_EXHAUSTED


def test_whatever_bytes_come_they_are_a_job_or_a_clean_refusal(status: Status) -> None:
    anything = st.one_of(
        st.binary(max_size=60),
        st.builds(
            pb.SetStatusRequest,
            pk=st.integers(-3, 2**63 - 1),
            job=st.one_of(st.none(), st.text(max_size=40), st.uuids().map(str)),
            request=st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        ).map(lambda message: message.SerializeToString()),
    )
    with grpc.secure_channel(urlsplit(status.url).netloc, status.credentials()) as channel:
        call: Any = channel.unary_unary(SET_STATUS)

        @settings(max_examples=100, deadline=None)
        @given(anything)
        def each(message: bytes) -> None:
            try:
                call(message, metadata=METADATA, timeout=10)
                found = StatusCode.OK
            except grpc.RpcError as error:
                found = cast(grpc.Call, error).code()
            assert found is (StatusCode.OK if good(message) else StatusCode.INVALID_ARGUMENT)

        each()


def good(message: bytes) -> bool:
    """Whether the same fields are a job over HTTP."""
    try:
        read = pb.SetStatusRequest.FromString(message)
        SetStatus.model_validate_json(json.dumps({field.name: value for field, value in read.ListFields()}))
    except (DecodeError, ValidationError):
        return False
    return not list(UnknownFieldSet(read))  # type: ignore[call-overload] # its stub knows no iteration


def test_only_who_has_a_certificate_of_our_ca_gets_through_the_handshake(
    status: Status, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = make(tmp_path_factory.mktemp("foreign"))
    ca = status.certificates.ca.read_bytes()
    for credentials in (
        grpc.ssl_channel_credentials(ca),
        grpc.ssl_channel_credentials(ca, foreign.key.read_bytes(), foreign.certificate.read_bytes()),
    ):

        async def call(credentials: grpc.ChannelCredentials = credentials) -> StatusCode:
            async with aio.secure_channel(urlsplit(status.url).netloc, credentials) as channel:
                with pytest.raises(aio.AioRpcError) as caught:
                    await StatusServiceStub(channel).SetStatus(
                        pb.SetStatusRequest(pk=3), metadata=METADATA, timeout=5, wait_for_ready=False
                    )
                return caught.value.code()

        assert status.ask(call()) is StatusCode.UNAVAILABLE


def test_a_server_with_a_foreign_certificate_gets_nothing(
    status: Status, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = make(tmp_path_factory.mktemp("foreign"))
    with pytest.raises(aio.AioRpcError) as caught:
        Status(status.cluster, status.database, status.service, status.url, foreign).set_status(pk=3)
    assert caught.value.code() is StatusCode.UNAVAILABLE
    assert "certificate" in (caught.value.details() or "")


def test_a_host_that_has_no_business_here_is_refused_though_it_has_the_token(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    status = started(launcher, cluster, database, certificates, "https://localhost:1", SP_CALLERS="web1 web2")
    with pytest.raises(aio.AioRpcError) as caught:
        status.set_status(pk=3)
    assert refusal(caught.value) == (StatusCode.PERMISSION_DENIED, "PEER_REFUSED", [])
    assert status.jobs() == {}


def test_plain_http_and_old_tls_get_nothing(status: Status) -> None:
    netloc = urlsplit(status.url).netloc

    async def plain() -> StatusCode:
        async with aio.insecure_channel(netloc) as channel:
            with pytest.raises(aio.AioRpcError) as caught:
                await StatusServiceStub(channel).SetStatus(pb.SetStatusRequest(pk=3), metadata=METADATA, timeout=5)
            return caught.value.code()

    assert status.ask(plain()) is StatusCode.UNAVAILABLE
    context = ssl.create_default_context(cafile=str(status.certificates.ca))
    context.load_cert_chain(status.certificates.certificate, status.certificates.key)
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.set_alpn_protocols(["h2"])

    async def shake() -> str | None:
        host, _, port = netloc.partition(":")
        _, writer = await asyncio.open_connection(host, int(port), ssl=context)
        found: str | None = writer.get_extra_info("ssl_object").version()
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
        return found

    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        status.ask(shake())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert status.ask(shake()) == "TLSv1.2"


@asynccontextmanager
async def held_up(status: Status) -> AsyncIterator[None]:
    """Nothing is written to the table of jobs while the block runs."""
    with status.cluster.connect(status.database) as connection, connection.transaction():
        connection.execute("LOCK TABLE status.jobs IN SHARE MODE")
        yield


@pytest.mark.parametrize("how", ["its time is up", "it is cancelled"])
def test_a_call_that_ends_before_the_job_is_on_disk_leaves_nothing(status: Status, how: str) -> None:
    job, after = str(uuid4()), str(uuid4())

    async def call() -> None:
        async with rpc_client.stub(status.url, status.certificates) as stub:
            async with held_up(status):
                timeout = 0.5 if how == "its time is up" else 30
                request = pb.SetStatusRequest(pk=3, job=job, request=7)
                calling = stub.SetStatus(request, metadata=METADATA, timeout=timeout)
                await asyncio.sleep(0.4)
                assert waits_for_lock(status)
                if how == "it is cancelled":
                    calling.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await calling
                else:
                    with pytest.raises(aio.AioRpcError) as caught:
                        await calling
                    assert caught.value.code() is StatusCode.DEADLINE_EXCEEDED
                # By itself the statement would wait for the table longer than this, and then write.
                for _ in range(8):
                    if not waits_for_lock(status):
                        break
                    await asyncio.sleep(0.1)
            await stub.SetStatus(pb.SetStatusRequest(pk=3, job=after), metadata=METADATA, timeout=10)

    status.ask(call())
    assert after in status.jobs()
    assert job not in status.jobs()


def waits_for_lock(status: Status) -> bool:
    with status.cluster.connect(status.database) as connection:
        query = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND usename = 'sp_status' AND wait_event_type = 'Lock'
        """
        row = connection.execute(query).fetchone()
    assert row
    return bool(row[0])


def test_it_is_counted_and_logged_under_the_request_id(status: Status, metrics_port: int) -> None:
    job = status.set_status(pk=3, metadata=(*METADATA, ("x-request-id", "deed-0042")))
    (line,) = [
        line for line in status.service.lines() if line["message"] == "request" and line["request_id"] == "deed-0042"
    ]
    assert (line["method"], line["route"], line["status"]) == ("gRPC", SET_STATUS, "OK")
    told = httpx.get(f"http://127.0.0.1:{metrics_port}/metrics", trust_env=False).text
    assert f'sallyport_grpc_calls_total{{code="OK",method="{SET_STATUS}"}}' in told
    assert job in status.service.log.read_text()


def test_reflection_is_off_unless_a_setting_says_otherwise(
    status: Status, launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    async def names(status: Status) -> list[str]:
        async with aio.secure_channel(urlsplit(status.url).netloc, status.credentials()) as channel:
            stub: Any = ServerReflectionStub(cast(Any, channel))
            async for answer in stub.ServerReflectionInfo(iter([ServerReflectionRequest(list_services="")]), timeout=5):
                return [each.name for each in answer.list_services_response.service]
        raise AssertionError("no answer")

    async def verdict(status: Status) -> StatusCode:
        async with aio.secure_channel(urlsplit(status.url).netloc, status.credentials()) as channel:
            # Nothing is sent: a refusal that overtakes a message is the client's own error, not the server's.
            code: StatusCode = (
                await cast(Any, ServerReflectionStub(cast(Any, channel))).ServerReflectionInfo(timeout=5).code()
            )
            return code

    assert status.ask(verdict(status)) is StatusCode.UNIMPLEMENTED
    told = started(launcher, cluster, database, certificates, "https://localhost:1", SP_GRPC_REFLECTION="yes")
    assert "sallyport.status.v1.StatusService" in told.ask(names(told))


def test_no_secret_gets_into_the_log(status: Status) -> None:
    status.set_status(pk=3)
    told = status.service.log.read_text() + status.service.errors.read_text()
    assert "job accepted" in told
    for secret in (*SECRETS.values(), status.cluster.password):
        assert secret not in told
    assert "Traceback" not in told


def test_health_follows_the_database_and_the_service_s_own_name(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    status = started(launcher, cluster, database, certificates, "https://localhost:1")

    def found() -> str | None:
        return status.ask(health.ask(status.url, rpc_client.identity(certificates)))

    assert found() is None
    with cluster.connect("postgres") as connection:
        connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
        try:
            eventually(lambda: found() == f"{status.url} answers NOT_SERVING", what="NOT_SERVING")
        finally:
            connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    eventually(lambda: found() is None, what="SERVING")

    async def of(name: str) -> int:
        async with aio.secure_channel(urlsplit(status.url).netloc, status.credentials()) as channel:
            stub: Any = HealthStub(channel)
            answer: HealthCheckResponse = await stub.Check(HealthCheckRequest(service=name), timeout=5)
            return answer.status

    assert status.ask(of("sallyport.status.v1.StatusService")) == HealthCheckResponse.SERVING
    with pytest.raises(aio.AioRpcError) as caught:
        status.ask(of("another.Service"))
    assert caught.value.code() is StatusCode.NOT_FOUND


def test_a_watch_shows_each_state_until_the_job_is_done(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    with listening(certificates, Answer(500), Answer(200), Answer(409)) as peer:
        status = started(launcher, cluster, database, certificates, peer.url, SP_DEFER_SECONDS="0.5")
        states = status.watch(status.set_status(pk=3, request=7))
        results = {result for _, result, _ in states[1:]}
        assert len(results) == 1
        assert results <= {"growing", "falling"}
        assert states[0] == ("waiting", "", 0)
        assert states[-1][0::2] == ("delivered", 2)
        assert {state for state, _, _ in states[1:-1]} == {"drawn"}
        assert status.watch(status.set_status(pk=3, request=7))[-1][0::2] == ("dead", 1)


def test_a_watch_of_what_is_not_there_is_refused(status: Status) -> None:
    for job, wanted in (
        (str(uuid4()), (StatusCode.NOT_FOUND, "NO_SUCH_JOB", [])),
        ("x", (StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS", ["job"])),
    ):
        with pytest.raises(aio.AioRpcError) as caught:
            status.watch(job)
        assert refusal(caught.value) == wanted


def test_a_stop_ends_watches_and_says_to_ask_again(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    status = started(launcher, cluster, database, certificates, "https://localhost:1", SP_DEFER_SECONDS="3600")
    job = status.set_status(pk=3)

    async def call() -> aio.AioRpcError:
        async with rpc_client.stub(status.url, certificates) as stub:
            watch = stub.Watch(pb.WatchRequest(job=job), metadata=METADATA, timeout=30)
            assert shown(await anext(aiter(watch))) == ("waiting", "", 0)
            stopping = asyncio.create_task(asyncio.to_thread(status.service.stop))
            with pytest.raises(aio.AioRpcError) as caught:
                await anext(aiter(watch))
            assert await stopping == 0
            return caught.value

    assert refusal(status.ask(call()))[:2] == (StatusCode.UNAVAILABLE, "STOPPING")


@pytest.mark.thorough
def test_a_watcher_that_does_not_read_is_shown_the_newest_state_and_not_every_one(
    launcher: Launcher, cluster: Cluster, database: str, certificates: Certificates
) -> None:
    status = started(launcher, cluster, database, certificates, "https://localhost:1", SP_DEFER_SECONDS="3600")
    job = status.set_status(pk=3)
    rounds = 20

    async def call() -> list[tuple[str, str, int]]:
        # A window of five bytes: what is not read stops the server after one message.
        narrow = [("grpc.http2.lookahead_bytes", 5), ("grpc.http2.bdp_probe", 0)]
        async with aio.secure_channel(urlsplit(status.url).netloc, status.credentials(), narrow) as channel:
            watch = StatusServiceStub(channel).Watch(pb.WatchRequest(job=job), metadata=METADATA, timeout=60)
            states = [shown(await anext(aiter(watch)))]
            with cluster.connect(database) as connection:
                for _ in range(rounds):
                    connection.execute("UPDATE status.jobs SET attempts = attempts + 1")
                    await asyncio.sleep(0.25)
                connection.execute("UPDATE status.jobs SET state = 'dead', settled_at = now()")
            await asyncio.sleep(0.5)
            return states + [shown(each) async for each in watch]

    states = status.ask(call())
    assert states[-1] == ("dead", "", rounds)
    assert len(states) < rounds / 2


def test_a_port_that_is_taken_is_told_and_nothing_is_served(launcher: Launcher, status: Status, database: str) -> None:
    service, _ = launcher.status(database, "https://localhost:1", SP_TRANSPORT="grpc")
    service.environment["SP_BIND_PORT"] = str(urlsplit(status.url).port)
    service.start()
    assert service.process is not None
    assert service.process.wait(20) == 3
    service.process = None
    assert "cannot serve" in [json.loads(line)["message"] for line in service.log.read_text().splitlines()]
