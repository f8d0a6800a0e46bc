"""What the monitor does when it is told to: a test of a channel, with its real outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine

from domain.settings import Settings
from monitor import channeltables, orders
from monitor.cycle import Cycle
from monitor.outbox import Sender
from monitor.roster import Roster
from storage import commands, outbox
from storage.commands import CommandState, Reply
from storage.engine import open_engine
from storage.leadership import Lease, Process, claim
from storage.migrate import migrate
from tests.monitor.stand_ins import START, Clock, Kept, NoForeign
from tests.receiver import receiver

T = TypeVar("T")


class Post:
    """A store with a leader, and a sender with the channels of these tables."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'n.db'}"
        migrate(url)
        self.engine: Engine = open_engine(url)
        self.clock = Clock()
        me = Process(boot_id="b", host="h", pid=1, process_start=START)
        lease = claim(self.engine, me, START, lambda _: True)
        assert isinstance(lease, Lease)
        self.lease = lease

    async def ask(self, function: Callable[[], T]) -> T:
        return function()

    async def test(self, name: str, *tables: dict[str, Any]) -> Reply:
        """Ask for a test of a channel, and have it carried out."""
        sender = Sender(self.engine, self.lease, self.ask, self.clock, send_s=1.0)
        sender.adopt(channeltables.build(tables, Settings(), {}))
        command = commands.request(
            self.engine, "test-channel", name, actor="ana", now=self.clock.now
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
