"""Finance sees how the channels answer, how long payouts wait, what is free, and rules by two persons."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text as sql

from disbursement import legs, loans, pacing, positions
from disbursement.channels.channel import Outcome
from disbursement.records.payouts import LegStatus
from disbursement.web import channel_desk
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement.reconciliation import world
from tests.disbursement.statements import files
from tests.kernel.console_reader import text


@pytest.fixture
def contradicted() -> str:
    """Have a payment paid and then told to be refused; give its path."""
    with transaction() as session:
        leg = world.paid(session, 1)
        world.told(session, leg, Outcome.REFUSED)
        return f"/finance/payouts/{leg.id}"


def status_of(path: str) -> LegStatus:
    with transaction() as session:
        found = session.execute(
            sql("SELECT status FROM payout_leg WHERE id = :id"), {"id": path.rsplit("/", 1)[1]}
        )
        return LegStatus(found.scalar_one())


def test_a_silent_channel_is_shown_with_what_waits_and_for_how_long(desk):
    now = files.NOON
    with transaction() as session:
        world.sent(session, 1, fen=900_000, at=now - timedelta(hours=3))
        for _ in range(pacing.pace("unionpay", on=now.date()).silences):
            pacing.told(session, "unionpay", heard=False, now=now)

    page = text(desk.person("maker").opens("/finance/payouts"))

    assert "银联代付 无应答，暂停发送" in page
    assert "¥9,000.00" in page


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (None, "—"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=3, minutes=7), "3 h 7 min"),
        (timedelta(days=2, hours=5), "2 d 5 h"),
        (timedelta(seconds=-3), "0 min"),
    ],
)
def test_an_age_is_written_in_its_two_largest_units(desk, span, written):
    with desk.app.test_request_context("/?lang=en", headers={"Accept-Language": "en"}):
        assert channel_desk.age(span) in {written, _in_chinese(written)}


def _in_chinese(written: str) -> str:
    words = {" min": " 分钟", " h": " 小时", " d": " 天"}
    for english, chinese in words.items():
        written = written.replace(english, chinese)
    return written.replace("小时 7 分钟", "小时 7 分")


def test_positions_are_shown_with_what_is_free(desk):
    with transaction() as session:
        funder, _ = make.lender(session)
        positions.state_opening(
            session, funder, Money.yuan("12345.67"), by=make.CHECKER, at=make.TEN
        )

    page = text(desk.person("maker").opens("/finance/payouts"))

    assert "华信消费金融 ¥12,345.67 ¥0.00 ¥12,345.67" in page


def test_a_contradicted_payout_is_decided_by_two_persons_on_its_page(desk, contradicted):
    form = {"verdict": "was_not_paid", "reason": "the channel's letter of today"}

    first = desk.person("maker").sends(contradicted, f"{contradicted}/rule", **form)
    before = status_of(contradicted)
    second = desk.person("checker").sends(contradicted, f"{contradicted}/rule", **form)

    assert "还须另一人" in first
    assert "实际未付 — the channel's letter of today" in text(first)
    assert before is LegStatus.PAID
    assert "两人意见一致" in second
    assert status_of(contradicted) is LegStatus.RETURNED
    assert "两人核实裁定" not in second


def test_the_same_person_is_told_that_another_must_agree(desk, contradicted):
    form = {"verdict": "books_stand", "reason": "it was a mistake of theirs"}
    maker = desk.person("maker")
    maker.sends(contradicted, f"{contradicted}/rule", **form)

    again = maker.sends(contradicted, f"{contradicted}/rule", status=409, **form)

    assert "须由另一人" in again


@pytest.mark.parametrize(
    "form", [{}, {"verdict": "guessed", "reason": "x"}, {"verdict": "was_paid"}]
)
def test_a_ruling_without_verdict_or_reason_is_shown_again(desk, contradicted, form):
    page = desk.person("maker").sends(contradicted, f"{contradicted}/rule", status=422, **form)

    assert "核实" in page
    assert status_of(contradicted) is LegStatus.PAID


def test_what_waits_for_money_says_so(desk):
    with transaction() as session:
        make.lender(session)
        loan = loans.place(session, make.loan_order(), by=make.DEBTOR, at=make.TEN)
        (leg,) = legs.of_loan(session, loan.id)
        session.execute(sql("UPDATE payout_leg SET status = 'approved', waits_for = 'funds'"))

    page = desk.person("maker").opens(f"/finance/payouts/{leg.id}")

    assert "等待头寸" in page


def test_a_payout_by_file_shows_the_exchanges_of_its_batch(desk):
    with transaction() as session:
        leg = world.paid(session, 1)
        session.execute(
            sql(
                "INSERT INTO payout_batch (id, channel, batch_no, sent_at, rows, total, status,"
                " queries) VALUES (:id, 'bank_direct', 'batch0001', now(), 1, 1, 'answered', 1)"
            ),
            {"id": leg.id},
        )
        session.execute(sql("UPDATE payout_leg SET batch_id = id"))
        session.execute(
            sql(
                "INSERT INTO channel_evidence (id, channel, kind, order_no, is_genuine, verdict,"
                " request, reply, reply_bytes, at) VALUES (:id, 'bank_direct', 'result',"
                " 'batch0001', true, 'result of 1 rows', '', '', 0, now())"
            ),
            {"id": leg.id},
        )

    page = desk.person("maker").opens(f"/finance/payouts/{leg.id}")

    assert "批量回盘文件" in page
    assert "result of 1 rows" in page
