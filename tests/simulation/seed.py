"""One seed from its first step to its last: chaos, then faults heal and all must come to an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from disbursement import end_of_day_jobs, reconciliation_jobs
from disbursement import jobs as payout_jobs
from kernel import config
from kernel.claims import ClaimLost
from kernel.clock import SHANGHAI, SetClock, business_day
from kernel.jobs import Job
from kernel.refusals import Refused
from kernel.surroundings import Surroundings
from sandbox.channel.orders import Way
from sandbox.world import Outage
from tests.simulation.door import Door
from tests.simulation.ending import check_all, not_final, tally
from tests.simulation.hub import At, Hub, Skewed, Worker
from tests.simulation.invariants import Broken, Watch
from tests.simulation.outside import Line, Outside
from tests.simulation.owners import Owners
from tests.simulation.people import People
from tests.simulation.plan import Plan
from tests.simulation.points import point_of
from tests.simulation.scene import set_up, tamper
from tests.simulation.state import State
from tests.simulation.storage import Storage

JOBS: Final[tuple[Job, ...]] = (
    *payout_jobs.JOBS,
    *end_of_day_jobs.JOBS,
    *reconciliation_jobs.JOBS,
)
HELD: Final = {"resolve amount", "resolve payee", "resolve cutoff", "resolve net_of_fee"}
"""Once two persons let the books stand, the pair is matched by the next run."""
RECONCILE: Final = next(job for job in JOBS if job.name == "reconcile-day")
LATER: Final = {"debit-plan", "debit-send", "debit-query", "end-of-day"}
"""What has nothing to do before a loan has begun; so long it is only tried now and then."""
DAYS_TO_HEAL: Final = 16
ROUNDS_MAX: Final = 300
TURNS_TO_END: Final = 5_000
"""A worker that goes on longer with nothing in its way is stuck."""
MAY_FAIL: Final = (ClaimLost, Refused)
"""What a job may run into when others were faster; it says so and goes on."""


DEATH_AT_POINT: Final = 0.3
"""How often a worker dies at the point that the seed has chosen."""
DEATH_AT: Final = {"K3 ": 0.8, "K4 ": 0.8, "K5 ": 0.8, "K9 ": 0.9, "K10 ": 0.1}
"""How often at points at which it stands for one step alone, or for many."""
DEATHS_AT_POINT_MAX: Final = 3
TURNS_LATER: Final = 250
LEAPS_LATER: Final = 8
HOURS: Final = (9, 17)
"""When the jobs run on the quiet days after the faults."""


class Stuck(Broken):
    """Faults healed, and still something does not come to an end."""


@dataclass(slots=True)
class Simulation:
    """One seed over a database and an outside world."""

    storage: Storage
    outside: Outside
    plan: Plan
    random: Random = field(init=False)
    clock: SetClock = field(init=False)
    hub: Hub = field(init=False)
    watch: Watch = field(init=False)
    people: People = field(init=False)
    processes: list[Surroundings] = field(init=False)
    door: Door = field(init=False)
    owners: Owners = field(init=False)
    is_healed: bool = False
    is_later: bool = False
    last: Worker | None = None
    money: int = 0
    died: int = 0
    """How many died at the seed's own point."""
    state: State = field(default_factory=State)
    seen: int = -1
    """The count of writing transactions when the state was read."""
    leaps: int = 0
    """How often nobody had anything to do until much later."""

    def __post_init__(self) -> None:
        plan = self.plan
        self.random = Random(plan.seed * 2 + 1)
        self.clock = self.outside.clock
        self.clock.at = plan.starts_at
        self.hub = Hub(self.random, self.clock)
        self.outside.begin(self.hub, self.random, plan.network)
        self.storage.hub = self.hub
        self.storage.break_commit = self._break_commit
        cards = {target.card_ref: target.number.plain for target in plan.targets()}
        debit_cards = {plan.debit_card(loan).plain for loan in range(len(plan.loans))}
        self.watch = Watch(self.storage, self.outside, cards, debit_cards, self.hub.counts)
        settings = config.read({"DAICHANG_ENV": "test"})
        lines = {name: Line(self.outside) for name in config.PARTNERS}
        self.processes = [
            Surroundings(settings=settings, clock=Skewed(self.clock, skew), outbound=lines)
            for skew in plan.skews
        ]
        self.people = People(
            self.storage, self.random, Skewed(self.clock, plan.skews[2]), plan.orders(), self.state
        )
        self.owners = Owners(plan.seed, self.random, self.people.clock, self.state)
        self.door = Door(self.processes[2], self.outside, self.random, self.hub.counts)

    def run(self) -> None:
        """Live through the seed.

        Raises:
            Broken: an invariant does not hold.
            Stuck: it does not come to an end.
        """
        set_up(self.plan, self.outside)
        if self.plan.begins:
            self.people.begin(approved=self.plan.begins == "approved")
        self._live(self.plan.turns, self.plan.leaps)
        if self.plan.due_dates and self.state.running():
            self._later()
        self.money = check_all(self.watch, self.clock.at)
        self.hub.counts.update(dict(tally(self.watch)))

    def _later(self) -> None:
        """Go on with the loans that began, from due date to due date."""
        self.is_later = True
        for number, order in enumerate(self.people.orders):
            self.owners.bind(order, self.plan.debit_card(number))
        for _ in range(self.plan.due_dates):
            days = self.random.choice((27, 30, 31, 32, 36))
            local = self.clock.at.astimezone(SHANGHAI) + timedelta(days=days)
            hour = self.random.choice((8, 9, 14, 19))
            self.clock.at = local.replace(hour=hour, minute=1, second=0, microsecond=0)
            self.hub.note("time", f"passes: {days} days")
            self._live(TURNS_LATER, LEAPS_LATER)

    def _live(self, turns: int, leaps: int) -> None:
        """Let everything go wrong for so many turns, and then let it come to an end."""
        self.is_healed, self.outside.rate = False, self.plan.network
        self.outside.halves = self.plan.dies_at == "K3 "
        for number, process in enumerate(self.processes):
            # No two clocks agree to the last digit.
            process.clock.by = self.plan.skews[number] + timedelta(microseconds=number)
        self.people.clock.by = self.plan.skews[2]
        middle = self.hub.turns + turns // 2
        turns, leaps = turns + self.hub.turns, leaps + self.leaps
        is_to_sleep = self.plan.overnight and not self.is_later
        while self.hub.turns < turns and self.leaps < leaps:
            if is_to_sleep and self.hub.turns > middle:
                is_to_sleep = False
                self._sleep()
            self._turn()
        self._heal()

    def _sleep(self) -> None:
        """Let the next morning come, with its files, while everything still goes wrong."""
        self.clock.at = self._next_moment() + timedelta(days=self.random.choice((1, 1, 2)))
        self.hub.note("time", "passes: a night")

    def _turn(self) -> None:
        self.outside.deliver_late()
        self.outside.collect_notices()
        workers = self.hub.workers
        ready = [worker for worker in workers if not self.hub.is_blocked(worker)]
        if workers and not ready:
            self._break_deadlock(workers)
            return
        chance = self.random.random()
        if len(workers) < self.plan.crowd and (not workers or chance < 0.08):
            if not self._start_something():
                self._let_time_pass()
        elif chance > 0.985:
            self._let_time_pass()
        else:
            self._go_on(self._choose(ready))

    def _choose(self, ready: list[Worker]) -> Worker:
        if self.last in ready and self.random.random() < self.plan.patience:
            return self.last
        return self.random.choice(ready)

    def _go_on(self, worker: Worker) -> None:
        self.last = worker
        if not self.is_healed and self._dies(worker):
            self.hub.counts[f"death at {point_of(worker)}"] += 1
            self.hub.kill(worker)
            return
        self.hub.go_on(worker)
        self._judge(worker)

    def _dies(self, worker: Worker) -> bool:
        chance = self.random.random()
        if chance < self.plan.deaths:
            return True
        wanted = self.plan.dies_at
        often = DEATH_AT.get(wanted, DEATH_AT_POINT)
        if not wanted or self.died >= DEATHS_AT_POINT_MAX or chance >= often:
            return False
        if not point_of(worker).startswith(wanted):
            return False
        self.died += 1
        return True

    def _judge(self, worker: Worker) -> None:
        if worker.failure is not None:
            self.judge_failure(worker, worker.failure)
        if worker.at is At.COMMITTED and worker.wrote:
            worker.wrote = False
            self.watch.after_step(self.clock.at)
        elif worker.at is At.REPLY:
            self.watch.after_call()

    def judge_failure(self, worker: Worker | None, failure: BaseException) -> None:
        """See whether a failure is one that the simulation caused, or that others may cause.

        Raises:
            Broken: it is neither.
        """
        # Not its text: a database names places of rows, which differ from run to run.
        self.hub.note(worker.name if worker else "-", f"met {type(failure).__name__}")
        if worker is None or worker.is_hurt or isinstance(failure, MAY_FAIL):
            self.hub.counts[f"{type(failure).__name__} met"] += 1
            return
        raise Broken(f"{worker.name} failed by itself: {failure!r}") from failure

    def _break_deadlock(self, workers: list[Worker]) -> None:
        victim = self.random.choice(workers)
        victim.is_victim = True
        self._go_on(victim)

    def _break_commit(self, worker: Worker) -> str | None:
        if self.is_healed or self.random.random() >= self.plan.cuts:
            return None
        worker.is_hurt = True
        how = self.random.choice(("before", "after"))
        self.hub.counts[f"connection cut {how} the commit"] += 1
        return how

    def _start_something(self) -> bool:
        choices = self._choices()
        if not choices:
            return False
        role, name, run = self.random.choice(choices)
        worker = self.hub.start(role, name, run)
        self.hub.note(worker.name, "starts")
        return True

    def _choices(self) -> list[tuple[str, str, Callable[[], object]]]:
        running = {worker.name for worker in self.hub.workers}
        found: list[tuple[str, str, Callable[[], object]]] = []
        due = self._due()
        for number, process in enumerate(self.processes[:2]):
            for job in JOBS:
                name = f"{job.name}/{number}"
                wanted = due[job.name] or self.random.random() < 0.02
                if name not in running and wanted:
                    found += [(job.name, name, _job(job, process))] * 2
        acts = [*self.people.acts(), *(self.owners.acts() if self.is_later else ())]
        found += [(what, what, act) for what, act in acts]
        if self.door.has_knock:
            found += [("notice", "notice", self.door.hear)] * 6
        elif self.random.random() < self.plan.forgers:
            found.append(("forger", "forger", self.door.forge))
        return found

    def _due(self) -> dict[str, bool]:
        """Tell which jobs would find something to do; the others are worth a step now and then."""
        if self.seen != self.hub.written:
            self.seen = self.hub.written
            self.state.look(self.storage)
        days = (business_day(self.clock.at) - business_day(self.plan.starts_at)).days
        return {
            **dict.fromkeys((job.name for job in JOBS), False),
            **{
                name: is_due and (self.is_later or name not in LATER)
                for name, is_due in self.state.due(self.clock.at).items()
            },
            "payout-returns": self._is_by_file()
            and self.random.random() < (0.5 if self.is_healed else 0.05),
            "funding-positions": self.random.random() < 0.05,
            "reconcile-day": self._is_unsettled()
            if self.is_healed
            else days > 0 and self.random.random() < (0.3 if self.plan.overnight else 0.05),
        }

    def _let_time_pass(self) -> None:
        if not self.hub.workers:
            self.leaps += 1
            seconds = self.random.choice((1, 15, 61, 185, 240, 900, 3_600, 14_400, 40_000))
        else:
            seconds = self.random.choice((1, 2, 5, 20, 20, 130, 310))
        self.clock.advance(timedelta(seconds=seconds))
        self.hub.note("time", f"passes: {seconds} s")
        if self.plan.outages and self.random.random() < self.plan.outages * 20:
            partner = self.random.choice(("channel", "issuers", "bank"))
            down = partner in self.outside.world.outages
            mode = None if down else self.random.choice((Outage.SILENT, Outage.HTTP_500))
            self.outside.outage(partner, mode)
        if self.plan.tampered and not self.is_healed:
            tamper(self.storage, self.random, self.hub.counts)

    def _heal(self) -> None:
        """Let the faults end and everything come to where nothing more is to be done."""
        self.is_healed = True
        self.hub.note("world", "heals")
        self.outside.rate, self.outside.halves = 0.0, False
        self.outside.world.outages.clear()
        for process in self.processes:
            process.clock.by = timedelta(0)
        self.people.clock.by = timedelta(0)
        self._drain()
        until = self.clock.at + timedelta(days=DAYS_TO_HEAL)
        for _ in range(ROUNDS_MAX):
            self._everybody_works()
            if not not_final(self.watch, self.plan, self.clock.at):
                return
            if self.clock.at > until:
                break
            self.clock.at = self._next_moment()
            self.hub.note("time", "goes on")
        raise Stuck(
            f"not at an end after {DAYS_TO_HEAL} quiet days: {not_final(self.watch, self.plan, self.clock.at)}"
        )

    def _everybody_works(self) -> None:
        self._due()
        for what, act in (*self.people.cure(), *self.owners.cure()):
            self._do(what, act)
        self.outside.deliver_late()
        self.outside.collect_notices()
        while self.door.has_knock:
            self._do("notice", self.door.hear)
        due = self._due()
        for job in JOBS:
            if due[job.name] and (job.name != "reconcile-day" or self._is_morning()):
                self._do(job.name, _job(job, self.processes[0]))
        if self._is_morning():
            acts = self.people.settle_breaks()
            for what, act in acts:
                self._do(what, act)
            if any(what in HELD for what, _ in acts):
                self._do("reconcile-day", _job(RECONCILE, self.processes[0]))

    def _do(self, role: str, run: Callable[[], object]) -> None:
        self.hub.start(role, role, run)
        self._drain()

    def _drain(self) -> None:
        for _ in range(TURNS_TO_END):
            workers = self.hub.workers
            if not workers:
                return
            ready = [worker for worker in workers if not self.hub.is_blocked(worker)]
            if ready:
                self._go_on(ready[0])
            else:
                self._break_deadlock(workers)
        raise Stuck(f"{[worker.name for worker in self.hub.workers]} go on and on")

    def _is_unsettled(self) -> bool:
        """Tell whether files may still have something to say; the job itself would always look."""
        comes_back = any(
            order.returned_at is not None for way in Way for order in self.outside.orders(way)
        )
        return comes_back or self.state.is_unsettled()

    def _is_by_file(self) -> bool:
        return self.plan.funder == "cxbank"

    def _is_morning(self) -> bool:
        return 9 <= self.clock.at.astimezone(SHANGHAI).hour < 12

    def _next_moment(self) -> datetime:
        """Give the next hour at which the jobs run on quiet days; they may well run late."""
        local = self.clock.at.astimezone(SHANGHAI)
        day = local.replace(minute=10, second=0, microsecond=0)
        hours = (day.replace(hour=hour) for hour in HOURS)
        later = [at for at in hours if at > local]
        return min(later, default=day.replace(hour=HOURS[0]) + timedelta(days=1))


def _job(job: Job, process: Surroundings) -> Callable[[], object]:
    return lambda: job.run(process)
