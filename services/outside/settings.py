"""What the stand-ins read at their start."""

from dataclasses import dataclass, replace

from services.settings import Secret, Source
from services.transport import Listener


@dataclass(frozen=True, slots=True)
class OutsideSettings:
    """provider_password: the SMTP password, the Telegram bot's token and VK's access token, all in one.

    control: where an operator on the host itself looks at what came, and sets faults.
    """

    environment: str
    https: Listener
    submission: Listener
    control: Listener
    provider_password: Secret

    @classmethod
    def read(cls, source: Source) -> "OutsideSettings":
        https = Listener.tls(source, 443)
        return cls(
            environment=source.text("SP_ENVIRONMENT", "unnamed"),
            https=https,
            control=Listener("127.0.0.1", source.port("SP_CONTROL_PORT", 8025)),
            submission=replace(https, port=source.port("SP_SUBMISSION_PORT", 587)),
            provider_password=source.secret("provider_password"),
        )
