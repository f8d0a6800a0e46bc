"""The sender over a real store: channels that are down, hang, recover or are gone, and crashes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import OperationalError

from domain.outbox import Message, Outcome, delivered, failed, refused
from monitor.channels import Channel, ChannelKind, Deadline
from monitor.channeltables import NamedChannel
from monitor.outbox import GONE, OFF, Sender
from storage import outbox, schema
from storage.engine import open_engine, reader
from storage.leadership import Lease, Process, claim
from tests.monitor.doomed_sender import Filed
from tests.monitor.stand_ins import START, Clock
from tests.storage.fresh import make_store
from tests.waiting import PATIENCE_S

T = TypeVar("T")


class Scripted(Channel, frozen=True):
    """A channel that does what stands in `SCRIPTS` under its key, and keeps what it was told."""

    key: str
    bundles: ClassVar[bool] = True

    async def send(self, message: Message, deadline: Deadline) -> Outcome:
        SENT.append((self.key, message.event.value, message.key))
        OTHERS.append([each.id for each in message.others])
        answer = SCRIPTS.get(self.key, delivered())
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            return delivered()
        return answer


Scripted.spec = ChannelKind(name="scripted", model=Scripted, title="Scripted")
SCRIPTS: dict[str, Outcome | Exception | asyncio.Event] = {}
SENT: list[tuple[str, str, str]] = []
# Beside each of SENT, the incidents that it told of too.
OTHERS: list[list[str]] = []


class OneByOne(Scripted, frozen=True):
    """The same for one incident a message."""

    bundles: ClassVar[bool] = False


def named(name: str, fallback: str | None = None, enabled: bool = True) -> NamedChannel:
    made = Scripted(key=name, fallback=fallback)
    return NamedChannel(name=name, kind="scripted", channel=made, enabled=enabled)


@dataclass
class Rig:
    """A store with a leader, a clock that is moved by hand, and ways to put rows and look at them."""

    engine: Engine
    lease: Lease
    clock: Clock = field(default_factory=Clock)
    away: int = 0
    lines: int = 0

    async def ask(self, function: Callable[[], T]) -> T:
        if self.away:
            self.away -= 1
            raise OperationalError("UPDATE", None, Exception("database is locked"))
        return function()

    def put(
        self, channel: str, incident: str = "A", event: str = "trigger", group: str | None = None
    ) -> str:
        self.lines += 1
        with self.engine.begin() as connection:
            if self.lines == 1 or not self._exists(incident):
                connection.execute(insert(schema.incidents).values(incident_row(incident)))
            line = {"id": self.lines, "incident_id": incident, "at": START, "actor": "x"}
            more = {"action": "opened", "stage": "new", "severity": 3, "reason": "down"}
            connection.execute(insert(schema.incident_lines).values(**line, **more))
            key = f"{self.lines}:{channel}"
            row = {"key": key, "incident_id": incident, "line_id": self.lines, "channel": channel}
            told = {"fingerprint": incident, "event": event, "body": BODY, "state": "pending"}
            rest = {"reason": "sent", "attempts": 0, "created_at": START, "due": START}
            connection.execute(insert(schema.outbox).values(**row, **told, **rest, group_key=group))
        return key

    def _exists(self, incident: str) -> bool:
        query = select(schema.incidents.c.id).where(schema.incidents.c.id == incident)
        with reader(self.engine).connect() as connection:
            return connection.execute(query).first() is not None

    def states(self, incident: str = "A") -> list[tuple[str, str]]:
        rows = outbox.recent(self.engine, incident)
        return [(row.channel, row.state.value) for row in rows]

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    @contextlib.asynccontextmanager
    async def sending(self, *channels: NamedChannel, **more: Any) -> AsyncIterator[Sender]:
        paces = {"pause_s": 0.02, "idle_s": 0.02, **more}
        sender = Sender(self.engine, self.lease, self.ask, self.clock, **paces)
        sender.adopt(channels)
        sender.start()
        try:
            yield sender
        finally:
            await sender.close(0.2)


def incident_row(name: str) -> dict[str, Any]:
    flags = {"is_open": True, "flapping": False, "sticky": False, "held": False}
    texts = {"component": name, "kind": "http", "title": "t", "stage": "new", "resolution": ""}
    numbers = {"severity": 3, "state_severity": 3, "version": 1}
    return {"id": name, "fingerprint": name, "opened_at": START, **flags, **texts, **numbers}


BODY = {
    "title": "shop is critical",
    "severity": "critical",
    "component": "shop",
    "message": "Connection refused",
    "opened_at": START.isoformat(),
    "at": START.isoformat(),
    "stage": "new",
}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    url = f"sqlite:///{tmp_path / 'n.db'}"
    make_store(url)
    engine = open_engine(url)
    me = Process(boot_id="b", host="h", pid=1, process_start=START)
    lease = claim(engine, me, START, lambda _: True)
    assert isinstance(lease, Lease)
    SCRIPTS.clear()
    SENT.clear()
    OTHERS.clear()
    yield Rig(engine, lease)
    engine.dispose()


async def test_what_stands_in_the_outbox_is_sent_in_the_order_of_its_incident(rig: Rig) -> None:
    rig.put("mail")
    rig.put("mail", event="resolve")

    async with rig.sending(named("mail")):
        await rig.until(lambda: not outbox.is_waiting(rig.engine))

    assert [event for _, event, _ in SENT] == ["trigger", "resolve"]
    assert rig.states() == [("mail", "delivered"), ("mail", "delivered")]


async def test_new_rows_are_sent_as_soon_as_the_sender_is_woken(rig: Rig) -> None:
    async with rig.sending(named("mail"), pause_s=60, idle_s=60) as sender:
        await asyncio.sleep(0.05)
        rig.put("mail")
        sender.wake()
        await rig.until(lambda: rig.states() == [("mail", "delivered")], 2)


async def test_a_channel_that_is_down_is_tried_again_until_it_is_back(rig: Rig) -> None:
    SCRIPTS["mail"] = failed("HTTP 500")
    first = rig.put("mail")
    second = rig.put("mail", "B")

    async with rig.sending(named("mail")):
        await rig.until(lambda: rig.states() == [("mail", "retry")])
        await rig.until(lambda: rig.states("B") == [("mail", "pending")])
        SCRIPTS["mail"] = delivered()
        rig.clock.forward(5)
        await rig.until(lambda: not outbox.is_waiting(rig.engine))

    assert [key for _, _, key in SENT] == [first, first, second]


async def test_everything_is_delivered_within_2_minutes_after_a_long_outage(rig: Rig) -> None:
    SCRIPTS["mail"] = failed("down")
    for incident in "ABCDE":
        rig.put("mail", incident)

    async with rig.sending(named("mail")):
        for _ in range(12):
            before = len(SENT)
            await rig.until(lambda before=before: len(SENT) > before)  # type: ignore[misc]
            await rig.until(lambda: ("mail", "leased") not in rig.states())
            rig.clock.forward(60)
        SCRIPTS["mail"] = delivered()
        back = rig.clock.now
        rig.clock.forward(60)
        await rig.until(lambda: not outbox.is_waiting(rig.engine))

    assert rig.clock.now - back <= timedelta(minutes=2)


async def test_a_channel_that_hangs_delays_no_other(rig: Rig) -> None:
    SCRIPTS["mail"] = asyncio.Event()
    rig.put("mail")
    rig.put("chat")
    rig.put("chat", "B")

    async with rig.sending(named("mail"), named("chat"), send_s=10):
        await rig.until(lambda: rig.states("B") == [("chat", "delivered")], 2)

        assert ("mail", "leased") in rig.states()


async def test_a_channel_that_hangs_is_left_at_its_deadline(rig: Rig) -> None:
    SCRIPTS["mail"] = asyncio.Event()
    rig.put("mail")

    async with rig.sending(named("mail"), send_s=0.1):
        await rig.until(lambda: rig.states() == [("mail", "retry")], 2)

    assert outbox.recent(rig.engine, "A")[0].reason == "no answer within 0.1 s"


async def test_the_fallback_carries_what_a_channel_refuses(rig: Rig) -> None:
    SCRIPTS["mail"] = refused("HTTP 404")
    rig.put("mail")
    rig.put("mail", event="resolve")

    async with rig.sending(named("mail", fallback="chat"), named("chat")):
        await rig.until(lambda: not outbox.is_waiting(rig.engine))

    assert SENT[1:] == [("chat", "trigger", "1:chat"), ("chat", "resolve", "2:chat")]
    assert rig.states()[:2] == [("mail", "dead"), ("mail", "cancelled")]


async def test_after_24_hours_of_failure_the_fallback_takes_over(rig: Rig) -> None:
    SCRIPTS["mail"] = failed("down")
    rig.put("mail")

    async with rig.sending(named("mail", fallback="chat"), named("chat")):
        await rig.until(lambda: rig.states() == [("mail", "retry")])
        rig.clock.forward(24 * 3600)
        await rig.until(lambda: rig.states() == [("mail", "dead"), ("chat", "delivered")])


@pytest.mark.parametrize(
    ("channels", "reason"), [((), GONE), ((named("mail", enabled=False),), OFF)]
)
async def test_rows_of_a_channel_that_is_gone_or_off_are_cancelled(
    rig: Rig, channels: tuple[NamedChannel, ...], reason: str
) -> None:
    rig.put("mail")

    async with rig.sending(*channels):
        await rig.until(lambda: rig.states() == [("mail", "cancelled")])

    assert outbox.recent(rig.engine, "A")[0].reason == reason
    assert SENT == []


async def test_a_channel_with_a_bug_is_tried_again_and_its_text_stays_inside(rig: Rig) -> None:
    SCRIPTS["mail"] = RuntimeError("password hunter2")
    rig.put("mail")

    async with rig.sending(named("mail")):
        await rig.until(lambda: rig.states() == [("mail", "retry")])

    assert outbox.recent(rig.engine, "A")[0].reason == "the channel raised RuntimeError"


async def test_what_was_sent_while_the_store_was_away_is_not_sent_again(rig: Rig) -> None:
    release = SCRIPTS["mail"] = asyncio.Event()
    rig.put("mail")

    async with rig.sending(named("mail")):
        await rig.until(lambda: len(SENT) == 1)
        rig.away = 20
        release.set()
        await rig.until(lambda: rig.away == 0 and rig.states() == [("mail", "delivered")])

    assert len(SENT) == 1


async def test_a_crash_between_sending_and_storing_costs_one_copy_with_the_same_key_at_once(
    rig: Rig,
) -> None:
    key = rig.put("mail")
    crashed = asyncio.Event()

    async def crash_at_settle(function: Callable[[], T]) -> T:
        if SENT:
            crashed.set()
            await asyncio.Event().wait()
        return function()

    first = Sender(rig.engine, rig.lease, crash_at_settle, rig.clock, pause_s=0.02)
    first.adopt([named("mail")])
    first.start()
    await asyncio.wait_for(crashed.wait(), PATIENCE_S)
    await first.close(0)
    async with rig.sending(named("mail")):
        await rig.until(lambda: rig.states() == [("mail", "delivered")])

    assert [told_key for _, _, told_key in SENT] == [key, key]


async def test_what_waits_in_one_group_is_one_message_that_names_the_others(rig: Rig) -> None:
    keys = [rig.put("mail", incident, group="tag:shop") for incident in "ABC"]

    async with rig.sending(named("mail")):
        await rig.until(lambda: not outbox.is_waiting(rig.engine))

    assert [("mail", "trigger", keys[0])] == SENT
    assert OTHERS == [["B", "C"]]
    assert [rig.states(incident) for incident in "ABC"] == [[("mail", "delivered")]] * 3


async def test_a_channel_that_takes_no_bundles_is_told_of_each_by_a_message_of_its_own(
    rig: Rig,
) -> None:
    keys = [rig.put("duty", incident, group="tag:shop") for incident in "AB"]
    channel = NamedChannel(name="duty", kind="scripted", channel=OneByOne(key="duty"))

    async with rig.sending(channel):
        await rig.until(lambda: not outbox.is_waiting(rig.engine))

    assert [key for _, _, key in SENT] == keys
    assert OTHERS == [[], []]


async def test_a_message_of_several_is_tried_again_as_it_was(rig: Rig) -> None:
    SCRIPTS["mail"] = failed("HTTP 500")
    key = rig.put("mail", "A", group="tag:shop")
    rig.put("mail", "B", group="tag:shop")

    async with rig.sending(named("mail")):
        await rig.until(lambda: rig.states("B") == [("mail", "retry")])
        rig.put("mail", "C", group="tag:shop")
        SCRIPTS["mail"] = delivered()
        rig.clock.forward(5)
        await rig.until(lambda: not outbox.is_waiting(rig.engine))

    assert [sent for _, _, sent in SENT] == [key, key, "3:mail"]
    assert OTHERS == [["B"], ["B"], []]


async def test_rows_of_several_for_a_channel_that_is_gone_are_all_cancelled(rig: Rig) -> None:
    for incident in "AB":
        rig.put("mail", incident, group="tag:shop")

    async with rig.sending():
        await rig.until(lambda: not outbox.is_waiting(rig.engine))

    assert [rig.states(incident) for incident in "AB"] == [[("mail", "cancelled")]] * 2


async def test_closing_finishes_what_is_being_sent_and_gives_the_rest_back(rig: Rig) -> None:
    release = SCRIPTS["mail"] = asyncio.Event()
    rig.put("mail")
    rig.put("mail", "B")

    async with rig.sending(named("mail")) as sender:
        await rig.until(lambda: len(SENT) == 1)
        closing = asyncio.create_task(sender.close())
        await asyncio.sleep(0)
        release.set()
        await closing

    assert rig.states() == [("mail", "delivered")]
    assert rig.states("B") == [("mail", "pending")]


async def test_a_monitor_that_lost_the_leadership_sends_nothing_more(rig: Rig) -> None:
    other = Process(boot_id="c", host="h", pid=2, process_start=START)

    async with rig.sending(named("mail")):
        claim(rig.engine, other, START + timedelta(hours=1), lambda _: False)
        rig.put("mail")
        await asyncio.sleep(0.1)

    assert SENT == []
    assert rig.states() == [("mail", "pending")]


async def test_a_row_whose_body_can_not_be_read_ends_dead(rig: Rig) -> None:
    rig.put("mail")
    with rig.engine.begin() as connection:
        connection.execute(schema.outbox.update().values(body={}))

    async with rig.sending(named("mail")):
        await rig.until(lambda: rig.states() == [("mail", "dead")])


@pytest.mark.parametrize("others", ["", "BC"], ids=["one", "three together"])
@pytest.mark.parametrize(
    ("point", "copies"), [("before sending", 1), ("after sending", 2), ("after settling", 1)]
)
async def test_kill_9_loses_nothing_and_costs_one_copy_with_the_same_key_at_most(
    rig: Rig, tmp_path: Path, point: str, copies: int, others: str
) -> None:
    key = rig.put("mail", group="tag:shop")
    for incident in others:
        rig.put("mail", incident, group="tag:shop")
    received = tmp_path / "received"
    channel = NamedChannel(name="mail", kind="filed", channel=Filed(path=str(received)))

    program = [sys.executable, "-m", "tests.monitor.doomed_sender", str(rig.engine.url)]
    process = await asyncio.create_subprocess_exec(
        *program, str(received), point, cwd=Path(__file__).parents[2]
    )
    killed = await asyncio.wait_for(process.wait(), 120)
    rig.clock.forward(60)
    async with rig.sending(channel):
        await rig.until(lambda: not outbox.is_waiting(rig.engine))

    assert killed == -signal.SIGKILL
    assert received.read_text().split() == ["+".join([key, *others])] * copies
    assert [rig.states(incident) for incident in others] == [[("mail", "delivered")]] * len(others)


async def test_that_nothing_can_be_stored_is_told_by_all_channels_once_an_hour(rig: Rig) -> None:
    rig.away = 100
    sender = Sender(rig.engine, rig.lease, rig.ask, rig.clock)
    sender.adopt([named("chat"), named("mail"), named("off", enabled=False)])
    SCRIPTS["mail"] = failed("no route")
    SENT.clear()

    for _ in range(3):
        await sender.tell_unstored("The disk is full.")
        rig.clock.forward(600)
    assert sorted(SENT)[:2] == [(key, "notice", SENT[0][2]) for key in ("chat", "mail")]
    assert len(SENT) == 2

    rig.clock.forward(3600)
    await sender.tell_unstored("The disk is full.")
    assert len(SENT) == 4
    SCRIPTS.clear()
