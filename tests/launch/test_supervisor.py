"""What the supervisor decides, with fake children and a clock that moves when it sleeps."""

from __future__ import annotations

from collections.abc import Callable

from launch.supervisor import Supervisor


class FakeChild:
    """A child that ends `lives_s` after its start with `code`, or soon after being asked."""

    def __init__(self, world: World, name: str, code: int, lives_s: float, deaf: bool) -> None:
        self._world = world
        self._name = name
        self._code = code
        self._ends = world.now + lives_s
        self._deaf = deaf

    def ended(self) -> int | None:
        return self._code if self._world.now >= self._ends else None

    def terminate(self) -> None:
        self._world.note("terminate", self._name)
        if not self._deaf:
            self._ends, self._code = self._world.now + 0.5, 0

    def kill(self) -> None:
        self._world.note("kill", self._name)
        self._ends, self._code = self._world.now, -9

    def reload(self) -> None:
        self._world.note("reload", self._name)


class World:
    """Plans how children end (`plan`: name → list of (code, lives_s)), and notes what happens."""

    FOREVER = (0, 1e9)

    def __init__(self, **plan: list[tuple[int, float]]) -> None:
        self.now = 0.0
        self.log: list[tuple[float, str, str]] = []
        self.said: list[str] = []
        self.welcomes: list[bool] = []
        self.deaf: set[str] = set()
        self._plan = {"check-config": [(0, 1.0)], "migrate": [(0, 1.0)]}
        self._plan.update({name.replace("_", "-"): list(lives) for name, lives in plan.items()})
        self._events: list[tuple[float, Callable[[], None]]] = []
        self.supervisor = Supervisor(
            self.spawn, clock=lambda: self.now, sleep=self.sleep, say=self.said.append
        )

    def spawn(self, name: str) -> FakeChild:
        self.note("start", name)
        lives = self._plan.get(name, [])
        code, lives_s = lives.pop(0) if lives else self.FOREVER
        return FakeChild(self, name, code, lives_s, name in self.deaf)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for event in [each for each in self._events if each[0] <= self.now]:
            self._events.remove(event)
            event[1]()

    def at(self, moment: float, event: Callable[[], None]) -> None:
        self._events.append((moment, event))

    def note(self, what: str, name: str) -> None:
        self.log.append((round(self.now, 1), what, name))

    def run(
        self, ready_at: float = 3.0, refusal: str | None = None, stop_at: float | None = 20.0
    ) -> int:
        if stop_at is not None:
            self.at(stop_at, self.supervisor.request_stop)
        return self.supervisor.run(
            lambda: self.now >= ready_at, lambda: refusal, self.welcomes.append
        )

    def times(self, what: str, name: str) -> list[float]:
        return [at for at, did, whom in self.log if (did, whom) == (what, name)]


def test_it_checks_migrates_serves_and_monitors_in_this_order() -> None:
    world = World()

    code = world.run()

    assert [name for _, what, name in world.log if what == "start"] == [
        "check-config",
        "migrate",
        "web",
        "monitor",
    ]
    assert code == 0
    assert world.welcomes == [True]


def test_a_wrong_configuration_starts_nothing() -> None:
    world = World(check_config=[(2, 0.5)])

    assert world.run() == 2
    assert [name for _, _, name in world.log] == ["check-config"]


def test_a_store_that_cannot_be_migrated_starts_nothing() -> None:
    world = World(migrate=[(3, 0.5)])

    assert world.run() == 3
    assert world.times("start", "web") == []


def test_a_preparation_that_crashes_is_named() -> None:
    world = World(migrate=[(-11, 0.5)])

    assert world.run() == 1
    assert world.said == ["migrate ended by signal SIGSEGV"]


def test_a_taken_port_is_told_and_starts_nothing() -> None:
    world = World()

    assert world.run(refusal="port 8050 is taken") == 3
    assert world.said == ["port 8050 is taken"]
    assert world.times("start", "web") == []


def test_the_monitor_waits_for_the_web_but_not_for_ever() -> None:
    world = World()

    world.run(ready_at=1e9)

    (web,), (monitor,) = world.times("start", "web"), world.times("start", "monitor")
    assert 5.9 <= monitor - web <= 6.3
    assert world.welcomes == [False]


