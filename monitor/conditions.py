"""Conditions on files and folders: readable, writable, and configuration that can be parsed.

These calls may block for ever (a dead mount): they run in a thread. Each gives None when the
condition holds, else what is wrong; what a file holds is never repeated.
"""

from __future__ import annotations

import configparser
import json
import os
import stat
import tomllib
from collections.abc import Callable

CONFIG_BYTES = 4 * 2**20
TEXT_LIMIT = 150
BARE = "a name without a value goes on on the next line"


def readable(path: str) -> str | None:
    """Whether a folder can be listed and entered, or a file opened."""
    try:
        if os.path.isdir(path):
            with os.scandir(path) as entries:
                next(entries, None)
            if not os.access(path, os.X_OK):
                return f"{path} can't be entered: Permission denied"
        else:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error:
        return f"{path} can't be read: {error.strerror}"
    return None


def writable(path: str) -> str | None:
    """Whether a file can be made in a folder, with a byte in it; or a file be opened for writing.

    Nothing appears in the folder and the file is not changed.
    """
    try:
        if os.path.isdir(path):
            _write_without_a_name(path)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
    except OSError as error:
        return f"{path} can't be written to: {error.strerror}"
    return None


def _write_without_a_name(folder: str) -> None:
    try:
        file = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except (AttributeError, IsADirectoryError, NotImplementedError):
        return _ask_for_access(folder)
    except OSError as error:
        # Network filesystems and old kernels don't have such files.
        if error.errno not in (95, 22):
            raise
        return _ask_for_access(folder)
    try:
        os.write(file, b"x")
    finally:
        os.close(file)
    return None


def _ask_for_access(folder: str) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, "Permission denied")


def valid(path: str) -> str | None:
    """Whether a configuration file can be parsed, by the ending of its name."""
    try:
        text = _text(path)
    except UnicodeDecodeError as error:
        return f"{path} is not UTF-8 at byte {error.start}"
    except OSError as error:
        return f"{path} can't be read: {error.strerror}"
    if text is None:
        return f"{path} is larger than 4 MB, expected a configuration file"
    try:
        reason = PARSERS[os.path.splitext(path)[1].lower()](text)
    except RecursionError:
        reason = "nested too deeply"
    return None if reason is None else f"{path} is not valid: {reason}"


def _text(path: str) -> str | None:
    """The file's text; None when it is too large or no plain file."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(22, "It is no plain file")
        data = opened.read(CONFIG_BYTES + 1)
    return data.decode("utf-8-sig") if len(data) <= CONFIG_BYTES else None


def _toml(text: str) -> str | None:
    try:
        tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        return str(error)[:TEXT_LIMIT]
    return None


def _json(text: str) -> str | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return str(error)[:TEXT_LIMIT]
    except ValueError:  # a number with thousands of digits
        return "a number is too long"
    return None


def _ini(text: str) -> str | None:
    parser = configparser.RawConfigParser(allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.DuplicateSectionError as error:
        return f"section {error.section} stands twice (line {error.lineno})"
    except configparser.DuplicateOptionError as error:
        return f"{error.option} stands twice in section {error.section} (line {error.lineno})"
    except configparser.MissingSectionHeaderError as error:
        return f"no section before line {error.lineno}"
    except configparser.ParsingError as error:
        # Its own text repeats the lines, and with them maybe a password.
        errors = getattr(error, "errors", None)
        return f"line {errors[0][0]} can't be parsed" if errors else BARE
    except AttributeError:  # Python 3.13 has an error of its own for this, without lines
        return BARE
    return None


PARSERS: dict[str, Callable[[str], str | None]] = {
    ".toml": _toml,
    ".json": _json,
    ".ini": _ini,
    ".cfg": _ini,
}
