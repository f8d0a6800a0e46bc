"""The Redis protocol as far as a probe needs it: RESP version 2, one question and one flat answer.

Source: https://redis.io/docs/latest/develop/reference/protocol-spec/. redis-py would cost the
monitor 8 MB of memory and resolves names by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.facts import Cause
from monitor.wire.said import said
from monitor.wire.visit import Dialogue, Garbled

LONGEST_LINE = 4096
# What `INFO` says is about 7 kB; thousands of databases may make it longer.
LONGEST_ANSWERS = 256 * 1024


# What an error means, by its code: the cause, and what is said of the server.
ERRORS: Mapping[str, tuple[Cause, str]] = {
    "NOAUTH": (Cause.REFUSED, "wants a password, and none is given"),
    "WRONGPASS": (Cause.REFUSED, "refuses the user name or password"),
    "NOPERM": (Cause.REFUSED, "does not permit {doing} to this user"),
    "DENIED": (
        Cause.REFUSED,
        "is in protected mode: it has no password and serves only its own machine",
    ),
    "LOADING": (Cause.WRONG_ANSWER, "is still loading its data into memory"),
    "BUSY": (Cause.WRONG_ANSWER, "does nothing else while a script runs"),
    "MISCONF": (Cause.WRONG_ANSWER, "refuses writes, since it can't save to its disk"),
    "READONLY": (Cause.WRONG_ANSWER, "is a replica that can't be written"),
    "MASTERDOWN": (Cause.WRONG_ANSWER, "is a replica that serves nothing without its master"),
}
# Errors without a code of their own, by words that stand in them.
TEXTS: Mapping[str, tuple[Cause, str]] = {
    "max number of clients": (Cause.REFUSED, "has no room for another client (maxclients)"),
    "without any password": (Cause.REFUSED, "has no password, but one is given"),
    "invalid password": ERRORS["WRONGPASS"],
    "index is out of range": (Cause.MISSING, "has no database of this number"),
}


class Refused(Exception):
    """The server answered with an error: `code` is its first word (`NOAUTH`), `text` all of it.

    The text may repeat what was sent, secrets included.
    """

    def __init__(self, text: str) -> None:
        super().__init__("the server answered with an error")
        self.code = text.partition(" ")[0]
        self.text = text

    def meaning(self, doing: str, password: str | None) -> tuple[Cause, str]:
        """The cause, and a predicate whose subject is the server: `wants a password …`."""
        for words, found in TEXTS.items():
            if words in self.text:
                return found
        if self.code in ERRORS:
            cause, predicate = ERRORS[self.code]
            return cause, predicate.replace("{doing}", doing)
        if doing == "AUTH":  # the text may repeat the password, whole or in part
            return Cause.REFUSED, "refuses the login"
        words = said(self.text, [password] if password else [])
        return Cause.WRONG_ANSWER, f"answers {doing} with an error: {words}"


def question(*words: str) -> bytes:
    """A command as it is sent: an array of bulk strings."""
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


async def ask(dialogue: Dialogue, *words: str) -> str:
    """Send a command and read its answer as text; none is empty.

    Raises Refused, Garbled, and what Dialogue raises.
    """
    await dialogue.send(question(*words))
    line = (await dialogue.line(LONGEST_LINE)).decode("utf-8", "replace")
    mark, rest = line[:1], line[1:]
    if mark in ("+", ":"):
        return rest
    if mark == "-":
        raise Refused(rest)
    if mark == "$":
        return await _bulk(dialogue, rest)
    # Nothing of the line: it may repeat what was sent.
    raise Garbled(f"its answer begins with {said(mark)!r}" if mark else "its answer is empty")


async def _bulk(dialogue: Dialogue, size: str) -> str:
    if size == "-1":
        return ""
    # Not isdigit(), which takes the digits of every script; and int() takes a sign and spaces.
    if not (size.isascii() and size.isdigit() and len(size) < 20):
        raise Garbled("the length of its answer is no number")
    data = await dialogue.exactly(int(size) + 2)
    if data[-2:] != b"\r\n":
        raise Garbled("its answer is longer than it said")
    return data[:-2].decode("utf-8", "replace")
