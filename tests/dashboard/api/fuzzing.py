"""The application for a fuzzer: an admin's session, a monitor that answers, no limit of its own."""

from __future__ import annotations

import itertools
import re
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import schemathesis
from schemathesis.engine import events, from_schema
from sqlalchemy.exc import DBAPIError

from dashboard.application import create_app
from domain.access import Role
from domain.facts import Status
from storage import commands
from storage.logins import Browser, Logins
from storage.people import People
from tests.dashboard.filled import Filled, about

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Entered:
    """The application, asked by an admin from another address each time: no sender is limited.

    Whoever takes the admin's session or role away finds another admin at the next request.
    """

    def __init__(self, store: Filled) -> None:
        self._engine = store.engine
        self._logins = Logins(store.engine)
        settings = store.settings(anonymous="none")
        self._application: Wsgi = create_app(settings, store.engine).server.wsgi_app
        self._numbers = itertools.count()
        self._secret = self._enter()
        self.answered: Counter[int] = Counter()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        number = next(self._numbers)
        # The fuzzer makes up keys, and its client unpacks nothing.
        for name in ("HTTP_AUTHORIZATION", "HTTP_ACCEPT_ENCODING"):
            environ.pop(name, None)
        # An order without a body needs its type too, which the document has no word for.
        if environ["REQUEST_METHOD"] != "GET" and not environ.get("CONTENT_TYPE"):
            environ["CONTENT_TYPE"] = "application/json"
        environ["REMOTE_ADDR"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        one = self._logins.who(self._secret, datetime.now(UTC))
        if one is None or one.role is not Role.ADMIN:
            self._secret = self._enter()
        environ["HTTP_COOKIE"] = f"nocturne_session={self._secret}"

        def counted(status: str, *rest: Any) -> Any:
            self.answered[int(status.split()[0])] += 1
            return start(status, *rest)

        return self._application(environ, counted)

    def _enter(self) -> str:
        now, name = datetime.now(UTC), f"admin-{next(self._numbers)}"
        person = People(self._engine).add(name, Role.ADMIN, "hash", actor="setup", now=now)
        found = self._logins.open(person.id, person.name, Browser(address="", agent=""), now)
        return str(found.text)


def entered(store: Filled) -> Entered:
    """A store with a bit of everything, and the application over it."""
    now = datetime.now(UTC)
    store.publish({"shop-db": about(timeout_s=0.1), "shop-web": about(timeout_s=0.1)})
    store.results(
        "shop-db", [Status.HEALTHY] * 3 + [Status.CRITICAL] * 3, now, {"http.total_ms": 12.0}
    )
    store.results("shop-web", [Status.HEALTHY], now)
    store.incident("shop-db", now)
    return Entered(store)


class Answering:
    """Takes what is asked of the monitor and answers it at once, as a monitor would."""

    def __init__(self, store: Filled) -> None:
        self._store = store
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        engine, lease = self._store.engine, self._store.lease
        while not self._over.wait(0.05):
            now = datetime.now(UTC)
            with suppress(DBAPIError):
                self._store.beat(now)
                for each in commands.take(engine, lease, now):
                    commands.answer(
                        engine, each.id, ok=True, document={"status": "healthy"}, now=now
                    )


@dataclass(frozen=True)
class Found:
    """What came of a run: how many requests there were, how they were answered, what was wrong."""

    cases: int
    answered: Counter[int]
    failures: list[str]


# What follows after a name with slashes may also be read as part of the name.
IN_A_NAME = re.compile(r" /api/v1/(checks|rules|maintenance)/\{name\}/")


def fuzz(store: Filled, examples: int, *, thorough: bool) -> Found:
    """Try every operation of the document, with so many made-up requests for each.

    When it is `thorough`, also with every edge of every schema, and in sequences.
    """
    application = entered(store)
    failures: dict[tuple[str, str, str], str] = {}
    cases = 0
    with Answering(store), warnings.catch_warnings():
        # The fuzzer's own: of its client, and of shapes that it can't make examples of.
        warnings.simplefilter("ignore")
        schema = schemathesis.openapi.from_wsgi(
            "/api/v1/openapi.json", application, config=_config(examples, thorough=thorough)
        )
        for event in from_schema(schema).execute():
            if isinstance(event, events.FatalError):
                raise event.exception
            if isinstance(event, events.NonFatalError):
                failures[str(event.label), "error", ""] = str(event.value)
            if isinstance(event, events.ScenarioFinished):
                cases += len(event.recorder.cases)
                failures |= dict(_failures(event))
    shown = [f"{' '.join(key)}\n  {sample}" for key, sample in failures.items()]
    return Found(cases=cases, answered=application.answered, failures=shown)


def _failures(
    event: events.ScenarioFinished,
) -> Iterator[tuple[tuple[str, str, str], str]]:
    for checked in event.recorder.checks.values():
        for each in checked:
            told = each.failure_info
            label = str(event.label)
            if told is None or (each.name == "unsupported_method" and IN_A_NAME.search(label)):
                continue
            yield (label, each.name, told.failure.message[:200]), told.code_sample[:400]


def _config(examples: int, *, thorough: bool) -> schemathesis.Config:
    return schemathesis.Config.from_dict(
        {
            "seed": 1,
            "checks": {
                # Who may do what is shown by test_rights.py; here every request is an admin's.
                "ignored_auth": {"enabled": False},
                # What a table or a text may hold is more than a schema can say.
                "positive_data_acceptance": {"enabled": False},
            },
            "generation": {
                "max-examples": examples,
                "mode": "all",
                "database": "none",
                "deterministic": True,
            },
            "phases": {
                "examples": {"enabled": False},
                "coverage": {"enabled": thorough},
                "stateful": {"enabled": thorough},
            },
        }
    )
