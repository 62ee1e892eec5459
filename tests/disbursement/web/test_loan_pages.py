"""The console's pages of a loan's life: lists, requests and their second person, reports, the audit."""

from __future__ import annotations

import re
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from disbursement import (
    borrowers,
    commissions,
    credit_notices,
    loan_days,
    loans,
    servicing,
    settlement_letters,
    settlement_paper,
)
from disbursement.records.credit import CreditReport
from disbursement.records.life import Amendment
from disbursement.settlement_paper import Paper
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from kernel.personal import NationalId, PersonName
from kernel.sealing import seal
from tests.disbursement import builders as make
from tests.disbursement.running import BY, NOON, Running, running
from tests.disbursement.web import desk as desks
from tests.kernel.console_reader import text

TODAY = date(2027, 2, 2)
PAYMENT = "710.79"
AGENCY = commissions.Agency(ref=UUID(int=77), code="beichen")


@pytest.fixture
def loan(database, morning) -> Running:
    """A loan of 8,000 yuan, one instalment paid and one unpaid since 20 January; it is February."""
    morning.advance_to(shanghai(TODAY, 10))
    made = running()
    made.verify()
    with transaction() as session:
        commissions.earn(session, made.leg_id, AGENCY, by=BY, at=NOON)
        borrowers.keep(
            session, UUID(int=1002), name=seal(PersonName(make.NAME)),
            national_id=seal(NationalId(make.national_id(1))), at=NOON,
        )  # fmt: skip
        servicing.repay(
            session, made.loan_id, payment_id=uuid4(), amount=Money.yuan(PAYMENT),
            on=date(2026, 12, 20), source="funding_bank/hxcf", by=BY,
            at=shanghai(date(2026, 12, 20), 12),
        )  # fmt: skip
        row = loans.lock(session, made.loan_id)
        loan_days.close_through(session, row, day=TODAY - timedelta(days=1), at=shanghai(TODAY, 1))
    return made


@pytest.fixture
def desk(loan, morning) -> desks.Desk:
    """The console with its people, after the loan was told."""
    return desks.Desk(desks.app(morning), desks.hire_all(morning))


def path(loan: Running, more: str = "") -> str:
    return f"/finance/loans/{loan.loan_id}{more}"


def asked() -> Amendment:
    with transaction() as session:
        return session.query(Amendment).one()


def test_the_list_shows_where_each_loan_stands_and_filters(desk, loan):
    maker = desk.person("maker")

    every = maker.opens("/finance/loans")
    late = maker.opens("/finance/loans?bucket=M1")
    worse = maker.opens("/finance/loans?bucket=M2")

    short = str(loan.loan_id)[:8]
    assert short in every
    assert "2027-01-20 · 13 天" in every
    assert short in late
    assert short not in worse
    assert maker.opens("/finance/loans?bucket=M9", 422)
    assert str(loan.loan_id) in maker.opens("/finance/loans?format=csv")


def test_a_loans_page_shows_plan_events_accounts_and_commission(desk, loan):
    page = text(desk.person("maker").opens(path(loan)))

    for words in (
        "到期未还", "自 2027-01-20", "M1", "关注", "2026-12-20", "还款", "loan_principal",
        "loan_interest", "机构佣金", "beichen", "今日结清金额",
    ):  # fmt: skip
        assert words in page, words


def ask(person, loan, kind: str, status: int = 303, **typed: str) -> str:
    where = path(loan, f"/ask/{kind}")
    return person.sends(where, where, status, **typed)


def test_a_waiver_is_asked_by_one_and_confirmed_by_another(desk, loan):
    maker, checker = desk.person("maker"), desk.person("checker")
    own = ask(maker, loan, "waived", part="penalty", amount="1.00", reason="goodwill")

    done = checker.sends(path(loan), f"/finance/loans/requests/{asked().id}/confirm")

    assert "复核入账" not in own.replace("已复核入账", "")
    assert asked().status == "confirmed"
    assert "已复核并入账" in done


