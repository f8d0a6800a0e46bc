"""Sub-commands for those who can't log in: the link for the first admin, and a new password."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime

from domain.access import checked_password, folded_name
from launch import config
from launch.commands import OK, REFUSED, Call, complain

ACTOR = "command line"


def setup_link(call: Call) -> int:
    """Print a new link for making the first admin. Refused when there is one."""
    settings = config.read_plain(call.config, call.environ).settings
    from dashboard import firstadmin
    from storage.engine import open_existing

    engine = open_existing(settings.storage.url)
    try:
        found = firstadmin.link(engine, settings, datetime.now(UTC))
    finally:
        engine.dispose()
    if found is None:
        complain("there is an admin already; app.py password NAME gives one a new password")
        return REFUSED
    print(f"Make the first admin here, within 24 hours: {found}", flush=True)
    return OK


def password(call: Call) -> int:
    """Give somebody a new password, read from the terminal or from stdin; all their logins end."""
    settings = config.read_plain(call.config, call.environ).settings
    from dashboard import passwords
    from storage.engine import open_existing
    from storage.people import People, UnknownPerson

    try:
        name = folded_name(call.name)
        stored = passwords.hashed(checked_password(_asked(name), name))
    except ValueError as error:
        complain(f"the name or password {error}")
        return REFUSED
    engine = open_existing(settings.storage.url)
    try:
        People(engine).change(
            name, actor=ACTOR, now=datetime.now(UTC), enabled=True, password_hash=stored
        )
    except UnknownPerson as error:
        complain(str(error))
        return REFUSED
    finally:
        engine.dispose()
    print(f"{name} has a new password", flush=True)
    return OK


def _asked(name: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"New password for {name}: ")
    return sys.stdin.readline().rstrip("\r\n")
