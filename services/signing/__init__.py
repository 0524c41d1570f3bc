"""Signed messages after Standard Webhooks (https://www.standardwebhooks.com)."""

from services.signing.settings import read_signing_key
from services.signing.webhook import BadSignature, Signed, SigningKey

__all__ = ["BadSignature", "Signed", "SigningKey", "read_signing_key"]