def test_whoever_asked_cannot_confirm_even_by_hand(desk, loan):
    checker = desk.person("checker")
    ask(checker, loan, "waived", part="penalty", amount="1.00", reason="goodwill")

    refused = checker.sends(path(loan), f"/finance/loans/requests/{asked().id}/confirm", 403)

    assert "另一位财务复核人员" in refused
    assert asked().status == "requested"


def test_a_request_is_declined_with_nothing_booked(desk, loan):
    ask(desk.person("maker"), loan, "waived", part="penalty", amount="1.00", reason="goodwill")

    done = desk.person("checker").sends(path(loan), f"/finance/loans/requests/{asked().id}/decline")

    assert "申请已驳回" in done
    assert asked().status == "declined"


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("re_aged", {"instalments": "18", "first_due": "2027-03-20"}),
        ("paused", {"until": "2027-03-01"}),
        ("rate_changed", {"rate": "9.6"}),
        ("charged", {"part": "fees", "amount": "5.00", "due_on": "2027-02-20"}),
        ("written_off", {}),
    ],
)
def test_every_kind_of_request_can_be_made_and_confirmed(desk, loan, kind, typed):
    ask(desk.person("maker"), loan, kind, **typed, reason="agreed with the debtor")

    desk.person("checker").sends(path(loan), f"/finance/loans/requests/{asked().id}/confirm")

    assert (asked().kind, asked().status) == (kind, "confirmed")


@pytest.mark.parametrize(
    ("kind", "status", "typed"),
    [
        ("waived", 422, {"part": "penalty", "amount": "1.00"}),
        ("waived", 422, {"part": "penalty", "amount": "many", "reason": "x"}),
        ("waived", 409, {"part": "penalty", "amount": "5000.00", "reason": "x"}),
        ("rate_changed", 422, {"rate": "36", "reason": "x"}),
        ("rate_changed", 422, {"rate": "nine", "reason": "x"}),
        ("re_aged", 422, {"instalments": "0", "first_due": "2027-03-20", "reason": "x"}),
        (
            "charged",
            422,
            {"part": "interest", "amount": "5", "due_on": "2027-02-20", "reason": "x"},
        ),
    ],
    ids=[
        "no reason",
        "no amount",
        "more than is owed",
        "above the cap",
        "no rate",
        "no instalments",
        "a charge of interest",
    ],
)
def test_a_request_that_makes_no_sense_is_refused(desk, loan, kind, status, typed):  # noqa: PLR0917 - as parametrised
    page = ask(desk.person("maker"), loan, kind, status, **typed)

    assert all(f'value="{typed[name]}"' in page for name in ("amount", "rate") if name in typed)
    with transaction() as session:
        assert session.query(Amendment).count() == 0


def waived(desk, loan) -> str:
    """Have a yuan of penalty waived by two persons, and give the identity of the event."""
    ask(desk.person("maker"), loan, "waived", part="penalty", amount="1.00", reason="goodwill")
    given = asked().id
    desk.person("checker").sends(path(loan), f"/finance/loans/requests/{given}/confirm")
    return str(given)


def penalty(loan) -> Money:
    with transaction() as session:
        return servicing.owed(session, loan.loan_id, on=TODAY).penalty


def test_a_waiver_is_undone_from_the_page_by_two_persons(desk, loan):
    maker, checker = desk.person("maker"), desk.person("checker")
    before = penalty(loan)
    given = waived(desk, loan)
    without = penalty(loan)
    where = path(loan, f"/ask/reversed?event={given}")

    offered = maker.opens(path(loan))
    form = maker.opens(where)
    maker.sends(where, path(loan, "/ask/reversed"), event=given, reason="a mistake")
    with transaction() as session:
        undoing = session.query(Amendment).filter_by(kind="reversed").one()
    maker.sends(path(loan), f"/finance/loans/requests/{undoing.id}/confirm", 403)
    alone = penalty(loan)
    done = checker.sends(path(loan), f"/finance/loans/requests/{undoing.id}/confirm")

    assert where.replace("&", "&amp;") in offered
    assert f'value="{given}" selected' in form
    assert (without, alone, penalty(loan)) == (before - Money(100), without, before)
    assert "申请撤销" not in done.replace("申请撤销变更", "")


