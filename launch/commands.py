"""The sub-commands of app.py, each as a function that returns the exit code.

Modules of the other layers are imported where they are used: each process loads only its own.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from domain.mistakes import ConfigError
from domain.version import VERSION
from launch import accepted, config, orphan, port
from launch.accepted import Parse, Source

if TYPE_CHECKING:
    from flask import Flask

OK = 0
REFUSED = 1
BAD_CONFIG = 2
CANNOT_START = 3
STORE_LOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """How much history `demo` makes up, from which seed, and into which store (empty: its own)."""

    days: int = 365
    checks: int = 200
    seed: int = 1
    store: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What `export` writes, by which fields, and into which file (empty: the standard output)."""

    what: str = ""
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How app.py was called. `program` starts it again: interpreter and script.

    `name` is what the sub-command is about: a check, a channel, or the file of a backup.
    `new_store` allows an empty store where one is missing that was there before. `replace` ends what
    the new one takes the place of.
    """

    config: str
    name: str
    program: Sequence[str]
    environ: Mapping[str, str]
    new_store: bool = False
    replace: bool = False
    demo: Demo = Demo()
    export: Export = Export()

    @property
    def orphaned(self) -> Callable[[], bool]:
        """Tells whether the supervisor that started this process is gone."""
        return partial(orphan.orphaned, self.environ)


def version(call: Call) -> int:
    """Print the version."""
    print(f"Nocturne {VERSION}")
    return OK


def check_config(call: Call) -> int:
    """Validate the whole configuration, and say how many checks it has."""
    read = config.read_whole(call.config, call.environ, resolves=port.resolves)
    count = len(read.checks)
    print(f"{call.config}: valid, {count} {'check' if count == 1 else 'checks'}", flush=True)
    return OK


def migrate(call: Call) -> int:
    """Bring the store to this version's schema, after a backup where it holds data.

    One that is damaged or gone is restored first, where that may be done and can be.
    """
    storage = config.read_whole(call.config, call.environ).settings.storage
    from storage import timescale
    from storage.migrate import Rescue
    from storage.migrate import migrate as bring_up_to_date

    rescue = Rescue(
        restores=storage.restore == "automatic",
        folder=Path(storage.backup_folder) if storage.backup_folder else None,
        say=complain,
    )
    bring_up_to_date(storage.url, anew=call.new_store, rescue=rescue)
    timescale.arrange(storage.url, storage.raw_days, complain)
    _publish_kinds(storage.url)
    return OK


def _publish_kinds(url: str) -> None:
    """Say which kinds of checks there are. The monitor imports only those that it runs."""
    from sqlalchemy.exc import DBAPIError

    from monitor.publishing import schemas
    from storage import catalogue
    from storage.engine import StoreError, open_existing

    engine = open_existing(url)
    try:
        catalogue.publish(engine, schemas())
    except DBAPIError as error:
        raise StoreError(f"the store cannot be written: {error.orig}") from error
    finally:
        engine.dispose()


def backup(call: Call) -> int:
    """Make a backup of the SQLite store now, in use or not, and print its path."""
    storage = config.read_plain(call.config, call.environ).settings.storage
    from storage.backups import by_hand
    from storage.engine import StoreError, file_of, open_existing

    path = file_of(storage.url)
    if path is None:
        raise StoreError("backup is for SQLite files: a Postgres store is backed up by pg_dump")
    engine = open_existing(storage.url)
    folder = Path(storage.backup_folder) if storage.backup_folder else None
    try:
        print(by_hand(engine, path, datetime.now(UTC), folder=folder), flush=True)
    finally:
        engine.dispose()
    return OK


def restore(call: Call) -> int:
    """Put a backup in the place of the SQLite store, which nothing may have open."""
    storage = config.read_plain(call.config, call.environ).settings.storage
    from storage.migrate import restore as put_back

    print(put_back(storage.url, Path(call.name).absolute(), datetime.now(UTC)), flush=True)
    return OK


def monitor(call: Call) -> int:
    """Run the checks until a signal ends it."""
    from launch import logs

    source = _source(call, config.read_whole)
    configuration, refused = source.start()
    logs.configure(configuration.settings.log, "monitor")
    from monitor.process import main

    return main(configuration, refused, source.load, call.environ, call.orphaned)


def web(call: Call) -> int:
    """Serve the pages and the API until a signal ends it."""
    # Under a supervisor the whole file was checked already. A mistake made in a check since then
    # must not keep the pages from coming back: the monitor refuses it and says so on them.
    supervised = orphan.is_supervised(call.environ)
    read = config.read_plain if supervised else config.read_whole
    settings = _source(call, read, keeps=False).start()[0].settings
    from launch import logs

    logs.configure(settings.log, "web")
    from dashboard.serve import PortTaken, main

    try:
        return main(settings, call.orphaned, partial(print, flush=True))
    except PortTaken as error:
        complain(str(error))
        return CANNOT_START


def run(call: Call) -> int:
    """Start monitor and web, keep them running, end both."""
    from launch.child import RealChild
    from launch.supervisor import Supervisor

    try:
        here = config.read_plain(call.config, call.environ).settings.web
    except ConfigError:
        # The mistakes in the checks belong to the list too; naming them loads more than this
        # process may keep, but it ends here.
        return check_config(call)
    slot = accepted.Slot.make()
    descriptors = [] if slot is None else [slot.descriptor]
    environ = {
        **call.environ,
        orphan.VARIABLE: str(os.getpid()),
        accepted.VARIABLE: "".join(map(str, descriptors)),
    }
    supervisor = Supervisor(
        lambda name: RealChild(
            [*call.program, "--config", call.config, name], environ, descriptors
        ),
        clock=time.monotonic,
        sleep=time.sleep,
        say=complain,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.request_stop())
    ends = has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    hung_up = supervisor.request_stop if ends else supervisor.request_reload
    signal.signal(signal.SIGHUP, lambda *_: hung_up())
    return supervisor.run(
        is_ready=lambda: port.answers(here.reach_host, here.port),
        refusal=lambda: port.refusal(here.host, here.port),
        welcome=partial(_welcome, here.url),
    )


def server(environ: Mapping[str, str], path: str) -> Flask:
    """The WSGI application, for servers that import `app:server`."""
    from dashboard.serve import build

    return build(config.read_plain(path, environ).settings)


def has_terminal() -> bool:
    """Whether a person started this in a terminal, which sends SIGHUP as it closes."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _source(call: Call, parse: Parse, *, keeps: bool = True) -> Source:
    slot = accepted.slot_of(call.environ)
    return Source(call.config, call.environ, parse, slot=slot, keeps=keeps)


def _welcome(address: str, ready: bool) -> None:
    if ready:
        print(f"Nocturne is running: {address} (Ctrl-C ends it)", flush=True)
    else:
        complain(f"the web process does not answer yet; its address will be {address}")


def complain(text: str) -> None:
    """Say something on stderr, where the terminal that started us may be gone already."""
    try:
        print(f"nocturne: {text}", file=sys.stderr, flush=True)
    except OSError:
        return
