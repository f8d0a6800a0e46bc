"""Structured logs on stderr: one line an event, with level, time and the run's correlation id."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import structlog

from domain.settings import Log

SECRET_KEYS = re.compile(r"password|passwd|secret|token|api_?key|authorization|cookie", re.I)
URL_PASSWORD = re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@")
HIDDEN = "[hidden]"


def configure(log: Log, process: str) -> None:
    """Set up logging for this process; libraries' own logs come out in the same form."""
    level = logging.getLevelNamesMapping()[log.level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        partial(_named, process),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, _renderer(log)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _adopt_libraries(shared, _renderer(log), level)


def _named(
    process: str, _: Any, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # Not a context variable: threads begin with an empty context.
    return {**event, "process": process}


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide values whose key names a secret, and passwords inside URLs."""
    for key, value in event.items():
        if SECRET_KEYS.search(key):
            event[key] = HIDDEN
        elif isinstance(value, str):
            event[key] = URL_PASSWORD.sub(rf"\1:{HIDDEN}@", value)
    return event


def _renderer(log: Log) -> Any:
    if log.format == "text":
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.processors.JSONRenderer()


def _adopt_libraries(shared: list[Any], renderer: Any, level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    quieten()


def quieten() -> None:
    """Leave out what libraries warn of and no operator can act on.

    Waitress does of each request that waits until a thread is free, as some of every page load do;
    how long requests take stands in the access log.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
