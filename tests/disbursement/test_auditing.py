"""The audit of one loan: nothing differs after a whole life, and each thing spoilt is named."""

from __future__ import annotations

import json
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from disbursement import (
    accounts,
    amendments,
    audit_cli,
    auditing,
    borrowers,
    commissions,
    evidence,
    ledger,
    loan_events,
    loans,
    servicing,
    settlement_letters,
)
from disbursement.allocation import Part
from disbursement.channels.channel import Exchange
from disbursement.ledger import Posting
from disbursement.records.loans import Instalment
from disbursement.records.payouts import EvidenceKind
from disbursement.schedule.events import Repaid, Strategy, Waived
from kernel.actors import Actor, Role
from kernel.clock import SetClock, shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from kernel.personal import NationalId, PersonName
from kernel.sealing import seal
from tests.disbursement import builders as make
from tests.disbursement.running import BY, NOON, Running, running

AUDITOR = Actor(Role.OPERATOR, "auditor")
BANK = "funding_bank/hxcf"
AGENCY = commissions.Agency(ref=UUID(int=77), code="beichen")
END = date(2027, 2, 10)


@pytest.fixture
def lived(database) -> Running:
    """A loan that was paid out, repaid, taken back, waived, prepaid, paid off and certified."""
    loan = running()
    loan.verify()
    seen(loan)
    with transaction() as session:
        commissions.earn(session, loan.leg_id, AGENCY, by=BY, at=NOON)
        borrowers.keep(
            session, UUID(int=1002), name=seal(PersonName(make.NAME)),
            national_id=seal(NationalId(make.national_id(1))), at=NOON,
        )  # fmt: skip
    bounced = pay(loan, "710.79", on=date(2026, 12, 20))
    with transaction() as session:
        servicing.take_back(
            session, loan.loan_id, event_id=bounced.id, reason="bounced",
            on=date(2026, 12, 22), by=make.MAKER, at=shanghai(date(2026, 12, 22), 12),
        )  # fmt: skip
    waive(loan, on=date(2027, 1, 15))
    pay(loan, "1000.00", on=date(2027, 1, 16))
    prepay(loan, "2000.00", on=date(2027, 1, 25))
    pay_off(loan, on=END)
    with transaction() as session:
        settlement_letters.issue(session, loan.loan_id, by=make.DEBTOR, at=shanghai(END, 13))
    return loan


def seen(loan: Running) -> None:
    """Put the channel's word about the payout on record."""
    with transaction() as session:
        order_no = loan.leg().order_no
        exchange = Exchange(
            kind=EvidenceKind.QUERY, order_no=order_no, is_genuine=True, verdict="paid",
            request="query", reply=b"paid",
        )  # fmt: skip
        evidence.keep(session, exchange, channel="unionpay", at=NOON)


def pay(loan: Running, amount: str, *, on: date):
    with transaction() as session:
        return servicing.repay(
            session, loan.loan_id, payment_id=uuid4(), amount=Money.yuan(amount), on=on,
            source=BANK, by=BY, at=shanghai(on, 12),
        )  # fmt: skip


def prepay(loan: Running, amount: str, *, on: date) -> None:
    with transaction() as session:
        servicing.prepay(
            session, loan.loan_id, payment_id=uuid4(), amount=Money.yuan(amount),
            strategy=Strategy.SHORTEN, on=on, source=BANK, by=BY, at=shanghai(on, 12),
        )  # fmt: skip


def pay_off(loan: Running, *, on: date) -> None:
    with transaction() as session:
        quoted = servicing.payoff_quote(session, loan.loan_id, on=on).total
        servicing.pay_off(
            session, loan.loan_id, payment_id=uuid4(), amount=quoted, on=on,
            source=BANK, by=BY, at=shanghai(on, 12),
        )  # fmt: skip


def waive(loan: Running, *, on: date) -> None:
    at = shanghai(on, 12)
    with transaction() as session:
        wanted = Waived(id=str(uuid4()), on=on, amount=Money.yuan("1.00"), part=Part.PENALTY)
        asked = amendments.request(
            session, loan.loan_id, wanted, reason="goodwill", by=make.MAKER, at=at
        )
        amendments.confirm(session, asked.id, by=make.CHECKER, at=at)


def audit(loan: Running):
    with transaction() as session:
        return auditing.audit(session, loan.loan_id, by=AUDITOR, at=shanghai(END, 14))


def spoil(statement: str, **values: object) -> None:
    with transaction() as session:
        session.execute(text(statement), values)


def stray_instalment(loan: Running) -> None:
    with transaction() as session:
        row = loans.get(session, loan.loan_id)
        session.add(
            Instalment(
                id=uuid4(), loan_id=row.id, schedule_version=row.schedule_version, number=99,
                due_on=END, principal=ZERO, interest=Money(1), fees=ZERO, balance=ZERO,
            )
        )  # fmt: skip


