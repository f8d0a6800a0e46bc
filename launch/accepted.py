"""The configuration that was accepted last, kept by the supervisor for the next life of a process.

A process that crashed may find a wrong file when it starts again. It goes on with the text that was
in force. The supervisor holds that text in a file without a name, which is gone with it: no secret
in it is left behind, and a person who starts Nocturne anew meets the file as it stands.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from domain.configuration import Configuration
from domain.mistakes import ConfigError
from launch.config import ReadFile, read_file

VARIABLE = "NOCTURNE_ACCEPTED_FD"
LENGTH_BYTES = 8

Parse = Callable[[str, Mapping[str, str], ReadFile], Configuration]


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for one text behind an open file descriptor that processes inherit."""

    descriptor: int

    @classmethod
    def make(cls) -> Slot | None:
        """An empty one of this process; None where there is no place for it."""
        try:
            if hasattr(os, "memfd_create"):
                return cls(os.memfd_create("nocturne-accepted"))
            with tempfile.TemporaryFile() as file:
                return cls(os.dup(file.fileno()))
        except OSError:
            return None

    def keep(self, text: str) -> None:
        """Replace what is kept. Raises OSError."""
        data = text.encode()
        # In one call: a process killed within it must not leave half a text.
        os.pwrite(self.descriptor, len(data).to_bytes(LENGTH_BYTES) + data, 0)

    def kept(self) -> str | None:
        """What is kept; None as long as there is nothing. Raises OSError."""
        length = int.from_bytes(os.pread(self.descriptor, LENGTH_BYTES, 0))
        return os.pread(self.descriptor, length, LENGTH_BYTES).decode() if length else None


def slot_of(environ: Mapping[str, str]) -> Slot | None:
    """The slot that the supervisor handed on; None where there is none."""
    number = environ.get(VARIABLE, "")
    if not (number.isascii() and number.isdigit()):
        return None
    try:
        os.fstat(int(number))
    except OSError:
        return None
    return Slot(int(number))


class Source:
    """Where a process reads its configuration: the file, else the text that was accepted last.

    `keeps` tells whether what it loads is the one to go on with: whoever reads it whole knows that.
    """

    def __init__(
        self,
        path: str,
        environ: Mapping[str, str],
        parse: Parse,
        *,
        slot: Slot | None,
        keeps: bool = True,
        read: ReadFile = read_file,
    ) -> None:
        self._path = path
        self._environ = environ
        self._parse = parse
        self._slot = slot
        self._keeps = keeps
        self._read = read

    def load(self) -> Configuration:
        """The configuration of the file as it stands now. Raises ConfigError."""
        texts: list[str] = []

        def read(path: str) -> str:
            texts.append(self._read(path))
            return texts[-1]

        configuration = self._parse(self._path, self._environ, read)
        if self._slot is not None and self._keeps:
            # What can't be kept is missed only after a crash beside a wrong file.
            with contextlib.suppress(OSError):
                self._slot.keep(texts[-1])
        return configuration

    def start(self) -> tuple[Configuration, ConfigError | None]:
        """The configuration to start with, and why it is not the file's (None: it is).

        Raises ConfigError when the file is wrong and nothing was accepted before.
        """
        try:
            return self.load(), None
        except ConfigError as refused:
            kept = None if self._slot is None else self._slot.kept()
            if kept is None:
                raise
            return self._parse(self._path, self._environ, lambda _: kept), refused
