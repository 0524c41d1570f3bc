"""Short names that are never given twice, the same for the same input."""

from hashlib import sha256


class Names:
    """Gives out names of at most `longest` characters. What is too long is cut and told apart by a digest."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._given: set[str] = set()

    def new(self, prefix: str, name: str, suffix: str = "") -> str:
        """Return a name made of the three; a name that is taken already gets a number."""
        number = 1
        while True:
            counted = name if number == 1 else f"{name}-{number}"
            given = prefix + self._cut(counted, self._longest - len(prefix) - len(suffix)) + suffix
            if given not in self._given:
                self._given.add(given)
                return given
            number += 1

    @staticmethod
    def _cut(name: str, longest: int) -> str:
        if len(name) <= longest:
            return name
        return f"{name[: longest - 7]}-{sha256(name.encode()).hexdigest()[:6]}"
