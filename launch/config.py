"""Reads config.toml with the environment, as far as a command needs it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from domain import toml_lines
from domain.configuration import Configuration
from domain.mistakes import ConfigError, Mistake, located, shown
from domain.settingtables import ARRAYS, ENVIRONMENT, parse_settings, variable_of

VARIABLE = "NOCTURNE_CONFIG"
FILE_NAME = "config.toml"
TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
RELATIVE_SQLITE = re.compile(r"sqlite:///(?!/)(.+)")

ReadFile = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A file that is TOML, with the mistakes in its plain tables (without their lines yet)."""

    configuration: Configuration
    mistakes: tuple[Mistake, ...]
    text: str

    def refuse(self, more: tuple[Mistake, ...] = ()) -> None:
        """Raise ConfigError when there are mistakes, with their lines."""
        if found := (*self.mistakes, *more):
            lines = toml_lines.lines(self.text)
            raise ConfigError(located(found, self.configuration.source, lines))


def read_file(path: str) -> str:
    """The text of a file. Raises OSError, or UnicodeDecodeError when it is not UTF-8."""
    return Path(path).read_text(encoding="utf-8-sig")


def chosen_path(argument: str | None, environ: Mapping[str, str], folder: Path) -> str:
    """The file to read: the argument, else NOCTURNE_CONFIG, else config.toml in `folder`."""
    if argument or environ.get(VARIABLE):
        return argument or environ[VARIABLE]
    path = folder / FILE_NAME
    return FILE_NAME if path == Path.cwd() / FILE_NAME else str(path)


def read_plain(path: str, environ: Mapping[str, str], read: ReadFile = read_file) -> Configuration:
    """The configuration with only its plain tables validated. Raises ConfigError."""
    parsed = _parse(path, environ, read)
    parsed.refuse()
    return parsed.configuration


def read_whole(
    path: str,
    environ: Mapping[str, str],
    read: ReadFile = read_file,
    *,
    resolves: Callable[[str], bool] = lambda _: True,
) -> Configuration:
    """The configuration, all of it validated. Raises ConfigError with every mistake in it.

    `resolves` tells whether a host has an address; who can't wait for name servers leaves it out.
    """
    # The kinds of checks cost memory that not every command may spend.
    from domain import rulechannels, rulechecks, ruletable, windowtable
    from domain.dependencies import OWN_NETWORK
    from monitor import channeltables, definitions
    from monitor.stock import overlaid

    parsed = _parse(path, environ, read)
    configuration = parsed.configuration
    settings = configuration.settings
    checks = definitions.examine(configuration.checks, settings, environ)[1]
    channels = channeltables.examine(configuration.channels, settings, environ)[1]
    hosts = () if resolves(settings.web.host) else (_nowhere(settings.web.host, environ),)
    rules = ruletable.examine(overlaid(configuration.rules))[1]
    named = _names(configuration.checks) + [OWN_NETWORK] * bool(settings.network.references)
    unknown = (
        *rulechannels.examine(configuration.rules, _names(configuration.channels)),
        *rulechecks.examine(configuration.rules, named),
    )
    windows = windowtable.examine(configuration.maintenance)[1]
    parsed.refuse((*hosts, *checks, *channels, *rules, *unknown, *windows))
    return configuration


def _names(tables: Iterable[object]) -> list[str]:
    return [str(table.get("name")) for table in tables if isinstance(table, Mapping)]


def _nowhere(host: str, environ: Mapping[str, str]) -> Mistake:
    reason = "is neither an IP address nor a name that this machine can resolve"
    variable = variable_of("web", "host")
    if variable in environ:
        return Mistake(key=variable, given=shown(host), reason=reason, file=ENVIRONMENT)
    return Mistake(key="web.host", given=shown(host), reason=reason, path=("web", "host"))


def anchored(url: str, folder: PurePath) -> str:
    """The storage URL; a relative SQLite file lies beside the configuration, whoever asks."""
    relative = RELATIVE_SQLITE.fullmatch(url)
    return f"sqlite:///{folder / relative[1]}" if relative else url


def _parse(path: str, environ: Mapping[str, str], read: ReadFile) -> Parsed:
    text = _text(path, read)
    document = _document(text, path)
    settings, mistakes = parse_settings(document, environ)
    storage, beside = settings.storage, PurePath(path).parent
    folder = str(beside / storage.backup_folder) if storage.backup_folder else ""
    url = anchored(storage.url, beside)
    settings = replace(settings, storage=replace(storage, url=url, backup_folder=folder))
    arrays = {name: document.get(name, []) for name in ARRAYS}
    wrong = {name: value for name, value in arrays.items() if not isinstance(value, list)}
    configuration = Configuration(
        settings=settings,
        checks=() if "check" in wrong else tuple(_beside(each, beside) for each in arrays["check"]),
        channels=() if "channel" in wrong else tuple(arrays["channel"]),
        rules=() if "rule" in wrong else tuple(arrays["rule"]),
        maintenance=() if "maintenance" in wrong else tuple(arrays["maintenance"]),
        source=path,
    )
    mistakes = (*mistakes, *(_not_an_array(name, value) for name, value in wrong.items()))
    return Parsed(configuration=configuration, mistakes=mistakes, text=text)


def _beside(table: Any, folder: PurePath) -> Any:
    """The table of a check; the file of a check of one's own lies beside the configuration."""
    if not isinstance(table, Mapping) or table.get("kind") != "custom":
        return table
    path = table.get("path")
    if not isinstance(path, str) or path.startswith(("/", "$", "file:")):
        return table
    return {**table, "path": str(folder / path)}


def _text(path: str, read: ReadFile) -> str:
    try:
        return read(path)
    except FileNotFoundError:
        reason = "there is no such file: make it, or name another with --config or NOCTURNE_CONFIG"
    except UnicodeDecodeError as error:
        reason = f"it is not UTF-8 text (byte {error.start})"
    except OSError as error:
        reason = error.strerror or str(error)
    raise ConfigError([Mistake(key="cannot be read", reason=reason, file=path)])


def _document(text: str, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        reason, line = "it is nested too deeply", None
    # Not only TOMLDecodeError: a number of thousands of digits raises a plain ValueError.
    except ValueError as error:
        place = TOML_PLACE.search(str(error))
        reason = str(error)[: place.start()] if place else str(error)
        line = _line(place[1], text) if place else None
    raise ConfigError([Mistake(key="not valid TOML", reason=reason, file=path, line=line)])


def _line(told: str | None, text: str) -> int:
    """The line that tomllib told; without one the mistake is met at the end, on the last line."""
    return int(told) if told is not None else len(text.rstrip().splitlines()) or 1


def _not_an_array(name: str, value: object) -> Mistake:
    reason = f"{name}s are a list of tables: write [[{name}]], with two brackets"
    given = None if isinstance(value, dict) else shown(value)
    return Mistake(key=name, given=given, reason=reason, path=(name,))
