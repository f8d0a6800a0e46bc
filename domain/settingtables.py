"""How the plain tables of config.toml are read, and what the environment overrides in them.

Later wins: default, file, plain variable (`LOG_LEVEL`), prefixed one (`NOCTURNE_LOG__LEVEL`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta

from domain.fields import Field, switch
from domain.mistakes import Mistake, closest, shown, unknown_key
from domain.reach import allowed, denied
from domain.settings import (
    Anonymous,
    Format,
    Level,
    Log,
    Monitor,
    Network,
    Restoring,
    Settings,
    StatusPage,
    Storage,
    Times,
    Web,
    interval,
    timeout,
)
from domain.statuspage import FIELDS as STATUS_FIELDS

PREFIX = "NOCTURNE_"
LEVEL = "__"
ENVIRONMENT = "environment"
# Variables of our own that stand for no key: the file, and what a supervisor tells its processes.
OTHER_VARIABLES = frozenset({"NOCTURNE_CONFIG", "NOCTURNE_SUPERVISOR_PID", "NOCTURNE_ACCEPTED_FD"})
# What Kubernetes sets in every pod beside a service that is called "nocturne".
KUBERNETES = re.compile(
    r"(?s)NOCTURNE_(SERVICE_HOST=.*|SERVICE_PORT\w*=.*|PORT=(tcp|udp)://.*|PORT_\d+_(TCP|UDP)\w*=.*)"
)
ARRAYS = ("check", "channel", "rule", "maintenance")

Host = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"^[^\s/@]+$")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Days = Annotated[int, Meta(ge=1, le=36500)]
BackupDays = Annotated[int, Meta(ge=0, le=3650)]


def _store_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValueError('must be "sqlite:///path/to/file.db" or "postgresql://user@host/name"')
    if scheme == "sqlite" and rest.strip("/").partition("?")[0] in ("", ":memory:"):
        raise ValueError("must name a file, which both processes share: sqlite:///data/nocturne.db")
    if scheme != "sqlite":
        _port_of(text)
    return text


def _address(text: str) -> str:
    """An IP address, or nothing. Raises ValueError for anything else."""
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise ValueError('must be an IP address, like "127.0.0.1"') from None


def _references(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if not text.startswith("tcp://") or not urlsplit(text).hostname or not _port_of(text):
            raise ValueError(f'{shown(text)} is not an address: write it like "tcp://1.1.1.1:443"')
    return texts


def _port_of(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        raise ValueError("cannot be read as a URL: its host or port is not valid") from None


TABLES: Mapping[str, tuple[type[Any], Mapping[str, Field]]] = {
    "web": (
        Web,
        {
            "host": Field(type=Host),
            "port": Field(type=Port),
            "anonymous": Field(type=Anonymous),
            "hosts": Field(type=tuple[Host, ...]),
            "proxy": Field(type=str, then=_address),
            "environment": Field(type=Annotated[str, Meta(max_length=60)]),
        },
    ),
    "storage": (
        Storage,
        {
            "url": Field(type=str, then=_store_url),
            "raw_days": Field(type=Days),
            "aggregate_days": Field(type=Days),
            "backup_days": Field(type=BackupDays),
            "backup_folder": Field(type=str),
            "restore": Field(type=Restoring),
        },
    ),
    "monitor": (
        Monitor,
        {
            "interval": Field(type=str, then=interval, attribute="interval_s"),
            "timeout": Field(type=str, then=timeout, attribute="timeout_s"),
            "failures": Field(type=Times),
            "successes": Field(type=Times),
            "metrics_interval": Field(type=str, then=interval, attribute="metrics_interval_s"),
            "disabled": Field(type=bool),
        },
    ),
    "network": (
        Network,
        {
            "references": Field(type=tuple[str, ...], then=_references),
            "deny": Field(type=tuple[str, ...], then=denied),
            "allow": Field(type=tuple[str, ...], then=allowed),
        },
    ),
    "log": (Log, {"level": Field(type=Level), "format": Field(type=Format)}),
    "status": (StatusPage, STATUS_FIELDS),
}


def _seconds(text: str) -> str:
    plain = text.replace(".", "", 1)
    return f"{text}s" if plain.isascii() and plain.isdigit() else text


def _opposite(text: str) -> str:
    return str(not switch(text))


def _only_if_true(text: str) -> str | None:
    return text if switch(text) else None


# Plain variable → the key it means, and its text in that key's form (None: it says nothing).
PLAIN: Mapping[str, tuple[str, str, Callable[[str], str | None]]] = {
    "MONITORING_DASHBOARD_PORT": ("web", "port", str.strip),
    "HEALTH_CHECK_INTERVAL": ("monitor", "interval", _seconds),
    "METRICS_COLLECTION_INTERVAL": ("monitor", "metrics_interval", _seconds),
    "ENABLE_HEALTH_MONITORING": ("monitor", "disabled", _opposite),
    # Its `false` is everybody's default, so it must not undo ENABLE_HEALTH_MONITORING=false.
    "DISABLE_HEALTH_CHECKS": ("monitor", "disabled", _only_if_true),
    "LOG_LEVEL": ("log", "level", str.lower),
}

Values = dict[str, dict[str, Any]]


def parse_settings(
    document: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[Settings, tuple[Mistake, ...]]:
    """The settings of a parsed file under the environment, and every mistake in both.

    What is mistaken has its default in the settings returned, so that checking can go on.
    """
    values: Values = {name: {} for name in TABLES}
    mistakes = [
        *_read_file(document, values),
        *_read_plain(environ, values),
        *_read_overrides(environ, values),
        *_stray_variables(document, environ),
    ]
    tables = {name: model(**values[name]) for name, (model, _) in TABLES.items()}
    return Settings(**tables), tuple(mistakes)


def _read_file(document: Mapping[str, Any], values: Values) -> Iterator[Mistake]:
    for name, table in document.items():
        if name in ARRAYS:
            continue
        if name not in TABLES:
            meant = closest(name, [*TABLES, *ARRAYS])
            hint = f', did you mean "{meant}"?' if meant else ""
            yield Mistake(key=f"[{name}]", reason=f"unknown table{hint}", path=(name,))
        elif not isinstance(table, dict):
            reason = f"must be a table: write [{name}]"
            yield Mistake(key=name, given=shown(table, name), reason=reason, path=(name,))
        else:
            yield from _read_table(name, table, values[name])


def _read_table(name: str, table: Mapping[str, Any], values: dict[str, Any]) -> Iterator[Mistake]:
    known = TABLES[name][1]
    for key, value in table.items():
        path, label = (name, key), f"{name}.{key}"
        if key not in known:
            yield unknown_key(key, value, known, label, path)
            continue
        try:
            values[known[key].attribute or key] = known[key].read(value)
        except ValueError as error:
            yield Mistake(key=label, given=shown(value, key), reason=str(error), path=path)


def _read_plain(environ: Mapping[str, str], values: Values) -> Iterator[Mistake]:
    for variable, (table, key, convert) in PLAIN.items():
        # Compose files and unit files hand on unset variables as empty ones.
        if not environ.get(variable):
            continue
        try:
            text = convert(environ[variable])
            if text is not None:
                _set_from_text(values, table, key, text)
        except ValueError as error:
            yield _variable_mistake(variable, environ[variable], str(error))


def _read_overrides(environ: Mapping[str, str], values: Values) -> Iterator[Mistake]:
    known = {variable_of(name, key) for name in TABLES for key in TABLES[name][1]}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or LEVEL not in variable:
            continue
        if variable not in known:
            yield _variable_mistake(variable, environ[variable], _unknown_variable(variable, known))
            continue
        table, key = variable.removeprefix(PREFIX).lower().split(LEVEL)
        try:
            _set_from_text(values, table, key, environ[variable])
        except ValueError as error:
            yield _variable_mistake(variable, environ[variable], str(error))


def variable_of(table: str, key: str) -> str:
    """The name of the variable that overrides a key: `NOCTURNE_WEB__PORT`."""
    return f"{PREFIX}{table}{LEVEL}{key}".upper()


def _stray_variables(document: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Mistake]:
    """Variables with our prefix that stand for nothing: most likely a single underscore."""
    used = str([document.get(name) for name in ARRAYS])
    keys = {variable_of(name, key) for name in TABLES for key in TABLES[name][1]}
    for variable in sorted(environ):
        stray = variable.startswith(PREFIX) and LEVEL not in variable
        # A check may take its password from a variable of any name.
        if not stray or variable in OTHER_VARIABLES or f"${{{variable}}}" in used:
            continue
        if not KUBERNETES.fullmatch(f"{variable}={environ[variable]}"):
            reason = _unknown_variable(variable, keys | {"NOCTURNE_CONFIG"})
            yield _variable_mistake(variable, environ[variable], reason)


def _set_from_text(values: Values, table: str, key: str, text: str) -> None:
    spec = TABLES[table][1][key]
    values[table][spec.attribute or key] = spec.read_text(text)


def _unknown_variable(variable: str, known: set[str]) -> str:
    if variable.startswith(tuple(f"{PREFIX}{name}{LEVEL}".upper() for name in ARRAYS)):
        return "lists of tables have no overrides: write ${NAME} in the file where the value goes"
    meant = closest(variable, known)
    return f"no key has this name{f', did you mean {meant}?' if meant else ''}"


def _variable_mistake(variable: str, text: str, reason: str) -> Mistake:
    return Mistake(key=variable, given=shown(text, variable), reason=reason, file=ENVIRONMENT)
