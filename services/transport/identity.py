"""What one end of a connection proves itself with, and whom it believes."""

from dataclasses import dataclass
from pathlib import Path

from services.settings import Source


@dataclass(frozen=True, slots=True)
class Identity:
    """Our certificate and key, and the only CA whose certificates are taken."""

    ca: Path
    certificate: Path
    key: Path

    @classmethod
    def read(cls, source: Source) -> "Identity":
        return cls(source.file("SP_CA_FILE"), source.file("SP_TLS_CERT"), source.secret_file("tls_key"))
