"""One thing at a time: a crew at hand, a loan or two, and this process as a worker behind proxies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from sqlalchemy import select

import wsgi
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import config, db, jobs
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.surroundings import Surroundings, build
from tests.disbursement.partners import Partners
from tests.faults import oracle
from tests.faults.crew import Crew
from tests.faults.lending import Lending, thaw
from tests.faults.oracle import Verdict

WAIT_SECONDS_MAX = 120
DAYS = 4


@dataclass
class Scene:
    """What a test of one fault works with."""

    crew: Crew
    lending: Lending

    @property
    def partners(self) -> Partners:
        """The strings behind the stage."""
        return self.lending.partners

    def lend(self, *, loans_count: int = 1, faulty: float = 0.0) -> None:
        """Place loans and decide to pay them out."""
        self.lending.place(loans_count=loans_count, faulty=faulty)
        self.lending.released = list(self.lending.loan_ids)
        self.lending.approve()

    def legs(self) -> list[PayoutLeg]:
        """Read every payout as it is."""
        with transaction() as session:
            return list(session.scalars(select(PayoutLeg).order_by(PayoutLeg.id)))

    def statuses(self) -> set[LegStatus]:
        """Tell which statuses there are."""
        return {leg.status for leg in self.legs()}

    def around(self) -> Surroundings:
        """Give the surroundings of a worker in this process, past the proxies."""
        return self._around(proxied=False)

    @contextmanager
    def worker(self) -> Iterator[Surroundings]:
        """Make this process a worker that reaches its database and partners by the proxies."""
        url = self.crew.environment(proxied=True)["DATABASE_URL"]
        behind = db.open_engine(url)
        db.bind(behind)
        try:
            yield self._around(proxied=True)
        finally:
            db.bind(self.crew.engine)
            behind.dispose()

    def let_days_go_by(self, days: int = DAYS) -> Verdict:
        """Run the loops of a few days with their files, and judge."""
        around, town = self.around(), self.crew.town
        for _ in range(days):
            day = business_day(town.clock.now())
            for hour in (15, 22):
                town.advance_to(shanghai(day, hour))
                run(around, "payout-send", "payout-query")
            town.advance_to(shanghai(day + timedelta(days=1), 9, 5))
            run(around, "reconcile-day", "payout-query", "end-of-day")
            if thaw(at=town.clock.now()):
                run(around, "payout-query", "reconcile-day")
        return self.judge()

    def judge(self) -> Verdict:
        """Hold the invariants against both sides as they are."""
        with transaction() as session:
            return oracle.judge(session, self.partners.books())

    def _around(self, *, proxied: bool) -> Surroundings:
        settings = config.read(self.crew.environment(proxied=proxied))
        return build(settings, self.crew.town.clock)


def run(around: Surroundings, *names: str) -> None:
    """Run jobs once as the scheduler does: what breaks off is logged and the next run goes on."""
    known = {job.name: job for job in wsgi.JOBS}
    for name in names:
        jobs.run(known[name], around)


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something that must happen, however busy the machine is."""
    end = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < end, f"it did not happen: {what}"
        time.sleep(0.02)


def make(crew: Crew, seed: int = 20261120) -> Scene:
    """Set a scene whose lender has its capital."""
    lending = Lending(Partners(crew.sandbox_url, crew.town.clock), Random(seed))
    lending.open_books()
    return Scene(crew, lending)
