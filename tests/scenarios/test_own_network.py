"""The own network as a built-in parent: one incident, and what lies outside is not charged."""

from __future__ import annotations

from sqlalchemy import Engine

from domain.dependencies import OWN_NETWORK
from domain.facts import Mark, Status
from domain.settings import Network, Settings
from monitor.definitions import examine
from storage import uptimes
from storage.readings import Readings
from tests.monitor.stand_ins import START, bad, good, watched
from tests.scenarios.stage import play


async def test_while_the_own_network_is_down_one_page_tells_of_all_that_lies_outside(
    engine: Engine,
) -> None:
    names = [f"site-{number:02}" for number in range(20)]
    outside = [watched(name, depends_on=((OWN_NETWORK,),)) for name in names]
    at = play(engine, watched(OWN_NETWORK), *outside, watched("db"), channels={"ops": []})
    await at.slot()

    await at.slot(**{OWN_NETWORK: bad()}, **dict.fromkeys(names, bad()))

    (stood,) = at.incidents()
    assert stood.incident.component == OWN_NETWORK
    assert sorted(stood.affected) == names
    assert [row.event for row in at.deliveries()] == ["trigger"]
    page = at.page("site-00")
    assert (page.reading.status, page.reading.mark) == (Status.UNKNOWN, Mark.BLOCKED)
    assert "this machine's own network is down" in page.why
    assert "inconclusive" in at.reasons("incident")


async def test_what_can_not_be_judged_from_here_is_no_downtime(engine: Engine) -> None:
    site = watched("site", depends_on=((OWN_NETWORK,),))
    at = play(engine, watched(OWN_NETWORK), site, channels={"ops": []})
    await at.slot()
    await at.slot()

    for _ in range(5):
        await at.slot(**{OWN_NETWORK: bad()}, site=bad())

    row = Readings(engine).check("site")
    assert row is not None
    spent = uptimes.read(engine, START, at.clock.now)[row.id]
    assert spent.critical == 0
    assert spent.percent == 100
    assert spent.blocked > spent.healthy > 0


async def test_what_is_still_down_when_the_network_is_back_stands_alone(engine: Engine) -> None:
    at = play(
        engine,
        watched(OWN_NETWORK),
        watched("site", depends_on=((OWN_NETWORK,),)),
        channels={"ops": []},
    )
    await at.slot()
    await at.slot(**{OWN_NETWORK: bad()}, site=bad())

    await at.slot(**{OWN_NETWORK: good()}, site=bad())
    await at.slot(site=bad())

    assert [each.incident.component for each in at.incidents() if each.incident.is_open] == ["site"]


def test_references_make_the_check_and_the_parent_of_what_lies_outside() -> None:
    settings = Settings(network=Network(references=("tcp://192.0.2.1:443",)))
    tables = [
        {"name": "site", "kind": "tcp", "host": "a", "port": 1, "scope": "outside"},
        {"name": "db", "kind": "tcp", "host": "b", "port": 1},
    ]

    found, mistakes = examine(tables, settings, {})
    without, _ = examine(tables, Settings(), {})

    assert mistakes == ()
    assert {each.definition.name: each.definition.depends_on for each in found} == {
        "site": ((OWN_NETWORK,),),
        "db": (),
        OWN_NETWORK: (),
    }
    assert [each.definition.depends_on for each in without] == [(), ()]
