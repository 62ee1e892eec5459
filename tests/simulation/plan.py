"""What a seed has in store: how much goes wrong, whose clock is wrong, which cards misbehave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

from disbursement.orders import LegOrder, LoanOrder
from kernel.clock import shanghai
from kernel.money import Money
from kernel.personal import CardNumber
from kernel.rates import Rate
from tests.disbursement import builders as make
from tests.simulation.storage import identity

CARD_FAULTS: Final = (
    *(None, None, None, None, "silent_paid", "silent_lost", "http_500_paid", "garbage_paid"),
    *("empty_paid", "bad_signature_paid", "other_order_paid", "refuse_61", "refuse_63"),
    *("refuse_66", "refuse_93", "late", "query_lags", "return_later", "return_in_file"),
    *("return_later", "return_in_file", "refuse_late", "file_only", "in_clearing", "busy_paid"),
    *("busy_lost", "duplicate_notice", "forged_notice", "amount_off_by_one"),
)
DEBIT_FAULTS: Final = (
    *(None, None, "silent_paid", "silent_lost", "http_500_paid", "other_order_paid"),
    *("refuse_63", "refuse_64", "late", "query_lags", "return_later", "return_in_file"),
    *("refuse_late", "file_only", "busy_paid", "busy_lost", "duplicate_notice", "forged_notice"),
)
DEATHS: Final = ("", *(f"K{number} " for number in range(1, 13)), "K3 ", "K10 ")
"""Where workers are to die; those to which few seeds come twice."""
_PAYING: Final = {"begins": "approved", "funds": "500000.00", "funder": "hxcf"}
_HEARING: Final = {"begins": "approved", "forgers": 0.3}
STEERED: Final[dict[str, dict[str, Any]]] = {
    "K3 ": {**_PAYING, "network": 0.0, "outages": 0.0, "due_dates": 0},
    **dict.fromkeys(("K4 ", "K5 ", "K6 "), _PAYING),
    "K7 ": {"begins": "approved", "funds": "500000.00"},
    **dict.fromkeys(("K8 ", "K9 "), _HEARING),
    "K10 ": {**_PAYING, "network": 0.5, "overnight": True, "turns": 350, "leaps": 20},
}
"""What else a seed is given so that its workers come by the point at which they are to die."""
STARTS: Final = (
    (date(2026, 11, 20), 10, 0),
    (date(2026, 11, 20), 22, 52),
    (date(2026, 11, 19), 23, 50),
    (date(2026, 12, 31), 17, 30),
    (date(2026, 11, 24), 9, 0),
)


@dataclass(frozen=True, slots=True)
class Target:
    """One card of the seed: what the world holds and what was signed for."""

    card_ref: object
    number: CardNumber
    balance: str
    ceiling: str
    fault: str | None
    return_after_days: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a seed decides beforehand."""

    seed: int
    starts_at: datetime
    loans: tuple[tuple[Target, ...], ...]
    begins: str
    """How far the orders have come when the faults begin: nothing, `placed` or `approved`."""
    turns: int
    leaps: int
    """How many times nobody has anything to do before the faults end."""
    network: float
    """The share of outside calls that are spoilt."""
    deaths: float
    """The chance at each step that the worker dies."""
    dies_at: str
    """A point K1 to K12 at which workers die more often than elsewhere."""
    cuts: float
    """The chance that a commit's answer gets lost."""
    patience: float
    """The chance that the one whose turn it was goes on."""
    crowd: int
    """How many workers go on at once."""
    skews: tuple[timedelta, ...]
    """By how much each process's clock is wrong."""
    funds: str
    funder: str
    """`cxbank` pays by files to its own bank, `hxcf` through UnionPay."""
    tampered: bool
    """Somebody alters a card number in the database."""
    overnight: bool
    """The faults go on into another morning."""
    outages: float
    forgers: float
    """The chance, whenever somebody may begin, that a forger is among them."""
    due_dates: int
    """How many due dates the loans are watched for after they began."""
    debit_faults: tuple[str | None, ...]
    """By loan, what happens to the first collection."""
    debit_balance: str

    def targets(self) -> list[Target]:
        """List every card."""
        return [target for targets in self.loans for target in targets]

    def debit_card(self, loan: int) -> CardNumber:
        """Give the debit card of a loan's debtor."""
        return make.card_number(self.seed % 9_000 * 10 + loan, "621700", 19)

    def orders(self) -> list[LoanOrder]:
        """Give the signed orders."""
        return [self._order(number, targets) for number, targets in enumerate(self.loans)]

    def _order(self, number: int, targets: tuple[Target, ...]) -> LoanOrder:
        from kernel.personal import PersonName
        from kernel.sealing import seal

        return LoanOrder(
            order_id=identity(self.seed, "order", number),
            application_ref=identity(self.seed, "application", number),
            debtor_ref=identity(self.seed, "debtor", number),
            funder_code=self.funder,
            product_code="balance_transfer",
            product_version=1,
            months=12,
            annual_rate=Rate.percent("12.00"),
            legs=tuple(
                LegOrder(
                    card_ref=target.card_ref,
                    issuer_code="CMB",
                    card=seal(target.number),
                    payee=seal(PersonName(make.NAME)),
                    ceiling=Money.yuan(target.ceiling),
                )
                for target in targets
            ),
            contract_sha256="ab" * 32,
            signed_at=self.starts_at,
        )


