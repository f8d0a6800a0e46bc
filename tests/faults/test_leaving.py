"""Checks that leave the configuration while it is in use, and come back."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.facts import Mark, Status
from storage.engine import open_engine
from storage.incident_readings import IncidentReadings
from storage.readings import Readings
from tests.installed import SELF, Installed
from tests.receiver import receiver
from tests.targets import targets
from tests.waiting import wait_for

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def test_what_left_while_it_was_down_and_comes_back_well_pages_nobody(installed: Installed) -> None:
    with receiver() as hook, targets(1) as (target,):
        channel = f'[[channel]]\nname = "ops"\nkind = "webhook"\nurl = "{hook.url}"\n'
        shop = (
            f'[[check]]\nname = "shop"\nkind = "http"\nurl = "http://127.0.0.1:{target.port}/"\n'
            'interval = "1s"\nretry_interval = "500ms"\n'
        )
        installed.write(SELF + shop + channel)
        installed.start("monitor")
        installed.wait_for_result("shop", 30)
        target.fail("wrong")
        wait_for(lambda: hook.events() == ["trigger"], 30)

        installed.write(SELF + channel)
        wait_for(lambda: "shop" not in watched_by(installed), 30)
        target.fail("healthy")
        back = datetime.now(UTC)
        installed.write(SELF + shop + channel)
        installed.wait_for_result("shop", 30, after=back)
        wait_for(lambda: installed.check("shop").state.hard is Status.HEALTHY, 30)
        wait_for(lambda: hook.events() == ["trigger", "resolve"], 30)

        timeline = Readings(open_engine(installed.url)).timeline(LONG_AGO)
        (incident,) = IncidentReadings(open_engine(installed.url)).since(LONG_AGO, 10)
        rows = timeline[installed.check("shop").id]

    assert hook.events() == ["trigger", "resolve"]
    assert not incident.is_open
    # While it was not watched it counts as neither up nor down, and then it counts anew.
    (left,) = [row for row in rows if row.reason == "no longer watched"]
    after = [row for row in rows if row.at > left.at]
    assert left.mark is Mark.PAUSED
    assert [row.reason for row in after][:1] == ["resumed"]
    assert all(row.after is not Status.CRITICAL for row in after)


def test_what_a_half_written_file_lacks_is_paged_once_for_one_outage(installed: Installed) -> None:
    with receiver() as hook, targets(1) as (target,):
        channel = f'[[channel]]\nname = "ops"\nkind = "webhook"\nurl = "{hook.url}"\n'
        shop = (
            f'[[check]]\nname = "shop"\nkind = "http"\nurl = "http://127.0.0.1:{target.port}/"\n'
            'interval = "1s"\nretry_interval = "500ms"\n'
        )
        installed.write(SELF + channel + shop)
        installed.start("monitor")
        target.fail("wrong")
        wait_for(lambda: hook.events() == ["trigger"], 30)

        # Whoever writes pauses for so long that even the half is taken up.
        installed.write(SELF + channel)
        wait_for(lambda: "shop" not in watched_by(installed), 30)
        installed.write(SELF + channel + shop)
        back = datetime.now(UTC)
        installed.wait_for_result("shop", 30, after=back)
        wait_for(lambda: installed.check("shop").state.hard is Status.CRITICAL, 30)
        target.fail("healthy")
        wait_for(lambda: hook.events()[-1:] == ["resolve"], 30)

    assert hook.events() == ["trigger", "resolve"]


def watched_by(installed: Installed) -> set[str]:
    """The names of the checks that are watched now."""
    return {row.name for row in installed.readings().board(datetime.now(UTC)).checks}


def test_a_file_that_takes_all_checks_away_is_refused_and_the_old_one_stays(
    installed: Installed,
) -> None:
    installed.start("monitor")
    installed.wait_for_result("load", 30)

    installed.config.write_text("")

    wait_for(lambda: "configuration refused" in installed.log("monitor"), 30)
    refused = datetime.now(UTC)
    installed.wait_for_result("load", 30, after=refused)
    assert "to watch nothing, restart" in installed.log("monitor")
