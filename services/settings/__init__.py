"""Settings: environment variables for what is not secret, systemd credentials for what is."""

from services.settings.secret import Secret
from services.settings.source import SettingsError, Source, load

__all__ = ["Secret", "SettingsError", "Source", "load"]
