"""What is in force of rules: those that name what is gone are told of, until mended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from domain.configuration import Configuration
from domain.facts import Detail
from domain.settings import Settings
from monitor.inforce import CHANNELS_NOTICE, CHECKS_NOTICE, InForce
from storage import definitions
from storage.changes import CHECK, RULE, Changes
from storage.engine import open_engine, reader
from storage.journal import Journal
from storage.leadership import Lease
from storage.schema import notices
from tests.monitor.stand_ins import START
from tests.storage.fresh import make_store
from tests.storage.stores import lead

RULE_TABLE: dict[str, Detail] = {"id": "swap", "metric": "system.swap.percent", "warning": 50}
OPS: dict[str, Detail] = {"name": "ops", "kind": "log"}
CHAT: dict[str, Detail] = {"name": "chat", "kind": "log"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'n.db'}"
    make_store(url)
    made = open_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def lease(engine: Engine) -> Lease:
    return lead(engine, now=START)


@pytest.fixture
def in_force(engine: Engine) -> InForce:
    return InForce(engine, Journal(engine), {})


def says(in_force: InForce, lease: Lease, *channels: dict[str, Detail]) -> None:
    """The file has one rule and these channels, and is put in force."""
    configuration = Configuration(
        settings=Settings(), checks=(), source="config.toml", channels=channels, rules=(RULE_TABLE,)
    )
    in_force.publish(lease, configuration, START)
    in_force.alerting(START)


def notice(engine: Engine, key: str = CHANNELS_NOTICE) -> str | None:
    query = select(notices.c.text).where(notices.c.key == key)
    with reader(engine).connect() as connection:
        found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def edit(engine: Engine, patch: dict[str, Detail]) -> None:
    Changes(engine).edit(RULE, "swap", patch, actor="ann", now=START)


def test_a_channel_that_is_removed_while_a_rule_names_it_is_told_of_by_rule_and_channel(
    engine: Engine, in_force: InForce, lease: Lease
) -> None:
    says(in_force, lease, OPS, CHAT)
    edit(engine, {"channels": ["ops"]})
    in_force.alerting(START)
    before = notice(engine)

    says(in_force, lease, CHAT)

    told = notice(engine)
    assert before is None
    assert told is not None
    assert '"swap"' in told and 'there is no channel "ops"' in told


@pytest.mark.parametrize("mended", ["channel", "rule", "off"])
def test_the_notice_goes_once_the_channel_is_back_or_the_rule_is_changed(
    engine: Engine, in_force: InForce, lease: Lease, mended: str
) -> None:
    says(in_force, lease, OPS, CHAT)
    edit(engine, {"channels": ["ops"]})
    says(in_force, lease, CHAT)
    before = notice(engine)

    if mended == "channel":
        says(in_force, lease, OPS)
    else:
        edit(engine, {"channels": ["chat"]} if mended == "rule" else {"enabled": False})
        in_force.alerting(START)

    assert (before is None, notice(engine)) == (False, None)


def test_a_rule_that_names_a_lost_channel_stays_in_force(
    engine: Engine, in_force: InForce, lease: Lease
) -> None:
    says(in_force, lease, OPS)
    edit(engine, {"channels": ["ops"]})
    says(in_force, lease)

    rules, _ = in_force.alerting(START)

    (swap,) = [rule for rule in rules if rule.id == "swap"]
    assert swap.channels == ("ops",)


def test_a_check_that_is_removed_while_a_rule_names_it_is_told_of_by_rule_and_check(
    engine: Engine, in_force: InForce, lease: Lease
) -> None:
    says(in_force, lease, OPS)
    definitions.publish(engine, CHECK, [{"name": "api"}], "config.toml", START)
    edit(engine, {"check": "api"})
    in_force.alerting(START)
    before = notice(engine, CHECKS_NOTICE)

    definitions.publish(engine, CHECK, [{"name": "web"}], "config.toml", START)
    rules, _ = in_force.alerting(START)
    lost = notice(engine, CHECKS_NOTICE)
    edit(engine, {"enabled": False})
    in_force.alerting(START)

    assert before is None
    assert "swap" in {rule.id for rule in rules}
    assert lost is not None
    assert '"swap"' in lost and 'there is no check "api"' in lost
    assert notice(engine, CHECKS_NOTICE) is None


def loaded(engine: Engine, in_force: InForce, lease: Lease) -> dict[str, dict[str, Detail]]:
    """The checks in force over a file with `cpu` and `disk`: their own fields by name."""
    tables: tuple[dict[str, Detail], ...] = (
        {"name": "cpu", "kind": "system", "resource": "cpu"},
        {"name": "disk", "kind": "system", "resource": "disk", "depends_on": ["cpu"]},
    )
    configuration = Configuration(settings=Settings(), checks=tables, source="config.toml")
    in_force.publish(lease, configuration, START)
    found = in_force.load(configuration, START)
    return {each.definition.name: dict(each.definition.fields) for each in found}


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"resource": "nosuch"}, 'check "cpu" resource = "nosuch"'),
        ({"depends_on": ["gone"]}, "no check is named"),
        ({"depends_on": ["disk"]}, "dependencies run in a circle"),
    ],
)
def test_edits_that_can_not_be_leave_that_check_as_in_the_file_and_all_others_as_edited(
    engine: Engine, in_force: InForce, lease: Lease, patch: dict[str, Detail], said: str
) -> None:
    changes = Changes(engine)
    loaded(engine, in_force, lease)
    changes.edit(CHECK, "cpu", patch, actor="ann", now=START)
    changes.edit(CHECK, "disk", {"resource": "load"}, actor="ann", now=START)
    made: dict[str, Detail] = {"name": "web", "kind": "tcp", "host": "h", "port": 1}
    wrong: dict[str, Detail] = {"name": "bad", "kind": "tcp", "host": "h", "port": "x"}
    needs: dict[str, Detail] = {**made, "name": "child", "depends_on": ["bad"]}
    for table in (made, wrong, needs):
        changes.add(CHECK, str(table["name"]), table, actor="ann", now=START)

    found = loaded(engine, in_force, lease)

    assert found.keys() == {"cpu", "disk", "web"}
    assert (found["cpu"]["resource"], found["disk"]["resource"]) == ("cpu", "load")
    told = notice(engine, definitions.EDITS_NOTICE)
    assert told is not None
    assert said in told
    assert 'check "bad" port' in told and 'check "child" depends_on' in told
    changes.edit(CHECK, "cpu", dict.fromkeys(patch), actor="ann", now=START)
    for name in ("bad", "child"):
        changes.remove(CHECK, name, actor="ann", now=START)
    loaded(engine, in_force, lease)
    assert notice(engine, definitions.EDITS_NOTICE) is None
