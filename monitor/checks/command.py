"""Check kind `command`: a Nagios plugin, or any program that keeps to their exit codes.

The program gets no shell, a clean environment, and a process group of its own, which is ended with
whatever it started when the run ends: in time, at the deadline, or cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated

import msgspec
from msgspec import Meta, field

from domain import nagios
from domain.counting import Counting
from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import MASK, SECRET_KEY, WrongFields
from monitor.checks import Check, Deadline, in_thread, kind
from monitor.checks.tcp import length
from monitor.wire.said import said

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
KEPT_BYTES = 64 * 1024
# A program that writes more than this is not reporting but flooding.
FLOOD_BYTES = 4 * 2**20
# What the program itself wrote is in the pipe when it ends: nobody else is waited for.
LINGER_S = 0.2
END_S = 0.5
STDOUT, STDERR = 1, 2
MORE_CHARACTERS = 2000
# Masking every "1" because a secret is "1" would spoil the numbers and hide nothing.
SHORTEST_SECRET = 4

Argument = Annotated[str, Meta(pattern="^[^\\x00]*$")]

# Checks are frozen: what is remembered between two runs lives here, by the check's config.
_counting = Counting()
_left: dict[bytes, Program] = {}


@kind("command", title="Command", component="command", headline="command.duration_ms")
class CommandCheck(Check, frozen=True, kw_only=True):
    """A plugin exits with 0 healthy, 1 warning, 2 critical or 3 unknown, and says why in one line."""

    command: Annotated[
        tuple[Argument, ...],
        Meta(min_length=1, description="Absolute path of the program, then its arguments"),
    ]
    env: Annotated[
        dict[str, Argument],
        Meta(description="Variables beside PATH and LANG; the place for secrets"),
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no list of arguments, or would depend on the environment."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        program = self.command[0]
        if not program.startswith("/"):
            yield "command", "must begin with the absolute path of a program"
        elif any(letter.isspace() for letter in program):
            yield "command", "is no shell line: each argument is an entry of its own"
        for name in self.env:
            if not VARIABLE.fullmatch(name):
                yield "env", f"{name!r} is no name of a variable"
            elif name == "PATH":
                yield "env", "PATH is fixed: give programs with their whole path"

    def __repr__(self) -> str:
        """Without arguments and variables, which may be secret."""
        return f"CommandCheck({self.target()!r})"

    async def run(self, deadline: Deadline) -> Measurement:
        """Run the program to its end, or end it at the deadline."""
        key, budget_s = msgspec.msgpack.encode(self), deadline.remaining()
        if not _is_gone(key):
            text = f"{self._name} of an earlier run is still there and can't be ended"
            return _failed(Status.CRITICAL, Cause.TIMEOUT, text)
        program = Program()
        try:
            async with asyncio.timeout_at(deadline.at):
                if reason := await self._unusable():
                    return _failed(Status.UNKNOWN, Cause.NOT_MEASURABLE, reason)
                await program.run(self.command, {**ENVIRONMENT, **self.env})
        except TimeoutError:
            text = f"{self._name} did not end within {length(budget_s)} and was killed"
            if not program.started:
                text = f"The filesystem of {self.command[0]} does not answer"
            return _failed(Status.CRITICAL, Cause.TIMEOUT, text, self._shown(program))
        except OSError as error:
            text = f"{self.command[0]} can't be run: {error.strerror or 'it failed'}"
            return _failed(Status.UNKNOWN, Cause.NOT_MEASURABLE, text)
        finally:
            if not await program.end():
                _left[key] = program
        return self._judge(program, key)

    def target(self) -> str:
        """The program, without its arguments: they may hold secrets."""
        return self.command[0]

    @property
    def _name(self) -> str:
        return PurePosixPath(self.command[0]).name

    async def _unusable(self) -> str | None:
        """Why there is nothing to run; asked in a thread, as the file may lie on a dead mount."""
        path = self.command[0]
        return await in_thread(("command", path), lambda: _unusable(path))

    def _judge(self, program: Program, key: bytes) -> Measurement:
        output = nagios.parse(self._masked(program.text(STDOUT)))
        text = output.text or self._masked(program.text(STDERR)).strip().partition("\n")[0]
        status, cause, message = self._verdict(program, said(text))
        metrics, left_out = self._metrics(program, output, key)
        details: dict[str, Detail] = {"exit_code": program.code, **self._shown(program)}
        details |= {"output": _lines(output.more)} if output.more else {}
        entries = output.perfdata[: nagios.LABELS]
        details |= {"perfdata": {e.label[:100]: e.words for e in entries}} if entries else {}
        details |= {"perfdata_left_out": left_out} if left_out else {}
        details |= {"perfdata_unread": output.unread} if output.unread else {}
        return Measurement(
            status=status,
            cause=cause,
            message=message,
            response_time_ms=metrics["command.duration_ms"],
            metrics=metrics,
            details=details,
        )

    def _verdict(self, program: Program, told: str) -> tuple[Status, Cause, str]:
        """What the exit code means (guidelines, "Plugin Return Codes"); others are told."""
        if program.flooded:
            text = f"{self._name} wrote more than {FLOOD_BYTES // 2**20} MiB and was killed"
            return Status.UNKNOWN, Cause.NOT_MEASURABLE, text
        status = nagios.STATUSES.get(program.code, Status.UNKNOWN)
        cause = {
            Status.HEALTHY: Cause.NONE,
            Status.UNKNOWN: Cause.NOT_MEASURABLE,
        }.get(status, Cause.WRONG_ANSWER)
        if program.code in nagios.STATUSES:
            return status, cause, told or f"{self._name} exited with {program.code}, without a word"
        ending = f"exited with {program.code}, expected 0 to 3"
        if program.code < 0:
            ending = f"was ended by {_signal(-program.code)}"
        return status, cause, f"{self._name} {ending}" + (f": {told}" if told else "")

    def _metrics(
        self, program: Program, output: nagios.Output, key: bytes
    ) -> tuple[dict[str, float], int]:
        found, left_out = nagios.metrics(output.perfdata, taken={"duration_ms"})
        counters = {each.name: each.value for each in found if each.counter}
        now = asyncio.get_running_loop().time()
        values = {each.name: each.value for each in found if not each.counter}
        values |= _counting.rates(key, now, counters) if counters else {}
        metrics = {"command.duration_ms": round(program.seconds * 1000, 2)}
        return metrics | {f"command.{name}": value for name, value in values.items()}, left_out

    def _shown(self, program: Program) -> dict[str, Detail]:
        """What the program wrote beside its answer, and whether it left others behind."""
        told = _lines(self._masked(program.text(STDERR)))
        details: dict[str, Detail] = {"stderr": told} if told else {}
        details |= {"cut": True} if program.cut else {}
        return details | ({"left_running": True} if program.left_running else {})

    def _masked(self, text: str) -> str:
        """The text without the values that look secret, should the program repeat them."""
        for secret in sorted(_secrets(self.command, self.env), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text


class Program(asyncio.SubprocessProtocol):
    """One run of a program: what it wrote, up to a limit, and how it ended."""

    def __init__(self) -> None:
        self.flooded = self.cut = self.left_running = False
        self.seconds = 0.0
        self._clock = asyncio.get_running_loop().time
        self._transport: asyncio.SubprocessTransport | None = None
        self._kept = {STDOUT: bytearray(), STDERR: bytearray()}
        self._seen = 0
        self._open = {STDOUT, STDERR}
        self._exited, self._silent = asyncio.Event(), asyncio.Event()

    @property
    def started(self) -> bool:
        """Whether there was anything to end."""
        return self._transport is not None

    @property
    def is_gone(self) -> bool:
        """Whether it has ended, and was reaped."""
        return self._exited.is_set()

    @property
    def code(self) -> int:
        """Its exit code; below 0 the signal that ended it. Known once `run` has returned."""
        code = self._transport.get_returncode() if self._transport else None
        assert code is not None
        return code

    def text(self, pipe: int) -> str:
        """What was kept of its output, without a last word that was cut: it may be a number."""
        text = self._kept[pipe].decode("utf-8", errors="replace")
        if len(self._kept[pipe]) == KEPT_BYTES:
            text = text[: max(text.rfind(" "), text.rfind("\n")) + 1]
        return text

    async def run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it and wait until it ends; what it leaves running is for `end`. Raises OSError."""
        start = self._clock()
        await self._start(arguments, environment)
        await self._exited.wait()
        self.seconds = self._clock() - start
        try:
            async with asyncio.timeout(LINGER_S):
                await self._silent.wait()
        except TimeoutError:
            self.left_running = True

    async def _start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        starting = asyncio.ensure_future(
            asyncio.get_running_loop().subprocess_exec(
                lambda: self,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        )
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Cancelled halfway, asyncio would end the program alone and wait for its children.
            await asyncio.wait({starting}, timeout=END_S)
            if starting.done() and not starting.cancelled():
                starting.exception()  # nobody else asks for it
            raise

    async def end(self) -> bool:
        """End its whole process group. False when it does not go: the kernel or its owner keeps it."""
        if self._transport is None:
            return True
        self._kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await self._exited.wait()
        with contextlib.suppress(PermissionError):  # closing kills what is still there
            self._transport.close()
        return self._exited.is_set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep the beginning, let the rest go by, and end what floods."""
        kept = self._kept[fd]
        room = KEPT_BYTES - len(kept)
        kept += data[:room]
        self.cut = self.cut or len(data) > room
        self._seen += len(data)
        if self._seen > FLOOD_BYTES and not self.flooded:
            self.flooded = True
            self._kill()

    def pipe_connection_lost(self, fd: int, _: Exception | None) -> None:
        """A pipe has no writer left."""
        self._open.discard(fd)
        if not self._open & {STDOUT, STDERR}:
            self._silent.set()

    def process_exited(self) -> None:
        """It has ended and was reaped."""
        self._exited.set()

    def _kill(self) -> None:
        # The group keeps its number as long as anybody is in it. Once it is empty, all process
        # numbers would have to be used up within one turn of the loop for it to mean others.
        if self._transport is not None and (pid := self._transport.get_pid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)


def _is_gone(key: bytes) -> bool:
    """Whether nothing of an earlier run of the check is left."""
    if key in _left and _left[key].is_gone:
        del _left[key]
    return key not in _left


def _unusable(path: str) -> str | None:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return f"{path} can't be run: {error.strerror}"
    if not stat.S_ISREG(mode) or not os.access(path, os.X_OK):
        return f"{path} can't be run: it is no executable file"
    return None


def _secrets(command: Sequence[str], env: Mapping[str, str]) -> Iterator[str]:
    """The values of variables and options whose names look secret: `--password=x`, `--token x`."""
    values = [value for name, value in env.items() if SECRET_KEY.search(name)]
    for option, following in zip(command, [*command[1:], ""], strict=True):
        name, equals, value = option.partition("=")
        if option.startswith("--") and SECRET_KEY.search(name):
            values.append(value if equals else following)
    yield from (value for value in values if len(value) >= SHORTEST_SECRET)


def _lines(text: str) -> str:
    """The text with its lines, each without control characters, cut."""
    lines = (said(line) for line in text[:MORE_CHARACTERS].splitlines())
    return "\n".join(lines).strip()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names
        return f"signal {number}"


def _failed(
    status: Status, cause: Cause, message: str, details: Mapping[str, Detail] | None = None
) -> Measurement:
    return Measurement(status=status, cause=cause, message=message, details=details or {})
