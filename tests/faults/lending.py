"""What people do in a story: place loans, approve them, look after what stopped, send notices."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random
from uuid import UUID, uuid4

import requests
from sqlalchemy import func, select

from disbursement import accounts, approvals, debit_orders, ledger, legs, loans, payouts, restoring
from disbursement.channels.unionpay import NOTICE_PATH
from disbursement.ledger import Posting
from disbursement.records.loans import Instalment, Loan, LoanStatus
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel.clock import business_day
from kernel.db import transaction
from kernel.money import Money
from kernel.personal import PersonName
from kernel.refusals import Refused
from sandbox import signing
from tests.disbursement import builders as make
from tests.disbursement.partners import Partners

CAPITAL = Money.yuan("1000000.00")
CARD_FAULTS = (
    "silent_paid", "http_500_paid", "garbage_paid", "bad_signature_paid", "silent_lost",
    "query_lags", "late", "refuse_61", "return_later", "return_in_file", "duplicate_notice",
    "forged_notice", "in_clearing", "busy_paid",
)  # fmt: skip
DEBIT_FAULTS = (
    "silent_paid", "http_500_paid", "garbage_paid", "silent_lost", "query_lags", "late",
    "duplicate_notice", "forged_notice", "busy_paid",
)  # fmt: skip
"""Of collections; one that is given back again would be collected again the day after."""
CEILING = "5000.00"
WAITS = frozenset({LegStatus.PLANNED, LegStatus.REQUOTE_NEEDED})
MERCHANT = "777290058110097"


@dataclass
class Lending:
    """The loans of one story."""

    partners: Partners
    random: Random
    loan_ids: list[UUID] = field(default_factory=list)
    released: list[UUID] = field(default_factory=list)
    """Loans that staff have decided to pay out."""
    cards: int = 0

    def open_books(self) -> None:
        """Take a lender on and pay its capital in, on both sides."""
        self.partners.fund(str(CAPITAL))
        at = self.partners.clock.now()
        with transaction() as session:
            make.lender(session)
            bank, capital = accounts.funding_bank("hxcf"), accounts.capital("hxcf")
            accounts.open_all(session, [bank, capital], at=at)
            ledger.post(session, _paid_in(bank, capital, at), at=at)

    def place(self, *, loans_count: int, faulty: float = 1 / 3) -> None:
        """Place loans over two to five cards, some of whose payments will go wrong by themselves."""
        for _ in range(loans_count):
            serials = range(self.cards + 1, self.cards + self.random.randint(2, 5) + 1)
            self.cards = serials[-1]
            for serial in serials:
                fault = None
                if self.random.random() < faulty:
                    fault = self.random.choice(CARD_FAULTS)
                balance = f"{self.random.randint(500, 3000)}.{self.random.randint(0, 99):02d}"
                self.partners.card(make.card_number(serial), balance, fault=fault)
            at = self.partners.clock.now()
            with transaction() as session:
                order = make.loan_order(
                    *(make.leg_order(serial, CEILING) for serial in serials),
                    application_ref=uuid4(),
                    debtor_ref=uuid4(),
                )
                self.loan_ids.append(loans.place(session, order, by=make.DEBTOR, at=at).id)

    def release(self) -> None:
        """Decide to pay the next loan out."""
        if len(self.released) < len(self.loan_ids):
            self.released.append(self.loan_ids[len(self.released)])

    def approve(self) -> int:
        """Approve what waits of the released loans, by as many people as it needs."""
        given = 0
        for loan_id in self.released:
            with transaction() as session:
                given += _approve(session, loan_id, at=self.partners.clock.now())
        return given

    def bind_cards(self) -> int:
        """Let every debtor whose loan runs name a debit card, and tell how many there are."""
        at = self.partners.clock.now()
        with transaction() as session:
            running = session.execute(
                select(Loan.id, Loan.debtor_ref).where(Loan.status == LoanStatus.ACTIVE)
            ).all()
        for _, debtor_ref in running:
            self.cards += 1
            card = make.card_number(self.cards)
            fault = self.random.choice(DEBIT_FAULTS) if self.random.random() < 1 / 2 else None
            self.partners.card(card, "20000.00", account_type="debit", fault=fault)
            with transaction() as session:
                debit_orders.bind_card(
                    session,
                    debtor_ref=debtor_ref,
                    card=card,
                    name=PersonName(make.NAME),
                    mandate_sha256="cd" * 32,
                    by=make.DEBTOR,
                    at=at,
                )
        return len(running)

    def first_due_day(self) -> date:
        """Tell when the first instalment falls due."""
        with transaction() as session:
            found = session.scalar(
                select(func.min(Instalment.due_on)).join(
                    Loan,
                    (Loan.id == Instalment.loan_id)
                    & (Loan.schedule_version == Instalment.schedule_version)
                    & (Loan.status == LoanStatus.ACTIVE),
                )
            )
        assert found is not None, "a loan runs"
        return found

    def look_after(self) -> int:
        """Have a card paid once more whose payment was refused for a reason on our side."""
        with transaction() as session:
            stopped = session.scalars(
                select(PayoutLeg.id).where(PayoutLeg.parked, PayoutLeg.status == LegStatus.FAILED)
            ).all()
        at = self.partners.clock.now()
        for leg_id in stopped:
            with transaction() as session:
                payouts.succeed_leg(session, leg_id, by=make.MAKER, at=at)
        return len(stopped)


def freeze(lost_from: datetime, *, at: datetime) -> None:
    """Do what the runbook says first after a restore."""
    with transaction() as session:
        restoring.begin(session, lost_from=lost_from, lost_until=at, by=make.MAKER, at=at)


def thaw(*, at: datetime) -> int:
    """Let payouts go on if they were frozen and every file is there; count what was recovered."""
    try:
        with transaction() as session:
            return restoring.end(session, by=make.CHECKER, at=at).legs
    except (restoring.NotFrozen, restoring.FilesMissing):
        return 0


def flood(url: str, orders: Sequence[dict[str, object]], *, count: int) -> int:
    """Post genuine notices again and again, and forged ones between; count those that were taken."""
    taken = 0
    for number in range(count):
        order = orders[number % len(orders)] if orders else None
        with suppress(requests.RequestException):
            taken += _post(url, order, number).status_code == 200
    return taken


def _post(url: str, order: dict[str, object] | None, number: int) -> requests.Response:
    form = _form(order)
    match number % 5:
        case 0:
            body: object = form | {"signature": signing.sign_wrongly(form)}
        case 1:
            signed = form | {"signature": signing.sign(form)}
            body = signed | {"txnAmt": "1"}
        case 2:
            body = b"orderId=" + b"9" * 1_000_000
        case _:
            body = form | {"signature": signing.sign(form)}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return requests.post(url + NOTICE_PATH, data=body, headers=headers, timeout=3)  # type: ignore[arg-type]


def _form(order: dict[str, object] | None) -> dict[str, str]:
    """Write a notice that an order was paid; of an order that nobody knows if there is none."""
    told = order or {"orderId": "ab" * 16, "txnTime": "20261120100000", "fen": 100}
    return {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "txnType": "12",
        "txnSubType": "00",
        "merId": MERCHANT,
        "orderId": str(told["orderId"]),
        "txnTime": str(told["txnTime"]),
        "txnAmt": str(told["fen"]),
        "respCode": "00",
    }


def _approve(session, loan_id: UUID, *, at: datetime) -> int:
    given = 0
    for leg in legs.of_loan(session, loan_id):
        for person in (make.MAKER, make.CHECKER):
            if leg.status in WAITS:
                with suppress(Refused):
                    approvals.approve(session, leg.id, by=person, at=at)
                    given += 1
    return given


def _paid_in(bank: str, capital: str, at: datetime) -> Posting:
    return Posting(
        id=uuid4(),
        debit=bank,
        credit=capital,
        amount=CAPITAL,
        reason="capital paid in",
        event_ref=uuid4(),
        value_date=business_day(at),
    )
