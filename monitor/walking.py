"""Looks for files by path and glob, within a limit; it blocks, so it belongs in a thread of its own."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

GLOB = re.compile(r"[*?\[]")
DEEP = "**"


class Stopped(Exception):
    """The walk was not finished: nobody waits for it any longer.

    `TooMany(Stopped)`: it has looked at as many entries as it may.
    """


class TooMany(Stopped):
    """The walk has looked at as many entries as it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One match: when it was changed (seconds since 1970), what it holds, and whose it is."""

    path: str
    changed: float
    size: int
    mode: int
    uid: int
    gid: int

    @property
    def user(self) -> str:
        """The user's name, or the number of one without a name. May ask a directory service."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    @property
    def group(self) -> str:
        """The group's name, or its number."""
        try:
            return grp.getgrgid(self.gid).gr_name
        except KeyError:
            return str(self.gid)


class Walk:
    """Looks at `limit` entries of folders at most. `unreadable` are folders that may not be read."""

    def __init__(self, limit: int, given_up: threading.Event) -> None:
        self._left = limit
        self._given_up = given_up
        self.unreadable: list[str] = []

    def find(self, pattern: str) -> Iterator[Found]:
        """What matches an absolute pattern, each once. Links to files are followed.

        `**` is any number of folders, without following links. As in a shell, `*` takes no name
        that begins with a dot. Raises Stopped, TooMany, OSError.
        """
        seen: set[str] = set()
        for path in self._paths([part for part in pattern.split("/") if part]):
            if path not in seen:
                seen.add(path)
                if found := self._stat(path):
                    yield found

    def _paths(self, parts: list[str]) -> Iterator[str]:
        # A list of what is to be done, as folders can be nested deeper than calls.
        todo = [("", 0)]
        while todo:
            folder, place = todo.pop()
            if place == len(parts):
                yield folder or "/"
                continue
            part = parts[place]
            if not GLOB.search(part):
                todo.append((f"{folder}/{part}", place + 1))
                continue
            is_last = place + 1 == len(parts)
            if part == DEEP and not is_last:
                todo.append((folder, place + 1))
            for entry in self._entries(folder or "/"):
                if _is_hidden(entry.name, part):
                    continue
                if part == DEEP:
                    if is_last:
                        yield entry.path
                    if entry.is_dir(follow_symlinks=False):
                        todo.append((entry.path, place))
                elif fnmatchcase(entry.name, part) and (is_last or entry.is_dir()):
                    todo.append((entry.path, place + 1))

    def _entries(self, folder: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._count()
                    yield entry
        except (FileNotFoundError, NotADirectoryError):
            return
        except PermissionError:
            self.unreadable.append(folder)

    def _count(self) -> None:
        if self._given_up.is_set():
            raise Stopped
        if self._left == 0:
            raise TooMany
        self._left -= 1

    def _stat(self, path: str) -> Found | None:
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):  # gone meanwhile, or a link to nowhere
            return None
        except PermissionError:
            self.unreadable.append(path)
            return None
        return Found(
            path=path,
            changed=found.st_mtime,
            size=found.st_size,
            mode=found.st_mode,
            uid=found.st_uid,
            gid=found.st_gid,
        )


def tail(path: str, size: int) -> str:
    """The last `size` bytes of a regular file as text; of anything else nothing. Raises OSError."""
    # A pipe that took the file's place would not be opened before somebody writes to it.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return ""
        file.seek(max(0, found.st_size - size))
        return file.read(size).decode("utf-8", errors="replace")


def _is_hidden(name: str, part: str) -> bool:
    return name.startswith(".") and not part.startswith(".")
