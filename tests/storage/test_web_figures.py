"""What the web processes say of themselves."""

from __future__ import annotations

from storage import web_figures
from storage.web_figures import WebFigures
from tests.storage.stores import Store, after


def figures(requests: int = 100, errors: int = 0, ms: float = 10.0) -> WebFigures:
    return WebFigures(requests=requests, errors=errors, average_ms=ms, per_minute=requests / 5)


def test_what_was_said_last_counts(store: Store) -> None:
    web_figures.tell(store.engine, "one", figures(), after(0))
    web_figures.tell(store.engine, "one", figures(errors=7), after(10))

    assert web_figures.read(store.engine, after(12)) == figures(errors=7)


def test_several_processes_are_told_together(store: Store) -> None:
    web_figures.tell(store.engine, "one", figures(100, 1, 10.0), after(0))
    web_figures.tell(store.engine, "two", figures(300, 3, 50.0), after(0))

    assert web_figures.read(store.engine, after(5)) == figures(400, 4, 40.0)


def test_one_that_has_ended_no_longer_counts(store: Store) -> None:
    web_figures.tell(store.engine, "one", figures(), after(0))

    assert web_figures.read(store.engine, after(31)) is None


def test_without_requests_nothing_is_divided(store: Store) -> None:
    web_figures.tell(store.engine, "one", figures(0), after(0))

    assert web_figures.read(store.engine, after(1)) == figures(0, 0, 0.0)
