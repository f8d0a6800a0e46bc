"""How long a client may take over its connection, and who goes first when there are too many.

Waitress takes in a request without using a thread, and ends a connection on which nothing happens.
It does not bound how long a request that drips may take, and where its limit of connections is
reached it accepts nobody any more. Both are bounded here, so that a thousand slow clients shut out
nobody who asks.
"""

from __future__ import annotations

import resource
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from dashboard.bodiless import Answer
from dashboard.brokenrequests import ProblemTask

# Few threads: more of them only contend for the interpreter.
THREADS = 6
# Seconds from the first byte of a request to its last.
LONGEST_REQUEST_S = 30.0
# Seconds after which a connection on which nothing happens ends, and how often that is looked at.
IDLE_S = 15
LOOK_S = 5
MOST_CONNECTIONS = 1000
MOST_HEADERS = 64 << 10
MOST_BODY = 1 << 20
# Places that waitress counts as connections: its listeners, and what wakes them up.
LISTENERS = 8
# A connection and the files that its request and its answer overflow into.
FILES_EACH = 3


class Connection(HTTPChannel):  # type: ignore[misc]  # waitress publishes no types
    """A client's connection: its request must arrive in time, and it gives way when it waits longest."""

    task_class = Answer
    error_task_class = ProblemTask

    def __init__(self, *given: Any, longest_s: float, most: int, **more: Any) -> None:
        self._longest_s = longest_s
        self._waiting_since = time.monotonic()
        super().__init__(*given, **more)
        _make_room(self._map, most)

    def received(self, data: bytes) -> bool:
        """Take in what arrived; a request that began too long ago ends the connection."""
        now = time.monotonic()
        if self.request is None:
            self._waiting_since = now
        elif now - self._waiting_since > self._longest_s:
            self.will_close = True
            return False
        return bool(super().received(data))

    def writable(self) -> bool:
        """Whether the loop is to call back. One that is to end is hung up here.

        Waitress closes it once it can be written to: never, when the client takes nothing.
        """
        if self.will_close:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
        return bool(super().writable())

    def service(self) -> None:
        """Answer a request, in a thread. From then on the client has its answer to take."""
        self._waiting_since = time.monotonic()
        super().service()
        self._waiting_since = time.monotonic()

    def waiting_since(self) -> float | None:
        """Since when the client is waited for, monotonic; None while it waits for us."""
        return None if self.requests or self.will_close else self._waiting_since


def listen(
    application: Flask,
    host: str,
    port: int,
    *,
    longest_request_s: float = LONGEST_REQUEST_S,
    **more: Any,
) -> Any:
    """A waitress that listens, with everything bounded; `run()` serves. Raises OSError.

    `more` are settings of waitress, above those here.
    """
    most = min(MOST_CONNECTIONS, _files_allowed() // FILES_EACH)
    made = create_server(
        application,
        host=host,
        port=port,
        **{
            "threads": THREADS,
            "ident": None,
            "channel_timeout": IDLE_S,
            "cleanup_interval": LOOK_S,
            "connection_limit": most,
            "asyncore_use_poll": True,
            "max_request_header_size": MOST_HEADERS,
            "max_request_body_size": MOST_BODY,
            # They are how a proxy is noticed that is not configured; nothing else reads them.
            "clear_untrusted_proxy_headers": False,
            **more,
        },
    )
    _bound(made, longest_request_s)
    return made


def _bound(made: Any, longest_s: float) -> None:
    """Have a server make connections of our kind."""
    # A name such as localhost has an address of each family, and a listener for each.
    several = isinstance(made, MultiSocketServer)
    listeners = made.map.values() if several else [made]
    for each in listeners:
        if isinstance(each, BaseWSGIServer):
            # Below waitress' own limit, at which it accepts nobody.
            most = each.adj.connection_limit - LISTENERS
            each.channel_class = partial(Connection, longest_s=longest_s, most=most)


def _make_room(connections: dict[int, Any], most: int) -> None:
    """Above the limit, end the connection whose client has been waited for longest."""
    open_ones = [each for each in connections.values() if isinstance(each, Connection)]
    if len(open_ones) <= most:
        return
    waiting = [(since, each) for each in open_ones if (since := each.waiting_since()) is not None]
    if waiting:
        _, longest = min(waiting, key=lambda pair: pair[0])
        longest.will_close = True


def _files_allowed() -> int:
    """How many files this process may open, raised as far as it needs and may."""
    wanted = MOST_CONNECTIONS * FILES_EACH + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return raised
