"""The signing key as a setting."""

from services.settings import Secret, Source
from services.signing.webhook import SigningKey


def read_signing_key(source: Source) -> Secret:
    """The credential `callback_signing_key`, checked."""
    key = source.secret("callback_signing_key")
    if key:
        try:
            SigningKey(key.reveal())
        except ValueError as error:
            source.fault(f"credential callback_signing_key: {error}")
    return key
