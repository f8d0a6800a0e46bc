"""What the monitor does when it is told to: a test of a channel, a draft of a check judged or tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine

from domain.configuration import Configuration
from domain.facts import Detail
from domain.settings import Settings
from monitor import channeltables, orders
from monitor.cycle import Cycle
from monitor.drafts import Drafts
from monitor.outbox import Sender
from monitor.roster import Roster
from storage import commands, definitions, outbox
from storage.changes import CHECK
from storage.commands import CommandState, Reply
from storage.engine import open_engine
from storage.leadership import Lease, Process, claim
from tests.monitor.stand_ins import START, Clock, Kept, NoForeign
from tests.receiver import receiver
from tests.storage.fresh import make_store
from tests.targets import targets

T = TypeVar("T")


class Post:
    """A store with a leader, and a sender with the channels of these tables."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'n.db'}"
        make_store(url)
        self.engine: Engine = open_engine(url)
        self.clock = Clock()
        me = Process(boot_id="b", host="h", pid=1, process_start=START)
        lease = claim(self.engine, me, START, lambda _: True)
        assert isinstance(lease, Lease)
        self.lease = lease
        configuration = Configuration(settings=Settings(), checks=(), source="config.toml")
        self.drafts = Drafts(
            self.engine,
            {"SHOP_TOKEN": "s3cret-t0ken"},
            NoForeign(),
            configuration=lambda: configuration,
            roster=Roster,
            clock=self.clock,
        )

    async def ask(self, function: Callable[[], T]) -> T:
        return function()

    async def test(self, name: str, *tables: dict[str, Any]) -> Reply:
        """Ask for a test of a channel, and have it carried out."""
        sender = Sender(self.engine, self.lease, self.ask, self.clock, send_s=1.0)
        sender.adopt(channeltables.build(tables, Settings(), {}))
        return await self.obeyed("test-channel", name, sender)

    async def draft(self, verb: str, of: str | None = None, **fields: Detail) -> Reply:
        """Have a draft judged (`check-draft`) or tried (`try-check`)."""
        sender = Sender(self.engine, self.lease, self.ask, self.clock, send_s=1.0)
        return await self.obeyed(verb, "draft", sender, {"of": of, "fields": dict(fields)})

    async def obeyed(
        self, verb: str, subject: str, sender: Sender, arguments: dict[str, Detail] | None = None
    ) -> Reply:
        command = commands.request(
            self.engine, verb, subject, actor="ana", now=self.clock.now, arguments=arguments
        )
        cycle = Cycle(Roster(), Kept(), NoForeign(), clock=self.clock, later=lambda *_: None)
        hands = orders.Hands(cycle=cycle, post=sender, drafts=self.drafts)
        assert await orders.obey(self.engine, self.lease, hands, self.ask, self.clock) == 1
        reply = commands.reply(self.engine, command)
        assert reply is not None
        return reply


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.engine.dispose()


async def test_a_test_reaches_the_receiver_marked_as_one_and_leaves_no_delivery(
    post: Post,
) -> None:
    with receiver() as there:
        table = {"name": "ops", "kind": "webhook", "url": there.url}

        reply = await post.test("ops", table)

        ((_, got),) = there.received
    assert reply.state is CommandState.DONE
    assert reply.document is not None
    assert reply.document["outcome"] == "delivered"
    assert got["event"] == "test"
    assert "This is a test of Nocturne" in got["message"]
    assert not outbox.is_waiting(post.engine)


async def test_a_receiver_that_is_down_is_told_as_the_outcome_without_its_address(
    post: Post,
) -> None:
    url = "http://127.0.0.1:9/hook/s3cret?key=t0ken"

    reply = await post.test("ops", {"name": "ops", "kind": "webhook", "url": url})

    assert reply.state is CommandState.DONE
    assert reply.document is not None
    assert reply.document["outcome"] == "failed"
    assert "s3cret" not in str(reply.document)
    assert "t0ken" not in str(reply.document)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nope", "there is no channel named 'nope'"), ("off", "off is switched off")],
)
async def test_a_channel_that_tells_nobody_can_not_be_tested(
    post: Post, name: str, reason: str
) -> None:
    reply = await post.test(name, {"name": "off", "kind": "log", "enabled": False})

    assert reply.state is CommandState.FAILED
    assert reply.document is not None
    assert str(reply.document["error"]).startswith(reason)


