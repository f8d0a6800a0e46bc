"""What stands in for a value in arrays of tables: `${NAME}`, `${web.url}` and `file:/path`.

`${NAME}` is an environment variable, `${web.url}` and its like are settings, `file:/path` is what
the file holds. `$${` writes a plain `${`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from domain.mistakes import KeyPath, closest
from domain.secretfields import FILE, PLACEHOLDER
from domain.settings import Settings

SHORTEST_SECRET = 3
MASK = "***"


class Expander:
    """Puts values in place of placeholders, remembering what went wrong and what is secret.

    `failures` are the reasons by path. `from_text` are the paths whose whole value came from an
    environment variable, where a number can only be written as text.
    """

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], read_file: Callable[[str], str]
    ) -> None:
        self.failures: dict[KeyPath, str] = {}
        self.from_text: set[KeyPath] = set()
        self._settings = known_settings(settings)
        self._environ = environ
        self._read_file = read_file
        self._secrets: set[str] = set()

    def expand(self, value: Any, path: KeyPath) -> Any:
        """The value with all placeholders in it replaced, in nested lists and tables too."""
        if isinstance(value, str):
            return self._expand_text(value, path)
        if isinstance(value, Mapping):
            return {key: self.expand(each, (*path, str(key))) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.expand(each, (*path, index)) for index, each in enumerate(value)]
        return value

    def has_failed(self, index: int) -> bool:
        """Whether a placeholder in the table at this place has no value."""
        return any(path[1] == index for path in self.failures)

    def veil(self, text: str) -> str:
        """The text with every value that came from the environment or a file masked."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _expand_text(self, text: str, path: KeyPath) -> Any:
        try:
            if found := FILE.fullmatch(text):
                return self._keep_secret(self._content(found[1]))
            whole = PLACEHOLDER.fullmatch(text)
            if whole and whole[1] is not None:
                return self._whole(whole[1], path)
            return PLACEHOLDER.sub(lambda match: str(self._value(match[1])), text)
        except ValueError as error:
            self.failures[path] = str(error)
            return text

    def _whole(self, name: str, path: KeyPath) -> Any:
        if name not in self._settings:
            self.from_text.add(path)
        return self._value(name)

    def _value(self, name: str | None) -> Any:
        if name is None:
            return "${"
        if name in self._settings:
            return self._settings[name]
        if "." in name:
            meant = closest(name, self._settings)
            hint = f", did you mean ${{{meant}}}?" if meant else ""
            raise ValueError(f"${{{name}}} is not a setting that can be used here{hint}")
        if name not in self._environ:
            raise ValueError(
                f"the environment variable {name} is not set (for a plain ${{ write $${{)"
            )
        return self._keep_secret(_utf8(name, self._environ[name]))

    def _content(self, path: str) -> str:
        if not path.startswith("/"):
            raise ValueError("file: takes an absolute path, such as file:/run/secrets/password")
        try:
            return self._read_file(path).rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError(f"the file {path} is not UTF-8 text") from None
        except OSError as error:
            raise ValueError(f"the file {path} can't be read: {error.strerror or error}") from None

    def _keep_secret(self, value: str) -> str:
        if len(value) >= SHORTEST_SECRET:
            self._secrets.add(value)
        return value


def is_placeholder(text: str) -> bool:
    """Whether the whole text stands for a value, with nothing of its own."""
    return bool(FILE.fullmatch(text) or PLACEHOLDER.fullmatch(text))


def known_settings(settings: Settings) -> dict[str, str | int]:
    """The settings that arrays of tables can refer to."""
    return {
        "web.url": settings.web.url,
        "web.host": settings.web.reach_host,
        "web.port": settings.web.port,
        "storage.url": settings.storage.url,
    }


def _utf8(name: str, value: str) -> str:
    # Bytes that are no UTF-8 arrive as lone surrogates, which nothing can store or send.
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the environment variable {name} is not UTF-8 text") from None
    return value