@pytest.mark.parametrize(
    "event", ["", "nonsense", "00000000-0000-0000-0000-000000000009"], ids=["none", "no id", "new"]
)
def test_what_cannot_be_undone_is_refused_on_the_form(desk, loan, event):
    ask(desk.person("maker"), loan, "reversed", 422, event=event, reason="a mistake")

    with transaction() as session:
        assert session.query(Amendment).count() == 0


def test_there_is_no_form_for_what_cannot_be_asked(desk, loan):
    desk.person("maker").opens(path(loan, "/ask/repaid"), 404)


def test_a_payment_that_bounced_is_taken_back_once(desk, loan):
    maker = desk.person("maker")
    event = re.search(r'name="event" value="([^"]+)"', maker.opens(path(loan)))
    assert event is not None

    for _ in range(2):
        done = maker.sends(path(loan), path(loan, "/take-back"), event=event[1])

    assert "自 2026-12-20" in text(done)
    assert text(done).count("已冲正") == 2  # what was done, and the event itself


def test_what_is_no_event_is_not_taken_back(desk, loan):
    desk.person("maker").sends(path(loan), path(loan, "/take-back"), 409, event="nonsense")


def test_a_settled_loan_gets_its_letter_and_anybody_may_check_it(desk, loan, morning):
    with transaction() as session:
        quoted = servicing.payoff_quote(session, loan.loan_id, on=TODAY).total
        servicing.pay_off(
            session, loan.loan_id, payment_id=uuid4(), amount=quoted, on=TODAY,
            source="funding_bank/hxcf", by=BY, at=morning.now(),
        )  # fmt: skip
    checker = desk.person("checker")

    page = text(checker.sends(path(loan), path(loan, "/letter")))

    number, code = re.findall(r"(JQ\d{8}[0-9A-F]{12}).*?([0-9A-F]{16})", page)[0]
    assert checker.client.get(path(loan, "/letter.pdf")).data.startswith(b"%PDF")
    anybody = desk.app.test_client()
    assert "该证明有效" in anybody.get(f"/letters/check?number={number}&code={code}").text
    wrong = anybody.get(f"/letters/check?number={number}&code={'0' * 16}")
    assert (wrong.status_code, make.NAME in wrong.text) == (404, False)


def test_what_was_paid_too_much_is_owed_to_the_debtor_on_page_and_letter(desk, loan, morning):
    with transaction() as session:
        before = servicing.payoff_quote(session, loan.loan_id, on=TODAY).total
        servicing.repay(
            session, loan.loan_id, payment_id=uuid4(), amount=before + Money.yuan("250.00"),
            on=TODAY, source="funding_bank/hxcf", by=BY, at=morning.now(),
        )  # fmt: skip
    checker = desk.person("checker")

    waiting = text(checker.opens(path(loan)))
    with transaction() as session:
        servicing.pay_off(
            session, loan.loan_id, payment_id=uuid4(), amount=ZERO, on=TODAY,
            source="funding_bank/hxcf", by=BY, at=morning.now(),
        )  # fmt: skip
    closed = text(checker.sends(path(loan), path(loan, "/letter")))

    assert "今日结清金额 ¥0.00" in waiting
    assert "应退借款人 ¥250.00" in waiting
    assert "应退借款人 ¥250.00" in closed
    with transaction() as session:
        issued = settlement_letters.of_loan(session, loan.loan_id)
        row = loans.get(session, loan.loan_id)
    # The code stands for everything that the letter says, so also for this sum.
    said = Paper(
        number=issued.number, text=settlement_paper.text(on=TODAY), lender="",
        name=PersonName(make.NAME), national_id_masked="", loan_id=row.id,
        contract_sha256=row.contract_sha256, principal=row.principal, value_date=row.value_date,
        settled_on=TODAY, cards=(), issued_on=TODAY, issued_at=morning.now(),
        left_over=Money.yuan("250.00"),
    )  # fmt: skip
    assert issued.check_code == said.check


