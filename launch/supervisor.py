"""`run`: prepares, starts web and monitor, restarts the one that dies, ends both.

When the store is lost both end, it is migrated again, which restores the last backup, and they start.

Standard library only: this process lives as long as Nocturne does and must weigh nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from launch.child import Child, how_it_ended
from launch.restart import Life, next_restart

WEB = "web"
MONITOR = "monitor"
PREPARATIONS = ("check-config", "migrate")
# Bad configuration and "cannot start": to try again changes nothing.
FINAL_CODES = frozenset({2, 3})
# The store was deleted, replaced or damaged. `migrate` restores it, or refuses to begin anew.
STORE_LOST = 4
RESTORE = "migrate"
# A disk that loses the store again so soon is not fought with.
RESTORED_FOR_S = 600.0
POLL_S = 0.1
READY_S = 6.0
GRACE_S = 4.0
KILL_S = 0.5

Spawn = Callable[[str], Child]


@dataclass(slots=True)
class Service:
    """A process that is kept running: its present child, its past lives, when it starts again."""

    name: str
    child: Child | None = None
    started: float = 0.0
    due: float | None = None
    history: list[Life] = field(default_factory=list)


class Supervisor:
    """Runs the sub-commands of one installation. `spawn` starts a sub-command by its name."""

    def __init__(
        self,
        spawn: Spawn,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        say: Callable[[str], None],
    ) -> None:
        self._spawn = spawn
        self._clock = clock
        self._sleep = sleep
        self._say = say
        self._services: dict[str, Service] = {}
        self._stops = 0
        self._reloads = 0
        self._final: int | None = None
        self._restored: float | None = None

    def request_stop(self) -> None:
        """End everything; asked twice, at once. Safe in a signal handler."""
        self._stops += 1

    def request_reload(self) -> None:
        """Have the monitor read its configuration again. Safe in a signal handler."""
        self._reloads += 1

    def run(
        self,
        is_ready: Callable[[], bool],
        refusal: Callable[[], str | None],
        welcome: Callable[[bool], None],
    ) -> int:
        """Run until stopped; returns the exit code. `refusal` tells why the web can't listen.

        `welcome` is called once both run, with whether the web answers already.
        The monitor starts once the web `is_ready`, so that there is a page to see it come up on.
        """
        try:
            code = self._prepare(refusal)
            while code is None:
                self._start_services(is_ready, welcome)
                code = self._watch()
                if code == STORE_LOST and not self._stops:
                    code = self._restore()
            return code
        finally:
            self._stop_services()

    def _prepare(self, refusal: Callable[[], str | None]) -> int | None:
        for step in PREPARATIONS:
            code = self._finish(step)
            if code != 0 or self._stops:
                return 0 if self._stops else code
        reason = refusal()
        if reason is not None:
            self._say(reason)
            return 3
        return None

    def _restore(self) -> int | None:
        """End both services and have the store restored; the exit code when that is not possible."""
        self._stop_services()
        self._services, self._final, last = {}, None, self._restored
        self._restored = self._clock()
        if last is not None and self._restored - last < RESTORED_FOR_S:
            self._say("the store was lost again within 10 min: it is not restored a second time")
            return STORE_LOST
        self._say("the store is lost: it is restored from its last backup if there is one")
        code = self._finish(RESTORE)
        if self._stops:
            return 0
        return None if code == 0 else STORE_LOST

    def _finish(self, step: str) -> int:
        """Run a sub-command to its end; a stop ends it."""
        child = self._spawn(step)
        asked = 0
        while (code := child.ended()) is None:
            if self._stops > asked:
                child.kill() if asked else child.terminate()
                asked = self._stops
            self._sleep(POLL_S)
        if code < 0 and not self._stops:
            self._say(f"{step} ended {how_it_ended(code)}")
            return 1
        return code

    def _start_services(
        self, is_ready: Callable[[], bool], welcome: Callable[[bool], None]
    ) -> None:
        self._services = {name: Service(name) for name in (WEB, MONITOR)}
        self._start(self._services[WEB])
        limit, ready = self._clock() + READY_S, False
        while not (ready or self._is_over() or self._clock() >= limit):
            self._sleep(POLL_S)
            self._tend(self._services[WEB])
            ready = is_ready()
        if self._is_over():
            return
        self._start(self._services[MONITOR])
        welcome(ready)

    def _watch(self) -> int:
        while not self._is_over():
            self._hand_on_reload()
            for service in self._services.values():
                self._tend(service)
            self._sleep(POLL_S)
        return self._final or 0

    def _is_over(self) -> bool:
        return self._stops > 0 or self._final is not None

    def _hand_on_reload(self) -> None:
        monitor = self._services[MONITOR].child
        if self._reloads and monitor is not None:
            self._reloads = 0
            monitor.reload()

    def _start(self, service: Service) -> None:
        service.started, service.due = self._clock(), None
        service.child = self._spawn(service.name)

    def _tend(self, service: Service) -> None:
        now = self._clock()
        if service.child is None:
            if service.due is not None and now >= service.due:
                self._start(service)
            return
        code = service.child.ended()
        if code is None:
            return
        service.child = None
        if code == STORE_LOST or (code in FINAL_CODES and not service.history):
            self._final = code
            return
        service.history = [*service.history, Life(service.started, now)][-10:]
        service.due = next_restart(service.history, now)
        self._say(
            f"the {service.name} process ended {how_it_ended(code)} after "
            f"{now - service.started:.0f} s; it is started again in {service.due - now:.0f} s"
        )

    def _stop_services(self) -> None:
        """Ask all to end, end those that don't after 4 s, or at once when asked again."""
        running = [service.child for service in self._services.values() if service.child]
        for child in running:
            child.terminate()
        asked, limit = self._stops, self._clock() + GRACE_S
        while _alive(running) and self._clock() < limit and self._stops <= max(asked, 1):
            self._sleep(POLL_S)
        for child in _alive(running):
            child.kill()
        limit = self._clock() + KILL_S
        while _alive(running) and self._clock() < limit:
            self._sleep(POLL_S)


def _alive(children: list[Child]) -> list[Child]:
    return [child for child in children if child.ended() is None]
