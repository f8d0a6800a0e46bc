"""The sub-command `export`: the same tables as over HTTP, into a file or to the standard output."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from sqlalchemy.exc import DBAPIError

from dashboard.exports import Exports
from domain.exporting import NotExportable, NothingSuch, What, asked
from domain.ladder import ladder
from launch import config
from launch.commands import BAD_CONFIG, OK, REFUSED, Call, complain
from storage.engine import StoreError, open_existing
from storage.revision import require_current

SAY_EVERY_S = 2.0


def export(call: Call) -> int:
    """Write what is asked for. A file is there only when it is whole; progress stands on stderr."""
    settings = config.read_plain(call.config, call.environ).settings.storage
    engine = open_existing(settings.url)
    try:
        require_current(engine)
        wanted = asked(What(call.export.what), call.export.fields, _now())
        kept = ladder(settings.raw_days, settings.aggregate_days)
        pieces = Exports(engine, kept, _now).pieces(wanted)
        size = _write(pieces, call.export.output)
    except NotExportable as error:
        complain(str(error))
        return REFUSED if isinstance(error, NothingSuch) else BAD_CONFIG
    except BrokenPipeError:
        # Whoever read it has enough, as `head` does; Python would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except OSError as error:
        complain(f"{call.export.output}: it cannot be written: {error.strerror}")
        return REFUSED
    except DBAPIError as error:
        raise StoreError(f"the store cannot be used: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()
    if call.export.output:
        complain(f"{call.export.output}: {size:,} bytes written")
    return OK


def _write(pieces: Iterator[bytes], output: str) -> int:
    """Write all pieces; returns how many bytes they have."""
    written = 0
    told = time.monotonic()
    with _opened(output) as file:
        for piece in pieces:
            written += file.write(piece)
            if time.monotonic() - told >= SAY_EVERY_S:
                told = time.monotonic()
                complain(f"{written:,} bytes so far")
        file.flush()
    return written


@contextmanager
def _opened(output: str) -> Iterator[IO[bytes]]:
    """The standard output, or a file that takes its name when it is whole."""
    if not output:
        yield sys.stdout.buffer
        return
    path = Path(output)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _now() -> datetime:
    return datetime.now(UTC)
