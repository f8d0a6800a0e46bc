"""A process that sends from an outbox and kills itself with SIGKILL at a named point of its way."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import ClassVar, TypeVar

from domain.outbox import Message, Outcome, delivered
from monitor.channels import Channel, ChannelKind, Deadline
from monitor.channeltables import NamedChannel
from monitor.outbox import Sender
from storage.engine import open_engine
from storage.leadership import Lease
from tests.monitor.stand_ins import START

T = TypeVar("T")
# Imported by a test, nothing here dies.
DOOM = sys.argv[3] if __name__ == "__main__" else ""


class Filed(Channel, frozen=True):
    """A channel that appends each key to a file, with the others that were told along."""

    path: str
    bundles: ClassVar[bool] = True

    async def send(self, message: Message, deadline: Deadline) -> Outcome:
        die_at("before sending")
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("+".join([message.key, *(each.id for each in message.others)]) + "\n")
        die_at("after sending")
        return delivered()


Filed.spec = ChannelKind(name="filed", model=Filed, title="Filed")


def die_at(point: str) -> None:
    if point == DOOM:
        os.kill(os.getpid(), signal.SIGKILL)


async def send(url: str, path: str) -> None:
    async def ask(function: Callable[[], T]) -> T:
        answer = function()
        if os.path.exists(path):
            die_at("after settling")
        return answer

    lease = Lease(boot_id="b", epoch=1)
    sender = Sender(open_engine(url), lease, ask, lambda: START, pause_s=0.02)
    sender.adopt([NamedChannel(name="mail", kind="filed", channel=Filed(path=path))])
    sender.start()
    await asyncio.sleep(20)


if __name__ == "__main__":
    asyncio.run(send(sys.argv[1], sys.argv[2]))
