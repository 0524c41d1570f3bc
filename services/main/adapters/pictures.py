"""The pictures that come with the service."""

from importlib.resources import files


def shipped_pictures() -> frozenset[str]:
    """The file names below /static/pictures/."""
    folder = files("services.main") / "static" / "pictures"
    return frozenset(entry.name for entry in folder.iterdir() if entry.name.endswith(".svg"))
