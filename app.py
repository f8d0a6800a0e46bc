"""Nocturne's entry point. `python app.py` runs all of it; `app:server` is the WSGI application.

Exit codes: 0 ended as asked, 1 refused, 2 wrong configuration, 3 cannot start,
4 the store was lost: deleted, replaced or damaged.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.mistakes import ConfigError
from launch.commands import (
    BAD_CONFIG,
    CANNOT_START,
    STORE_LOST,
    Call,
    Demo,
    Export,
    complain,
    server,
)
from launch.config import chosen_path

FOLDER = Path(__file__).resolve().parent

# Sub-command → the module and function that carry it out, and what --help says.
COMMANDS = {
    "run": ("launch.commands", "run", "start monitor and web, and keep them running (default)"),
    "monitor": ("launch.commands", "monitor", "run the checks"),
    "web": ("launch.commands", "web", "serve the pages and the API"),
    "migrate": ("launch.commands", "migrate", "bring the store to this version"),
    "backup": ("launch.commands", "backup", "make a backup of the SQLite store now"),
    "restore": ("launch.commands", "restore", "put a backup in the place of the SQLite store"),
    "demo": ("launch.demo", "demo", "fill a separate store with made-up history"),
    "export": ("launch.export", "export", "write results, incidents and the like into a file"),
    "check-config": ("launch.commands", "check_config", "validate the configuration"),
    "version": ("launch.commands", "version", "print the version"),
    "check-now": ("launch.operate", "check_now", "run one check at once"),
    "test-channel": ("launch.operate", "test_channel", "send a test by one channel"),
    "pause": ("launch.operate", "pause", "stop checking one check"),
    "resume": ("launch.operate", "resume", "check a paused check again"),
    "setup-link": ("launch.people", "setup_link", "print a link for making the first admin"),
    "password": ("launch.people", "password", "give somebody a new password"),
    "token": ("launch.tokens", "token", "print the URL that a heartbeat's job pings"),
    "start": ("launch.operate", "start", "start all monitoring"),
    "stop": ("launch.operate", "stop", "stop all monitoring"),
}
WITH_NAME = frozenset({"check-now", "test-channel", "pause", "resume", "password", "token"})
MOST = 10_000


def count(text: str) -> int:
    """A number from 1 to 10,000, as an option gives it. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST}")
    return int(text)


# Option of `demo` → how it is read, and what --help says.
DEMO: Mapping[str, tuple[Callable[[str], Any], str, str]] = {
    "days": (count, "N", "how many days of history (365)"),
    "checks": (count, "N", "how many checks (200)"),
    "seed": (count, "N", "the same number makes up the same history (1)"),
    "store": (str, "URL", "which store to fill (sqlite:///data/demo.db beside the configuration)"),
}

EXPORTS = ("results", "series", "incidents", "alerts", "availability")
# Option of `export` → its value, and what --help says. All but the last are fields of the API.
EXPORT: Mapping[str, tuple[str, str]] = {
    "format": ("FORMAT", "csv, json or jsonl (csv)"),
    "start": ("TIME", "from when on, with its zone: 2026-11-21T13:00:00Z"),
    "end": ("TIME", "until when (now)"),
    "hours": ("N", "how long before the end, instead of a start (24)"),
    "check": ("NAME", "only of this check; may be given more than once"),
    "metric": ("METRIC", "of series: only those of this metric"),
    "label": ("LABEL=VALUE", "of series: only those with it; may be given more than once"),
    "resolution": ("STEP", "of series: samples, 10m, 1h or 1d (samples)"),
    "period": ("PERIOD", "of availability: day, week, month or range (range)"),
    "output": ("FILE", "where to (the standard output)"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one sub-command; returns the exit code."""
    given = parser().parse_args(arguments)
    call = Call(
        config=chosen_path(given.config, os.environ, FOLDER),
        name=getattr(given, "name", ""),
        program=(sys.executable, str(Path(__file__).resolve())),
        environ=os.environ,
        new_store=getattr(given, "new_store", False),
        replace=getattr(given, "replace", False),
        demo=Demo(**{key: value for key, value in vars(given).items() if key in DEMO}),
        export=wanted(given),
    )
    try:
        return command(given.command or "run")(call)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return BAD_CONFIG
    except Exception as error:
        # Only a process that used the store has loaded it; a supervisor must not.
        engine = sys.modules.get("storage.engine")
        if engine is None or not isinstance(error, engine.StoreError):
            raise
        complain(str(error))
        return STORE_LOST if isinstance(error, engine.StoreLost) else CANNOT_START


def wanted(given: argparse.Namespace) -> Export:
    """What `export` is to write; each option may have been given more than once."""
    options = {key: value for key, value in vars(given).items() if key in EXPORT}
    output = options.pop("output", [""])
    return Export(what=getattr(given, "what", ""), fields=options, output=output[-1])


def parser() -> argparse.ArgumentParser:
    """The command line: `--config` may stand before or after the sub-command."""
    top = argparse.ArgumentParser(prog="app.py", description=__doc__, allow_abbrev=False)
    top.add_argument("--config", metavar="FILE", help="instead of config.toml beside app.py")
    names = top.add_subparsers(dest="command", metavar="COMMAND")
    for name, (_, _, text) in COMMANDS.items():
        sub = names.add_parser(name, help=text, description=text, allow_abbrev=False)
        # Without a default of its own, so that it does not undo a --config before it.
        sub.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS)
        if name in WITH_NAME:
            sub.add_argument("name", metavar="NAME", help="of the check, channel or person")
        if name == "restore":
            sub.add_argument("name", metavar="FILE", help="the backup")
        if name == "migrate":
            text = "make an empty store where one is missing that was there before"
            sub.add_argument("--new-store", action="store_true", help=text)
        if name == "token":
            text = "end the URL that it has, and print a new one"
            sub.add_argument("--replace", action="store_true", help=text)
        if name == "demo":
            for option, (kind, metavar, text) in DEMO.items():
                default = argparse.SUPPRESS
                sub.add_argument(
                    f"--{option}", type=kind, metavar=metavar, help=text, default=default
                )
        if name == "export":
            sub.add_argument("what", metavar="WHAT", choices=EXPORTS, help=", ".join(EXPORTS))
            for option, (metavar, text) in EXPORT.items():
                default = argparse.SUPPRESS
                sub.add_argument(
                    f"--{option}", action="append", metavar=metavar, help=text, default=default
                )
    return top


def command(name: str) -> Callable[[Call], int]:
    """The function of a sub-command, imported now."""
    module, function, _ = COMMANDS[name]
    found: Callable[[Call], int] = getattr(importlib.import_module(module), function)
    return found


def __getattr__(name: str) -> Any:
    """Build `server` when a WSGI server asks for it, and only then."""
    if name != "server":
        raise AttributeError(f"module 'app' has no attribute {name!r}")
    built = globals()["server"] = server(os.environ, chosen_path(None, os.environ, FOLDER))
    return built


if __name__ == "__main__":
    sys.exit(main())
