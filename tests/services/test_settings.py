"""Settings: all faults at once, and no secret in sight."""

from pathlib import Path

import pytest

from services.main.settings import MainSettings, MigrateSettings, RelaySettings
from services.settings import Secret, SettingsError, Source
from services.status.settings import StatusSettings

GOOD = {
    "SP_DATABASE_HOST": "db1",
    "SP_DATABASE_USER": "sp_main",
    "SP_CA_FILE": "/dev/null",
    "SP_PUBLIC_ORIGINS": "https://sallyport.test, https://localhost:8443",
    "SP_STATUS_URL": "https://worker1:3000/",
}
SECRETS = {
    "database_password": "hunter2",
    "session_key": "session",
    "callback_token": "token",
    "callback_signing_key": "0123456789012345678901234567890123456789",
    "set_status_token": "token",
}


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    for name, text in SECRETS.items():
        (tmp_path / name).write_text(text + "\n", "utf-8")
    return tmp_path


def faults(source: Source) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        source.complete()
    return caught.value.faults


def test_defaults_make_a_working_main(credentials: Path) -> None:
    source = Source(GOOD, credentials)
    settings = MainSettings.read(source)
    source.complete()
    assert (settings.listener.address, settings.listener.port, settings.listener.certificate) == (
        "127.0.0.1",
        8000,
        None,
    )
    assert settings.public_origins == {"https://sallyport.test", "https://localhost:8443"}
    assert (settings.database.port, settings.database.name) == (5432, "sallyport")
    assert not settings.callback_token_previous


def test_a_secret_hides_itself(credentials: Path) -> None:
    settings = MainSettings.read(Source(GOOD, credentials))
    for text in (repr(settings), str(settings), f"{settings.session_key}"):
        assert not any(secret in text for secret in ("hunter2", "'session'", SECRETS["callback_signing_key"]))
    assert settings.database.password.reveal() == "hunter2"
    assert Secret("a") == Secret("a")


def test_all_faults_are_told_at_once_with_a_remedy() -> None:
    source = Source({"SP_DATABASE_PORT": "99999", "SP_PUBLIC_ORIGINS": "http://plain https://with/path"}, None)
    MainSettings.read(source)
    told = "\n".join(faults(source))
    for part in (
        "SP_DATABASE_HOST: not set; set the environment variable",
        "SP_DATABASE_PORT: '99999' is not a number between 1 and 65535",
        "SP_PUBLIC_ORIGINS: 'http://plain' is not an origin",
        "SP_PUBLIC_ORIGINS: 'https://with/path' is not an origin",
        "credential session_key: nothing in $CREDENTIALS_DIRECTORY, which is not set; give the unit LoadCredential=",
    ):
        assert part in told


@pytest.mark.parametrize(
    "url", ["http://worker1:3000", "https://", "worker1:3000", "https://worker1/path", "https://w?q"]
)
def test_only_a_bare_https_url_is_taken(credentials: Path, url: str) -> None:
    source = Source(GOOD | {"SP_STATUS_URL": url}, credentials)
    RelaySettings.read(source)
    assert faults(source) == [f"SP_STATUS_URL: {url!r} is not like https://host:port"]


def test_a_url_may_end_with_a_slash(credentials: Path) -> None:
    source = Source(GOOD, credentials)
    settings = RelaySettings.read(source)
    source.complete()
    assert settings.status_url == "https://worker1:3000"


def test_a_weak_signing_key_is_refused_without_showing_it(credentials: Path) -> None:
    (credentials / "callback_signing_key").write_text("weakling", "utf-8")
    source = Source(GOOD, credentials)
    MainSettings.read(source)
    assert faults(source) == ["credential callback_signing_key: the signing key has 8 bytes; it needs at least 24"]


@pytest.mark.parametrize("text", ["not json", "[]", '{"creator": 1}', '{"creator": ""}'])
def test_wrong_users_are_refused_without_showing_them(credentials: Path, text: str) -> None:
    (credentials / "app_users").write_text(text, "utf-8")
    source = Source(GOOD, credentials)
    MigrateSettings.read(source)
    assert faults(source) == ["credential app_users: is not a JSON object of name to password"]


def test_the_async_service_always_speaks_tls(credentials: Path) -> None:
    source = Source(GOOD | {"SP_CALLBACK_URL": "https://web1:8444", "SP_DEFER_SECONDS": "-1"}, credentials)
    StatusSettings.read(source)
    told = "\n".join(faults(source))
    assert "SP_TLS_CERT: not set" in told
    assert "credential tls_key" in told
    assert "SP_DEFER_SECONDS: '-1' is not a number between 0 and 86400" in told


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("http", []),
        ("grpc", ["SP_TLS_CERT: not set", "credential tls_key: nothing in"]),
        ("broker", ["SP_BROKER_HOST: not set", "SP_BROKER_USER: not set", "credential broker_password: nothing in"]),
        ("gprc", ["SP_TRANSPORT: 'gprc' is none of http, grpc, broker"]),
    ],
)
def test_each_way_asks_the_relay_for_what_it_needs(credentials: Path, way: str, told: list[str]) -> None:
    source = Source(GOOD | {"SP_TRANSPORT": way}, credentials)
    RelaySettings.read(source)
    if not told:
        source.complete()
        return
    found = faults(source)
    assert [fault[: len(wanted)] for fault, wanted in zip(found, told, strict=True)] == told


def test_by_the_broker_neither_url_nor_token_is_asked_for(credentials: Path) -> None:
    (credentials / "set_status_token").unlink()
    (credentials / "broker_password").write_text("another\n", "utf-8")
    given = {name: value for name, value in GOOD.items() if name != "SP_STATUS_URL"}
    source = Source(
        given | {"SP_TRANSPORT": "broker", "SP_BROKER_HOST": "broker1", "SP_BROKER_USER": "main"}, credentials
    )
    RelaySettings.read(source)
    source.complete()


def test_by_the_broker_the_async_service_asks_for_no_token(credentials: Path) -> None:
    (credentials / "set_status_token").unlink()
    (credentials / "broker_password").write_text("another\n", "utf-8")
    (credentials / "tls_key").write_text("a key\n", "utf-8")
    ways = {"SP_TRANSPORT": "broker", "SP_BROKER_HOST": "broker1", "SP_BROKER_USER": "status"}
    ca = GOOD["SP_CA_FILE"]
    source = Source(GOOD | ways | {"SP_CALLBACK_URL": "https://web1:8444", "SP_TLS_CERT": ca}, credentials)
    StatusSettings.read(source)
    source.complete()


def test_a_flag_is_yes_or_no(credentials: Path) -> None:
    source = Source({"A": "yes", "B": "no", "C": "true"}, credentials)
    assert [source.flag(name) for name in "ABCD"] == [True, False, False, False]
    assert faults(source) == ["C: 'true' is neither yes nor no"]
