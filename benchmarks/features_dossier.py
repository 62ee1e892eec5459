"""The features of one dossier: those that are served, and hundreds drawn from its events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from statistics import median
from typing import Final

from benchmarks import assessment_people, yardsticks
from benchmarks.assessment_people import AT
from benchmarks.bench import Bench
from benchmarks.table import Row, at_most
from kernel.money import Money
from underwriting.bureau_file import (
    Account,
    AccountKind,
    BureauFile,
    Inquiry,
    OrganisationKind,
    Repayment,
)
from underwriting.dossier import Dossier
from underwriting.features import catalogue
from underwriting.features.declaration import Feature
from underwriting.models import spec

NAME: Final = "features_dossier"
BAR_SECONDS: Final = 0.001
DOSSIERS: Final = 50
DRAWN: Final = 200
TIMES: Final = 3
INQUIRIES: Final = 20
ACCOUNTS: Final = 8
REPAYMENTS: Final = 24
SEED: Final = 20_261_124
INCOME: Final = Money.yuan("6000.00")


def measure(bench: Bench) -> list[Row]:
    """Give the CPU time of one dossier's features over a millisecond."""
    random = Random(SEED)
    people = [_with_file(told.dossier, random) for told in assessment_people.gathered(DOSSIERS)]
    members = [name for family in catalogue.FAMILIES.values() for name in family.names()]
    served = spec.find(assessment_people.SPEC).features
    drawn = members[:: len(members) // DRAWN][:DRAWN]
    rows = []
    for case, names in (
        (f"{len(served)} served", served),
        (f"{len(drawn)} drawn from {INQUIRIES + ACCOUNTS + REPAYMENTS} events", drawn),
    ):
        bench.say(f"{NAME}: {case}")
        wanted = [catalogue.CATALOGUE[name] for name in names]
        yardstick = yardsticks.take()
        seconds = [_seconds_each(people, _all_of(wanted)) for _ in range(bench.rounds)]
        rows.append(
            Row(
                benchmark=NAME,
                case=f"{case}, over 1 ms of CPU",
                ratios=tuple(each / BAR_SECONDS for each in seconds),
                bar=at_most(1.0),
                yardstick=yardstick,
                notes=f"{median(seconds) * 1e6:,.0f} us a dossier; the catalogue knows "
                f"{len(members):,} more, which cost nothing",
            )
        )
    return rows


def _all_of(wanted: Sequence[Feature]) -> Callable[[Dossier], object]:
    def work(told: Dossier) -> object:
        figures = catalogue.figures(told, monthly_income=INCOME)
        return [feature.value(figures) for feature in wanted]

    return work


def _seconds_each(people: Sequence[Dossier], work: Callable[[Dossier], object]) -> float:
    """Give the CPU time of the middle dossier, each at its best of a few times."""
    return median(min(_seconds(work, told) for _ in range(TIMES)) for told in people)


def _seconds(work: Callable[[Dossier], object], told: Dossier) -> float:
    begun = time.process_time()
    work(told)
    return time.process_time() - begun


def _with_file(told: Dossier, random: Random) -> Dossier:
    return replace(
        told,
        bureau_file=BureauFile(
            inquiries=tuple(_inquiry(random) for _ in range(INQUIRIES)),
            accounts=tuple(_account(random) for _ in range(ACCOUNTS)),
            repayments=tuple(_repayment(random, number) for number in range(REPAYMENTS)),
        ),
    )


def _inquiry(random: Random) -> Inquiry:
    return Inquiry(
        at=AT - timedelta(days=random.uniform(0.1, 700)),
        kind=random.choice(list(OrganisationKind)),
        organisation=f"L{random.randrange(30):03}",
    )


def _account(random: Random) -> Account:
    return Account(
        opened_at=AT - timedelta(days=random.uniform(30, 3_000)),
        kind=random.choice(list(AccountKind)),
        limit=Money(random.randrange(100_000, 5_000_000)),
        reported_at=AT - timedelta(days=random.uniform(1, 30)),
        balance=Money(random.randrange(3_000_000)),
        late_months=random.randrange(4),
        closed_at=None,
    )


def _repayment(random: Random, number: int) -> Repayment:
    due_at = AT - timedelta(days=5 + 30 * number)
    return Repayment(
        due_at=due_at,
        due=Money(120_000),
        paid_at=due_at + timedelta(days=random.uniform(-3, 20)),
        paid=Money(120_000),
    )