def draw(seed: int) -> Plan:
    """Draw the plan of a seed."""
    random = Random(seed)
    day, hour, minute = random.choice(STARTS)
    sizes = random.choice(((1,), (1,), (2,), (3,), (1, 1), (2, 1)))
    serials = iter(range(1, 100))
    funder = random.choice(("hxcf", "hxcf", "hxcf", "cxbank"))
    loans = tuple(
        tuple(_target(random, seed, next(serials)) for _ in range(size)) for size in sizes
    )
    skew = random.choice((0, 0, 1, 1, 30, 200, 1800))
    plan = Plan(
        seed=seed,
        starts_at=shanghai(day, hour, minute),
        loans=loans,
        begins=random.choice(("", "placed", "approved", "approved", "approved")),
        turns=random.choice((120, 220, 350)),
        leaps=random.choice((6, 12, 20)),
        network=random.choice((0.0, 0.1, 0.25, 0.5)),
        deaths=random.choice((0.0, 0.002, 0.01, 0.02)),
        dies_at=random.choice(DEATHS),
        cuts=random.choice((0.0, 0.0, 0.02, 0.06)),
        patience=random.choice((0.5, 0.8, 0.95)),
        crowd=random.choice((2, 3, 5)),
        skews=tuple(timedelta(seconds=random.randint(-skew, skew)) for _ in range(3)),
        funds=random.choice(("500000.00", "500000.00", "500000.00", "6000.00")),
        funder=funder,
        tampered=random.random() < 0.05,
        forgers=0.06,
        overnight=random.random() < 0.25,
        outages=random.choice((0.0, 0.0, 0.01)),
        due_dates=random.choice((*(0,) * 14, 1, 2)),
        debit_faults=tuple(random.choice(DEBIT_FAULTS) for _ in sizes),
        debit_balance=random.choice(("20000.00", "20000.00", "600.00")),
    )
    return _steered(plan, random)


def _steered(plan: Plan, random: Random) -> Plan:
    """Have the seed come by the point at which its workers are to die."""
    if plan.due_dates and random.random() < 0.8:
        # Only a loan that runs is waived, charged or written off by four eyes.
        return replace(plan, dies_at="K12 ")
    return replace(plan, **STEERED.get(plan.dies_at, {}))


def _target(random: Random, seed: int, serial: int) -> Target:
    fen = random.randint(150_000, 900_000)
    room = random.choice((0, 2_000, 50_000, 50_000))
    return Target(
        card_ref=identity(seed, "card", serial),
        number=make.card_number(seed % 9_000 * 10 + serial),
        balance=str(Money(fen)),
        ceiling=str(Money(fen + room)),
        fault=random.choice(CARD_FAULTS),
        return_after_days=random.choice((1, 1, 2, 3)),
    )
