"""A monitor's hands for tests of the web: it beats, judges drafts and tries them, and does no more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from domain.configuration import Configuration
from domain.settings import Settings
from monitor.cycle import Cycle
from monitor.drafts import Drafts
from monitor.orders import Hands, obey
from monitor.outbox import Sender
from monitor.publishing import schemas
from monitor.roster import Roster
from storage import catalogue
from tests.dashboard.filled import Filled
from tests.monitor.stand_ins import Kept, NoForeign

T = TypeVar("T")


class Monitored:
    """Inside of it, commands to the monitor are carried out, in an environment of its own."""

    def __init__(self, store: Filled, environ: Mapping[str, str] | None = None) -> None:
        self._store = store
        self._environ = environ or {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> None:
        catalogue.publish(self._store.engine, schemas())
        self._store.beat(utc_now())
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    async def _serve(self) -> None:
        store, hands = self._store, self._hands()
        while not self._over.is_set():
            with suppress(DBAPIError):
                store.beat(utc_now())
                await obey(store.engine, store.lease, hands, self._ask, utc_now)
            await asyncio.sleep(0.05)

    def _hands(self) -> Hands:
        store, foreign = self._store, NoForeign()
        roster = Roster()
        cycle = Cycle(roster, Kept(), foreign, clock=utc_now, later=lambda *_: None)
        configuration = Configuration(settings=Settings(), checks=(), source="config.toml")
        drafts = Drafts(
            store.engine,
            self._environ,
            foreign,
            configuration=lambda: configuration,
            roster=lambda: roster,
            clock=utc_now,
        )
        sender = Sender(store.engine, store.lease, self._ask, utc_now, send_s=1.0)
        return Hands(cycle=cycle, post=sender, drafts=drafts)

    async def _ask(self, function: Callable[[], T]) -> T:
        return function()


def utc_now() -> datetime:
    return datetime.now(UTC)