def test_an_objection_by_telephone_is_kept_and_answered(desk, loan):
    maker = desk.person("maker")
    maker.sends(path(loan), path(loan, "/dispute"), reason="paid at the counter")
    waiting = maker.opens("/finance/credit-reports")

    done = maker.sends(
        path(loan), path(loan, "/dispute/answer"), words="no such payment", outcome="rejected"
    )

    assert "paid at the counter" in waiting
    assert "异议已答复" in done
    maker.sends(path(loan), path(loan, "/dispute/answer"), 404, words="x", outcome="upheld")


def test_the_audit_page_shows_the_checks_and_every_step(desk, loan):
    page = desk.person("checker").opens(path(loan, "/audit"))

    assert "付款与凭证" in page
    assert "event.repaid" in page
    assert make.NAME not in page


def test_the_months_commissions_are_listed_and_given_as_a_sheet(desk, loan):
    maker = desk.person("maker")

    page = text(maker.opens("/finance/commissions?month=2026-11-01"))
    sheet = maker.opens(f"/finance/commissions/{AGENCY.ref}.csv?month=2026-11-01")

    assert "beichen" in page
    assert "¥120.00" in page
    assert sheet.splitlines()[-1] == "2026-11-01,closing,,,,,120.00,"
    maker.opens(f"/finance/commissions/{UUID(int=9)}.csv", 400)


def test_a_report_is_prepared_by_one_released_by_another_and_written(desk, loan):
    with transaction() as session:
        message = uuid4()
        credit_notices.plan(
            session, loan.loan_id, overdue_since=date(2027, 1, 20), message_ref=message,
            at=shanghai(date(2027, 1, 24), 9),
        )  # fmt: skip
        credit_notices.delivered(session, message, at=shanghai(date(2027, 1, 24), 9))
    maker, checker = desk.person("maker"), desk.person("checker")
    where = "/finance/credit-reports"
    prepared = maker.sends(where, where, funder="hxcf", period="month", day="2027-01-05")
    with transaction() as session:
        report = f"{where}/{session.query(CreditReport).one().id}"

    released = checker.sends(report, f"{report}/release")
    file = checker.sends(report, f"{report}/file", 200)

    assert "须由另一位" in prepared
    assert "可以导出文件" in released
    assert make.NAME in file
    assert ",overdue," in file
    assert make.NAME not in checker.opens(report)


def test_a_report_of_a_month_that_runs_is_refused_at_the_form(desk, loan):
    where = "/finance/credit-reports"

    page = desk.person("maker").sends(
        where, where, 422, funder="hxcf", period="month", day="2027-02-01"
    )

    assert "报送期间尚未结束" in page


@pytest.mark.parametrize(
    "where", ["/finance/loans", "/finance/commissions", "/finance/credit-reports"]
)
def test_only_finance_may_look(desk, where):
    desk.person("risk").opens(where, 403)


def test_every_page_is_whole_in_english(desk, loan):
    maker = desk.person("maker")
    names = (make.NAME, "华信消费金融", "林会计", "招商银行")

    for where in (
        "/finance/loans",
        path(loan),
        path(loan, "/audit"),
        path(loan, "/ask/waived"),
        "/finance/commissions?month=2026-11-01",
        "/finance/credit-reports",
    ):
        words = text(maker.opens(f"{where}{'&' if '?' in where else '?'}lang=en"))
        for name in names:
            words = words.replace(name, "")
        assert re.findall("[\u4e00-\u9fff]+", words) == [], where
