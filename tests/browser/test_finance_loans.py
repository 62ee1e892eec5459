"""Finance looks after a loan that is late, in a real browser: a waiver by two people, the pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from werkzeug.serving import make_server

from disbursement import borrowers, commissions, loan_days, loans, servicing
from kernel.clock import SetClock, shanghai
from kernel.db import transaction
from kernel.money import Money
from kernel.personal import NationalId, PersonName
from kernel.sealing import seal
from tests.browser.seat import Seat
from tests.disbursement import builders as make
from tests.disbursement.running import BY, NOON, Running, running
from tests.disbursement.web import desk
from tests.kernel.web_builders import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TODAY = date(2027, 3, 2)


@pytest.fixture
def loan(database) -> Running:
    """A loan with one instalment paid and two unpaid; its agency is owed a fee."""
    made = running()
    made.verify()
    with transaction() as session:
        agency = commissions.Agency(ref=UUID(int=77), code="beichen")
        commissions.earn(session, made.leg_id, agency, by=BY, at=NOON)
        borrowers.keep(
            session, UUID(int=1002), name=seal(PersonName(make.NAME)),
            national_id=seal(NationalId(make.national_id(1))), at=NOON,
        )  # fmt: skip
        paid_on = date(2026, 12, 20)
        servicing.repay(
            session, made.loan_id, payment_id=uuid4(), amount=Money.yuan("710.79"), on=paid_on,
            source="funding_bank/hxcf", by=BY, at=shanghai(paid_on, 12),
        )  # fmt: skip
        row = loans.lock(session, made.loan_id)
        day = TODAY - timedelta(days=1)
        loan_days.close_through(session, row, day=day, at=shanghai(TODAY, 1))
    return made


@pytest.fixture
def site(loan) -> Iterator[str]:
    clock = SetClock(shanghai(TODAY, 10))
    app = desk.app(clock)
    desk.hire_all(clock)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_late_loan_is_looked_after_by_two_people(chromium, site, loan):
    maker = Seat(chromium, site, login="maker", password=PASSWORD)
    checker = Seat(chromium, site, login="checker", password=PASSWORD)
    page = f"/finance/loans/{loan.loan_id}"
    maker.opens("/finance/loans")
    maker.looks("finance-loans")
    maker.page.click("td a")
    maker.looks("finance-loan")
    maker.page.get_by_role("link", name="减免").click()
    maker.looks("finance-waiver")
    maker.press("提交申请")
    assert "请写明原因" in maker.reads()
    maker.complaints.clear()  # the browser names the 422 of a form that lacks something
    maker.page.select_option("#part", "penalty")
    maker.page.fill("#amount", "5.00")
    maker.page.fill("#reason", "客户住院，证明已核对")
    maker.press("提交申请")
    assert "须由另一位复核人员复核" in maker.reads()
    assert maker.page.get_by_role("button", name="复核入账").count() == 0

    checker.opens(page)
    checker.looks("finance-loan-to-confirm")
    checker.press("复核入账")
    assert "已复核并入账" in checker.reads()

    for name, path in (
        ("loan-english", f"{page}?lang=en"),
        ("audit", f"{page}/audit?lang=zh"),
        ("commissions", "/finance/commissions?month=2026-11-01"),
        ("credit-reports", "/finance/credit-reports"),
        ("letter-check", "/letters/check"),
    ):
        checker.opens(path)
        checker.looks(f"finance-{name}")
    _reports(maker, checker)
    maker.leaves()
    checker.leaves()


def _reports(maker: Seat, checker: Seat) -> None:
    maker.opens("/finance/credit-reports?lang=zh")
    maker.page.select_option("#funder", "hxcf")
    maker.page.select_option("#period", "month")
    maker.page.fill("#day", "2027-02-10")
    maker.press("生成")
    maker.looks("finance-credit-report")
    assert "未按时告知本人" in maker.reads()
    checker.opens(maker.page.url.removeprefix(maker.site).partition("?")[0])
    checker.press("放行")
    checker.looks("finance-credit-report-released")
