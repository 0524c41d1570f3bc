"""What each process of the gateway reads at its start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.broker import BrokerSettings
from services.gateway.adapters.forgetting import Keeping
from services.gateway.adapters.mail import Submission
from services.gateway.domain.message import Channel
from services.gateway.domain.sending import AFTER_UNKNOWN, AfterUnknown, Policy
from services.metrics import read_port
from services.outbox import read_lease
from services.postgres import Database
from services.retry import Backoff
from services.settings import Secret, Source
from services.transport import Listener

SCHEMA = "gateway"

# Messages a second, and at once. Telegram's bound for a bot is about 30 a second, VK's for a community's token 20.
RATES: Mapping[Channel, float] = {Channel.EMAIL: 10.0, Channel.TELEGRAM: 25.0, Channel.VK: 15.0}


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The queue API. channels: those that are set up. metrics_port: 0 for none."""

    environment: str
    database: Database
    listener: Listener
    channels: frozenset[Channel]
    token: Secret
    metrics_port: int

    @classmethod
    def read(cls, source: Source) -> "QueueSettings":
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            database=Database.read(source, SCHEMA),
            listener=Listener.plain(source, 3001),
            channels=read_channels(source),
            token=source.secret("gateway_token"),
            metrics_port=read_port(source),
        )


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """The sender. lease, send_seconds: of one attempt. rates: messages a second, which is also the most at once.

    providers_ca: whose certificates the providers have; None for the system's trust.
    """

    environment: str
    database: Database
    broker: BrokerSettings
    channels: frozenset[Channel]
    providers_ca: Path | None
    mail: Submission
    telegram_url: str
    telegram_token: Secret
    vk_url: str
    vk_token: Secret
    rates: Mapping[Channel, float]
    policy: Policy
    keeping: Keeping
    lease: float
    send_seconds: float
    metrics_port: int

    @classmethod
    def read(cls, source: Source) -> "SenderSettings":
        channels = read_channels(source)
        lease = read_lease(source)
        mail, telegram, vk = (channel in channels for channel in (Channel.EMAIL, Channel.TELEGRAM, Channel.VK))
        trust = source.text("SP_PROVIDERS_CA_FILE", "system")
        # An attempt must end, and be written down, while its lease holds.
        send_seconds = source.number("SP_SEND_SECONDS", min(10.0, lease / 2), least=0.1, most=300.0)
        if send_seconds > lease / 2:
            source.fault(f"SP_SEND_SECONDS: {send_seconds:g} is more than half of SP_LEASE_SECONDS, {lease:g}")
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            database=Database.read(source, SCHEMA),
            broker=BrokerSettings.read(source),
            channels=channels,
            providers_ca=None if trust == "system" else source.file("SP_PROVIDERS_CA_FILE"),
            mail=Submission(
                host=source.text("SP_SMTP_HOST", None if mail else ""),
                port=source.port("SP_SMTP_PORT", 587),
                user=source.text("SP_SMTP_USER", None if mail else ""),
                password=source.secret("smtp_password", optional=not mail),
                sender=source.text("SP_MAIL_FROM", None if mail else ""),
            ),
            telegram_url=source.https_url("SP_TELEGRAM_URL") if telegram else "",
            telegram_token=source.secret("telegram_token", optional=not telegram),
            vk_url=source.https_url("SP_VK_URL") if vk else "",
            vk_token=source.secret("vk_token", optional=not vk),
            rates={
                channel: source.number(f"SP_{channel.name}_PER_SECOND", rate, least=0.01, most=10_000)
                for channel, rate in RATES.items()
            },
            policy=Policy(
                strikes=int(source.number("SP_ATTEMPTS_MOST", 20, least=1, most=1000)),
                backoff=Backoff(
                    base=source.number("SP_RETRY_BASE_SECONDS", 2.0, least=0.01, most=3600),
                    most=source.number("SP_RETRY_MOST_SECONDS", 3600.0, least=0.01, most=86_400),
                ),
                after_unknown={channel: _after_unknown(source, channel) for channel in Channel},
            ),
            keeping=_keeping(source),
            lease=lease,
            send_seconds=send_seconds,
            metrics_port=read_port(source),
        )


@dataclass(frozen=True, slots=True)
class WelcomeSettings:
    """The consumer that has new users greeted. channels: those that are set up. metrics_port: 0 for none."""

    environment: str
    database: Database
    broker: BrokerSettings
    channels: frozenset[Channel]
    metrics_port: int

    @classmethod
    def read(cls, source: Source) -> "WelcomeSettings":
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            database=Database.read(source, SCHEMA),
            broker=BrokerSettings.read(source),
            channels=read_channels(source),
            metrics_port=read_port(source),
        )


@dataclass(frozen=True, slots=True)
class MigrateSettings:
    """Bringing the schema up to date."""

    database: Database

    @classmethod
    def read(cls, source: Source) -> "MigrateSettings":
        return cls(Database.read(source, SCHEMA))


def _keeping(source: Source) -> Keeping:
    messages = int(source.number("SP_KEEP_DAYS", 30, least=1, most=3650))
    keys = int(source.number("SP_KEEP_KEYS_DAYS", max(365, messages), least=1, most=3650))
    if keys < messages:
        source.fault(f"SP_KEEP_KEYS_DAYS: {keys} is less than SP_KEEP_DAYS, {messages}")
    return Keeping(messages, keys)


def read_channels(source: Source) -> frozenset[Channel]:
    """SP_CHANNELS: the channels that are set up, separated by blanks."""
    names = source.text("SP_CHANNELS", " ".join(Channel)).split()
    if unknown := [name for name in names if name not in set(Channel)]:
        source.fault(f"SP_CHANNELS: {unknown[0]!r} is none of {', '.join(Channel)}")
        return frozenset()
    return frozenset(Channel(name) for name in names)


def _after_unknown(source: Source, channel: Channel) -> AfterUnknown:
    """SP_<CHANNEL>_AFTER_UNKNOWN: what is done with a message that may have arrived."""
    default = AFTER_UNKNOWN[channel]
    text = source.text(f"SP_{channel.name}_AFTER_UNKNOWN", default.value)
    if text not in set(AfterUnknown):
        source.fault(f"SP_{channel.name}_AFTER_UNKNOWN: {text!r} is none of {', '.join(AfterUnknown)}")
        return default
    return AfterUnknown(text)