FILED: tuple[dict[str, Detail], ...] = (
    {"name": "db", "kind": "tcp", "host": "127.0.0.1", "port": 9},
    {"name": "web", "kind": "tcp", "host": "127.0.0.1", "port": 9, "depends_on": ["db"]},
)
LOW: dict[str, Detail] = {"warning": 0.0001, "critical": 0.0002}


def file(post: Post) -> None:
    definitions.publish(post.engine, CHECK, FILED, "config.toml", START)


@pytest.mark.parametrize(
    ("of", "fields", "errors"),
    [
        (None, {"name": "x", "kind": "tcp", "host": "h", "port": 1}, None),
        (None, {"name": "x", "kind": "tcp", "port": "1"}, {"host": "", "port": ""}),
        (None, {"name": "db", "kind": "tcp", "host": "h", "port": 1}, {"name": ""}),
        (None, {"name": "x", "kind": "nosuch"}, {"kind": ""}),
        (None, {"name": "x", "kind": "http", "url": "http://h/${NONE}"}, {"url": ""}),
        ("db", {"interval": "1m"}, None),
        ("db", {"port": None}, {"port": ""}),
        ("db", {"depends_on": ["web"]}, {"depends_on": "circle"}),
        ("gone", {"interval": "1m"}, {"": "no check of this name"}),
    ],
)
async def test_a_draft_is_judged_among_the_other_checks_and_told_by_field(
    post: Post, of: str | None, fields: dict[str, Detail], errors: dict[str, str] | None
) -> None:
    file(post)

    reply = await post.draft("check-draft", of, **fields)

    told = (reply.document or {}).get("errors")
    if errors is None:
        assert (reply.state, told) == (CommandState.DONE, None)
        return
    assert reply.state is CommandState.FAILED
    assert isinstance(told, dict)
    assert told.keys() == errors.keys()
    assert all(part in str(told[key]) for key, part in errors.items())


async def test_a_draft_is_run_once_with_its_rules_and_secrets_are_masked_in_the_reply(
    post: Post,
) -> None:
    with targets(1) as (target,):
        target.fail("wrong")
        url = f"http://127.0.0.1:{target.port}/${{SHOP_TOKEN}}"

        wrong = await post.draft("try-check", name="x", kind="http", url=url)
        target.fail("healthy")
        slow = await post.draft("try-check", name="x", kind="http", url=url, **LOW)

    assert wrong.document is not None
    assert slow.document is not None
    assert wrong.document["status"] == slow.document["status"] == "critical"
    assert "503" in str(wrong.document["message"])
    assert "s3cret-t0ken" not in str(wrong.document)
    assert "***" in str(wrong.document["target"])
    assert slow.document["headline"] in dict(slow.document["metrics"])  # type: ignore[arg-type] # a document


async def test_a_draft_made_of_checks_that_are_not_known_yet_is_unknown_and_no_fault(
    post: Post,
) -> None:
    file(post)
    sender = Sender(post.engine, post.lease, post.ask, post.clock, send_s=1.0)
    table: dict[str, Detail] = {"name": "x", "kind": "composite", "of": ["db"], "at_least": 1}

    reply = await post.obeyed("try-check", "x", sender, {"fields": table})

    assert reply.state is CommandState.DONE
    assert reply.document is not None
    assert reply.document["status"] == "unknown"


async def test_a_draft_that_is_no_table_is_refused(post: Post) -> None:
    sender = Sender(post.engine, post.lease, post.ask, post.clock, send_s=1.0)

    reply = await post.obeyed("try-check", "x", sender, {"fields": "x"})

    assert (reply.state, reply.document) == (
        CommandState.FAILED,
        {"error": "the command holds no draft"},
    )
