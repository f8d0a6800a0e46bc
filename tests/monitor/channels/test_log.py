"""Channel `log`: every message is one line, and is delivered."""

from __future__ import annotations

import structlog

from domain.outbox import Other, Verdict
from monitor.channels import Deadline
from monitor.channels.log import LogChannel
from tests.monitor.channels.messages import message


async def test_a_message_is_one_line_with_everything_in_it() -> None:
    with structlog.testing.capture_logs() as lines:
        outcome = await LogChannel().send(message(), Deadline.after(1))

    (line,) = lines
    assert outcome.verdict is Verdict.DELIVERED
    assert (line["told"], line["incident"]) == ("trigger", "INC-20260301-0001")
    assert (line["severity"], line["component"], line["key"]) == ("critical", "shop", "7:hook")


async def test_a_message_of_several_incidents_names_them_all() -> None:
    other = Other(id="INC-2", title="t", severity="minor", component="c", link="/incidents/INC-2")

    with structlog.testing.capture_logs() as lines:
        await LogChannel().send(message(others=(other,)), Deadline.after(1))

    assert lines[0]["others"] == ["INC-2"]


async def test_what_looks_like_a_template_is_written_as_it_is() -> None:
    with structlog.testing.capture_logs() as lines:
        await LogChannel().send(message(title="{{7*7}} %s ${HOME}"), Deadline.after(1))

    assert lines[0]["title"] == "{{7*7}} %s ${HOME}"
