"""A whole site of its own: real targets, a real receiver, an installation that watches and tells them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import Engine

from domain.facts import Status
from storage.engine import open_engine
from tests.faults.agreement import Ledger, Run, ledger
from tests.installed import Installed
from tests.receiver import Receiver, receiver
from tests.targets import Target, targets
from tests.waiting import wait_for

# The monitor alone is started: nobody listens there.
PORT = 18052
SECOND = "second"
# Generous: a start alone takes half a minute on a machine that does much else.
DEADLINE_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Site:
    """Targets `shop-0`, `shop-1` …, checked every second; the channel `ops` tells the receiver.

    `levels` stand in the table of each check. What `ops` can't deliver is told to `second`, if any.
    """

    installed: Installed
    hook: Receiver
    targets: Sequence[Target]
    engine: Engine
    levels: str = ""
    second: Receiver | None = None
    lives: Iterator[int] = field(default_factory=count)

    def configure(self, kind: str = "webhook") -> None:
        """Write the configuration, with this kind of channel. Each life tells its number as it sends."""
        checks = [
            f'[[check]]\nname = "shop-{number}"\nkind = "http"\ninterval = "1s"\n'
            f'retry_interval = "500ms"\nurl = "http://127.0.0.1:{target.port}/"\n{self.levels}'
            for number, target in enumerate(self.targets)
        ]
        channel = f'[[channel]]\nname = "ops"\nkind = "{kind}"\nurl = "{self.hook.url}"\n'
        channel += f'headers = {{ Life = "{next(self.lives)}" }}\n'
        if self.second is not None:
            channel += f'fallback = "{SECOND}"\n[[channel]]\nname = "{SECOND}"\n'
            # It takes nothing in its own right that these checks could tell.
            channel += f'kind = "webhook"\nurl = "{self.second.url}"\nseverities = ["info"]\n'
        self.installed.write("".join(checks) + channel)

    def start(self) -> subprocess.Popen[str]:
        """Start the monitor as it is."""
        self.configure()
        return self.installed.start("monitor")

    def start_failing(self, when: str, step: str, nth: int) -> subprocess.Popen[str]:
        """Start the monitor so that it kills itself at a point of its work."""
        self.configure("killing-webhook")
        options = ("--config", str(self.installed.config))
        trap = ("-m", "tests.faults.failing", when, step, str(nth))
        return self.installed.launch("monitor", *trap, *options, "monitor")

    def ledger(self) -> Ledger:
        """What the store holds now."""
        return ledger(self.engine)

    def wait_until_hard(self, status: Status, seconds: float = DEADLINE_S) -> None:
        """Wait until every check is confirmed as this."""

        def there() -> bool:
            found = self.ledger().states
            return len(found) == len(self.targets) and all(
                state.hard is status for state in found.values()
            )

        wait_for(there, seconds, pause_s=0.2)

    def wait_until_run_again(self, before: frozenset[Run], seconds: float = DEADLINE_S) -> None:
        """Wait for a result that is not among those before."""
        wait_for(lambda: bool(self.ledger().runs - before), seconds, pause_s=0.2)

    def wait_until_told(self, event: str, seconds: float = DEADLINE_S) -> None:
        """Wait until a delivery of this event is settled as delivered."""

        def there() -> bool:
            found = self.ledger().outbox
            return any((row.event, row.state) == (event, "delivered") for row in found)

        wait_for(there, seconds, pause_s=0.2)

    def wait_until_settled(self, seconds: float = DEADLINE_S) -> Ledger:
        """Wait until every check is well, no incident is open and no delivery left; what stands then."""

        def there() -> bool:
            found = self.ledger()
            healthy = all(state.hard is Status.HEALTHY for state in found.states.values())
            return healthy and not found.open and found.has_ended

        wait_for(there, seconds, pause_s=0.2)
        return self.ledger()


@contextmanager
def site(
    folder: Path,
    shops: int = 1,
    store: str = "",
    levels: str = "",
    second: Receiver | None = None,
) -> Iterator[Site]:
    """A site with so many targets, all well; its processes are ended afterwards.

    `store` is the URL of a migrated store; without it, one is made. `levels`, `second`: see Site.
    """
    with receiver() as hook, targets(shops) as made:
        installed = Installed(folder=folder, port=PORT, store=store)
        engine = open_engine(installed.url)
        found = Site(
            installed=installed,
            hook=hook,
            targets=made,
            engine=engine,
            levels=levels,
            second=second,
        )
        try:
            found.configure()
            if not store:
                migrated = installed.app("migrate")
                assert migrated.returncode == 0, migrated.stderr
            yield found
        finally:
            installed.close()
            engine.dispose()


def killed(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether a process was ended by SIGKILL within so many seconds."""
    return process.wait(seconds) == -signal.SIGKILL
