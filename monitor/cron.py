"""When cron jobs run, as Debian's cron reckons it (crontab(5), cron(8)), in a time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

FIELDS = 5


def next_run(expression: str, zone: str, moment: datetime) -> datetime:
    """The first run after a moment, in UTC. Raises ValueError for what is no cron expression.

    A time in the gap of a clock that is put forward is at the gap's end; of one that comes twice the
    first counts. A job of every hour runs in both.
    """
    # The kinds of checks must be quick to import.
    from cronsim import CronSim, CronSimError

    if len(expression.split()) != FIELDS:
        raise ValueError('must have five fields, like "0 3 * * *"')
    try:
        coming = next(CronSim(expression, moment.astimezone(ZoneInfo(zone))), None)
    except CronSimError as error:
        raise ValueError(f"is no cron expression: {error}") from None
    if coming is None:
        raise ValueError("never comes")
    return coming.astimezone(UTC)