def test_a_process_that_dies_is_started_again_with_growing_pauses_and_it_is_said() -> None:
    world = World(monitor=[(-9, 5.0), (1, 0.5), (1, 0.5)])

    world.run(stop_at=40)

    starts = world.times("start", "monitor")
    lived = [5.0, 0.5, 0.5]
    pauses = [
        round(later - start - life)
        for start, later, life in zip(starts, starts[1:], lived, strict=False)
    ]
    assert pauses == [1, 2, 4]
    assert world.said[0] == (
        "the monitor process ended by signal SIGKILL after 5 s; it is started again in 1 s"
    )
    assert world.said[1].startswith("the monitor process ended with exit code 1 after ")
    assert len(world.times("start", "web")) == 1


def test_a_web_process_that_dies_before_it_answers_is_started_again_too() -> None:
    world = World(web=[(1, 0.5)])

    world.run(ready_at=5)

    assert len(world.times("start", "web")) == 2
    assert world.welcomes == [True]


def test_a_first_start_that_cannot_succeed_ends_the_run_with_its_code() -> None:
    for service in ("web", "monitor"):
        world = World(**{service: [(3, 1.0)]})

        assert world.run(stop_at=None) == 3


def test_the_same_code_after_a_first_life_is_only_a_reason_to_try_again() -> None:
    world = World(monitor=[(1, 2.0), (2, 1.0)])

    assert world.run() == 0
    assert len(world.times("start", "monitor")) == 3


def test_a_lost_store_is_restored_while_nothing_has_it_open_and_both_start_again() -> None:
    world = World(monitor=[(-9, 5.0), (4, 2.0)], migrate=[(0, 1.0), (0, 1.0)])

    assert world.run() == 0
    assert len(world.times("start", "monitor")) == 3
    again = world.times("start", "migrate")[1]
    assert world.times("terminate", "web")[0] < again < world.times("start", "web")[1]
    assert len(world.welcomes) == 2
    assert world.said[-1].startswith("the store is lost: it is restored")


def test_a_lost_store_that_cannot_be_restored_ends_the_run() -> None:
    world = World(monitor=[(-9, 5.0), (4, 2.0)], migrate=[(0, 1.0), (3, 1.0)])

    assert world.run(stop_at=None) == 4
    assert len(world.times("start", "monitor")) == 2
    assert world.times("terminate", "web") != []


def test_a_store_that_is_lost_again_at_once_is_not_restored_a_second_time() -> None:
    world = World(monitor=[(4, 2.0), (4, 300.0)], migrate=[(0, 1.0), (0, 1.0)])

    assert world.run(stop_at=None) == 4
    assert len(world.times("start", "migrate")) == 2
    assert "within 10 min" in world.said[-1]


def test_a_store_that_is_lost_again_much_later_is_restored_again() -> None:
    world = World(monitor=[(4, 2.0), (4, 700.0)], migrate=[(0, 1.0)] * 3)

    assert world.run(stop_at=800) == 0
    assert len(world.times("start", "migrate")) == 3


def test_a_stop_while_the_store_is_restored_ends_the_run() -> None:
    world = World(monitor=[(4, 2.0)], migrate=[(0, 1.0), (0, 60.0)])

    assert world.run(stop_at=12) == 0
    assert world.times("start", "monitor") == world.times("start", "monitor")[:1]


def test_both_are_asked_to_end() -> None:
    world = World()

    world.run(stop_at=10)

    assert world.times("terminate", "web") == world.times("terminate", "monitor")
    assert world.times("kill", "web") == []
    assert world.now < 11


def test_what_does_not_end_within_four_seconds_is_killed() -> None:
    world = World()
    world.deaf = {"monitor"}

    world.run(stop_at=10)

    (asked,), (killed,) = world.times("terminate", "monitor"), world.times("kill", "monitor")
    assert 3.9 <= killed - asked <= 4.3
    assert world.now - 10 < 5


def test_asked_twice_it_ends_all_at_once() -> None:
    world = World()
    world.deaf = {"monitor", "web"}
    world.at(11, world.supervisor.request_stop)

    world.run(stop_at=10)

    assert world.now < 11.5


def test_a_stop_during_the_preparations_ends_them() -> None:
    world = World(migrate=[(0, 60.0)])

    assert world.run(stop_at=2) == 0
    assert world.times("terminate", "migrate") != []
    assert world.times("start", "web") == []


def test_a_reload_goes_to_the_monitor() -> None:
    world = World()
    world.at(10, world.supervisor.request_reload)

    world.run()

    assert len(world.times("reload", "monitor")) == 1
    assert world.times("reload", "web") == []
