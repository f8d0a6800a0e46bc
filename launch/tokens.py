"""The sub-command that makes the URL which a job pings."""

from __future__ import annotations

from datetime import UTC, datetime

from launch import config
from launch.commands import OK, REFUSED, Call, complain
from launch.people import ACTOR

KIND = "heartbeat"


def token(call: Call) -> int:
    """Print a new ping URL for a heartbeat check. One that has a URL keeps it without `--replace`."""
    settings = config.read_plain(call.config, call.environ).settings
    from domain.access import KeyKind
    from storage import keys
    from storage.engine import open_existing
    from storage.readings import Readings

    now = datetime.now(UTC)
    engine = open_existing(settings.storage.url)
    try:
        row = Readings(engine).check(call.name)
        if row is None or row.kind != KIND:
            complain(f"there is no check of kind {KIND} named {call.name!r}")
            return REFUSED
        held = [each for each in keys.listed(engine, KeyKind.HEARTBEAT) if each.holds(now)]
        if not call.replace and any(each.subject == call.name for each in held):
            complain(f"{call.name} has a ping URL; --replace makes a new one and ends that one")
            return REFUSED
        _, secret = keys.make(
            engine,
            KeyKind.HEARTBEAT,
            name=f"heartbeat of {call.name}"[:100],
            subject=call.name,
            actor=ACTOR,
            now=now,
            replaces=True,
        )
    finally:
        engine.dispose()
    print(f"{settings.web.url}/ping/{secret.text}", flush=True)
    return OK
