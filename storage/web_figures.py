"""How the web processes answer, told by themselves and read by the monitor, which makes series of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, bindparam, delete, select

from storage.engine import reader, upsert
from storage.schema import web_figures

# Who said nothing for so long has ended.
FRESH = timedelta(seconds=30)
FORGOTTEN = timedelta(hours=1)
# Made once: the monitor asks every 10 s.
LAST = select(web_figures.c.at).order_by(web_figures.c.at.desc()).limit(1)
SAID = select(web_figures).where(web_figures.c.at > bindparam("after"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFigures:
    """Requests of the last five minutes, how many failed (5xx), their mean time (ms), per minute."""

    requests: int
    errors: int
    average_ms: float
    per_minute: float


def tell(engine: Engine, boot_id: str, figures: WebFigures, now: datetime) -> None:
    """Write what one web process measured, over what it said before."""
    with engine.begin() as connection:
        row = {"boot_id": boot_id, "at": now, **asdict(figures)}
        upsert(connection, web_figures, [row], ("boot_id",))
        connection.execute(delete(web_figures).where(web_figures.c.at < now - FORGOTTEN))


def last_told(engine: Engine) -> datetime | None:
    """When a web process said something last: until then what is sent could be received."""
    with reader(engine).connect() as connection:
        found: datetime | None = connection.scalars(LAST).first()
    return found


def read(engine: Engine, now: datetime) -> WebFigures | None:
    """What all web processes that run say together; None when none does."""
    with reader(engine).connect() as connection:
        rows = connection.execute(SAID, {"after": now - FRESH}).all()
    if not rows:
        return None
    requests = sum(row.requests for row in rows)
    spent = sum(row.requests * row.average_ms for row in rows)
    return WebFigures(
        requests=requests,
        errors=sum(row.errors for row in rows),
        average_ms=spent / requests if requests else 0.0,
        per_minute=sum(row.per_minute for row in rows),
    )
