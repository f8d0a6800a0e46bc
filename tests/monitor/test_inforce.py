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
from storage.migrate import migrate
from storage.schema import notices
from tests.monitor.stand_ins import START
from tests.storage.stores import lead

RULE_TABLE: dict[str, Detail] = {"id": "swap", "metric": "system.swap.percent", "warning": 50}
OPS: dict[str, Detail] = {"name": "ops", "kind": "log"}
CHAT: dict[str, Detail] = {"name": "chat", "kind": "log"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'n.db'}"
    migrate(url)
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