def stray_posting(loan: Running) -> None:
    with transaction() as session:
        posting = Posting(
            id=uuid4(), debit=accounts.loan_principal(loan.loan_id), credit=BANK,
            amount=Money(1), reason="stray", event_ref=loan.loan_id, value_date=END,
        )  # fmt: skip
        ledger.post(session, posting, at=shanghai(END, 13))


def unbooked_payment(loan: Running) -> None:
    with transaction() as session:
        row = loans.lock(session, loan.loan_id)
        event = Repaid(id=str(uuid4()), on=END, amount=Money(100))
        loan_events.record(session, row, event, more={"source": BANK}, by=BY, at=shanghai(END, 13))


def test_nothing_differs_after_a_whole_life_of_a_loan(lived):
    found = audit(lived)

    assert {check.name: check.differences for check in found.checks} == dict.fromkeys(
        (
            "plan",
            "books",
            "payouts",
            "approvals",
            "payments",
            "amendments",
            "commissions",
            "letters",
        ),
        (),
    )


def test_every_step_is_there_with_its_actor_and_in_its_order(lived):
    trail = audit(lived).trail

    told = [entry.what for entry in trail]
    assert [entry.at for entry in trail] == sorted(entry.at for entry in trail)
    assert all(entry.actor for entry in trail)
    for what in (
        "loan.pending",
        "payout.approval",
        "payout.paid",
        "channel.query",
        "loan.active",
        "commission.earned",
        "event.repaid",
        "event.reversed",
        "amendment.requested",
        "amendment.confirmed",
        "event.waived",
        "event.prepaid",
        "event.paid_off",
        "loan.settled",
        "letter.issued",
        "transfer.posted",
    ):
        assert what in told, what
    whole = str(trail)
    assert make.NAME not in whole
    assert make.card_number(1).plain not in whole


@pytest.mark.parametrize(
    ("name", "spoilt"),
    [
        ("plan", stray_instalment),
        ("books", stray_posting),
        ("payments", unbooked_payment),
        ("payouts", lambda _: spoil("UPDATE loan SET principal = principal + 1")),
        ("payouts", lambda _: spoil("UPDATE payout_leg SET order_no = 'X' || order_no")),
        ("approvals", lambda _: spoil("UPDATE payout_leg SET approval_round = 9")),
        ("approvals", lambda _: spoil("UPDATE payout_leg SET payee_digest = 'another'")),
        (
            "amendments",
            lambda _: spoil("UPDATE amendment SET requested_by = 'finance_maker:wang.fang'"),
        ),
        ("commissions", lambda _: spoil("UPDATE commission SET status = 'clawed_back'")),
        ("commissions", lambda _: spoil("UPDATE commission SET fee = fee + 1")),
        ("letters", lambda _: spoil("UPDATE loan_letter SET sha256 = repeat('0', 64)")),
    ],
    ids=[
        "an instalment too many",
        "a stray posting",
        "a payment that was not booked",
        "another principal",
        "a payout without evidence",
        "no approval of the round",
        "another payee than approved",
        "confirmed by whoever asked",
        "a fee taken back that is not",
        "another fee than owed",
        "another letter",
    ],
)
def test_what_was_spoilt_is_named(lived, name, spoilt):
    spoilt(lived)

    found = audit(lived)

    assert name in {check.name for check in found.checks if check.differences}
    assert not found.is_good


def test_a_loan_that_waits_for_its_payout_is_audited_too(database):
    with transaction() as session:
        make.lender(session)
        loan = loans.place(session, make.loan_order(), by=make.DEBTOR, at=NOON)

    with transaction() as session:
        found = auditing.audit(session, loan.id, by=AUDITOR, at=NOON + timedelta(days=1))

    assert found.is_good


def test_the_command_prints_json_and_ends_with_one_when_something_differs(lived):
    surroundings = type("S", (), {"clock": SetClock(shanghai(END, 14))})()

    good = CliRunner().invoke(audit_cli.audit, [str(lived.loan_id), "--json"], obj=surroundings)
    stray_posting(lived)
    bad = CliRunner().invoke(audit_cli.audit, [str(lived.loan_id)], obj=surroundings)
    unknown = CliRunner().invoke(audit_cli.audit, [str(uuid4())], obj=surroundings)

    assert (good.exit_code, bad.exit_code, unknown.exit_code) == (0, 1, 3)
    told = json.loads(good.stdout)
    assert told["good"] is True
    assert {"at", "actor", "what", "detail"} == set(told["trail"][0])
    assert "DIFFERS  books" in bad.stdout


def test_the_command_tells_a_letter_of_ours_from_another(lived, tmp_path):
    with transaction() as session:
        letter = settlement_letters.of_loan(session, lived.loan_id)
        content = settlement_letters.pdf(session, letter, by=AUDITOR, at=shanghai(END, 14))
    ours, other = tmp_path / "ours.pdf", tmp_path / "other.pdf"
    ours.write_bytes(content)
    other.write_bytes(content + b" ")

    good = CliRunner().invoke(audit_cli.check, [str(ours)])
    bad = CliRunner().invoke(audit_cli.check, [str(other)])

    assert (good.exit_code, bad.exit_code) == (0, 3)
    assert letter.number in good.stdout
