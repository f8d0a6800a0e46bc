"""The plain tables of config.toml: their models and their defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

from domain.fields import duration
from domain.mistakes import ConfigError, Mistake
from domain.statuspage import StatusPage

__all__ = [
    "ConfigError",
    "Log",
    "Mistake",
    "Monitor",
    "Network",
    "Settings",
    "StatusPage",
    "Storage",
    "Web",
]

SHORTEST_INTERVAL_S = 1.0
LONGEST_TIMEOUT_S = 30.0
# What stands for every address, and where this machine then reaches itself; nothing binds to it here.
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # nosec B104

Anonymous = Literal["viewer", "operator", "none"]
Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "text"]
Restoring = Literal["automatic", "refuse"]
Times = Annotated[int, Meta(ge=1, le=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """`[web]`: where the pages are served. `hosts` are further names by which they are reached.

    `proxy` is the address of a reverse proxy whose word is taken for who asks, and how;
    `environment` is told by the API, for those who watch several installations.
    """

    host: str = "127.0.0.1"
    port: int = 8050
    anonymous: Anonymous = "viewer"
    hosts: tuple[str, ...] = ()
    proxy: str = ""
    environment: str = "production"

    @property
    def reach_host(self) -> str:
        """The address by which this machine reaches its own web process."""
        return ANY_ADDRESS.get(self.host, self.host)

    @property
    def url(self) -> str:
        """The address of the pages as seen from this machine, without a slash at the end."""
        host = f"[{self.reach_host}]" if ":" in self.reach_host else self.reach_host
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """`[storage]`: where the store is, how long details and aggregates are kept, and its backups.

    Those of an SQLite store lie in `backup_folder`, or beside it when that is empty; `restore` tells
    whether a lost one comes back from them by itself.
    """

    url: str = "sqlite:///data/nocturne.db"
    raw_days: int = 30
    aggregate_days: int = 365
    backup_days: int = 7
    backup_folder: str = ""
    restore: Restoring = "automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """`[monitor]`: what holds for every check that does not say otherwise.

    `disabled` switches all checks off, for debugging. `metrics_interval_s` is the pause between
    two samples of this machine's metrics.
    """

    interval_s: float = 30.0
    timeout_s: float = 10.0
    failures: int = 3
    successes: int = 2
    metrics_interval_s: float = 10.0
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`[network]`: the addresses that judge the own network, and those never to be connected to.

    `references` are `tcp://host:port`; `deny` and `allow` hold groups and networks, see domain/reach.
    """

    references: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """`[log]`: from which level on, and in which form, the processes log."""

    level: Level = "info"
    format: Format = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All plain tables."""

    web: Web = field(default_factory=Web)
    storage: Storage = field(default_factory=Storage)
    monitor: Monitor = field(default_factory=Monitor)
    network: Network = field(default_factory=Network)
    log: Log = field(default_factory=Log)
    status: StatusPage = field(default_factory=StatusPage)


def interval(text: str) -> float:
    """How often something is done, in seconds. Raises ValueError below 1 s: slots are whole seconds."""
    length = duration(text)
    if length < SHORTEST_INTERVAL_S:
        raise ValueError(f"must be at least {SHORTEST_INTERVAL_S:g} s")
    return length


def timeout(text: str) -> float:
    """A timeout in seconds. Raises ValueError when it is not between 0 and 30 s."""
    length = duration(text)
    if length > LONGEST_TIMEOUT_S:
        raise ValueError(f"must be at most {LONGEST_TIMEOUT_S:g} s")
    return length
