"""The driver of SQLite: a file, opened read-only in a thread of its own."""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from typing import Any
from urllib.parse import quote

from domain.facts import Cause
from monitor.checks import Deadline, hanging_s, in_thread
from monitor.wire.databases.asking import ROWS_KEPT, Answer, Question, SqlError, Unreachable

STUCK_AFTER_S = 1.0
TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"


class Sqlite:
    """An SQLite file, asked in a daemon thread and never created or written."""

    def __init__(self, path: str) -> None:
        self.name = path.rsplit("/", 1)[-1]
        self.where = f"SQLite {path}"
        self._path = path

    async def ask(self, question: Question, deadline: Deadline) -> Answer:
        """Ask; at the deadline the query is interrupted."""
        key = ("sqlite", self._path, question.query, tuple(question.tables), question.rows)
        # A file on a dead mount hangs beyond any interrupt: don't take its late answer for new.
        if (hanging := hanging_s(key)) > deadline.remaining() + STUCK_AFTER_S:
            raise SqlError(f"Still waiting for {self.where}, for {hanging:.0f} s", Cause.TIMEOUT)
        opened: list[Any] = []
        given_up = threading.Event()
        try:
            return await in_thread(key, lambda: self._ask(question, opened, given_up))
        finally:
            given_up.set()
            with contextlib.suppress(Exception):  # it was closed between these two lines
                for connection in opened:
                    connection.interrupt()

    def _ask(self, question: Question, opened: list[Any], given_up: threading.Event) -> Answer:
        dbapi2 = importlib.import_module("pysqlite3.dbapi2")
        start = time.perf_counter()
        connection = None
        try:
            connection = dbapi2.connect(
                f"file:{quote(self._path)}?mode=ro", uri=True, check_same_thread=False, timeout=1
            )
            opened.append(connection)
            if given_up.is_set():
                raise TimeoutError
            return _answer(connection, question, start)
        except dbapi2.Error as error:
            raise self._failure(str(error)) from None
        finally:
            # Out of the list first: interrupting a closed connection is an error.
            opened.clear()
            if connection is not None:
                connection.close()

    def _failure(self, text: str) -> SqlError:
        if "interrupted" in text:
            raise TimeoutError
        if "unable to open" in text:
            reason = "can't be opened: no such file, or no access to it"
            return SqlError(f"{self.where} {reason}", Cause.MISSING)
        if "locked" in text:
            return Unreachable(f"{self.where} is locked by a writer", Cause.TIMEOUT)
        return SqlError(f"{self.where}: {text}", Cause.WRONG_ANSWER)


def _answer(connection: Any, question: Question, start: float) -> Answer:
    present = {name.casefold() for (name,) in connection.execute(TABLES)}
    missing = [table for table in question.tables if table.casefold() not in present]
    connected = time.perf_counter()
    rows: list[Any] = []
    count = 0
    if not missing:
        cursor = connection.execute(question.query)
        # One row after the other: a thousand wide ones at once would fill the memory.
        while count < question.rows and (row := cursor.fetchone()) is not None:
            count += 1
            rows += [row] if count <= ROWS_KEPT else []
    return Answer(
        connect_s=connected - start,
        query_s=time.perf_counter() - connected,
        missing=missing,
        rows=rows,
        count=count,
    )
