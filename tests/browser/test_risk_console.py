"""Risk staff read a decision in a real browser, have it told again, and decide on a review."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from tests.browser.seat import Seat
from tests.kernel.web_builders import PASSWORD
from tests.underwriting import builders as make
from tests.underwriting.web import desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def site(database, clock) -> Iterator[str]:
    app = desk.app(clock)
    desk.hire(clock)
    desk.published()
    two = (make.card(1, "18600.00"), make.card(2, "9400.00", issuer_code="ICBC"))
    for number in range(6):
        desk.assessed(application=number + 1, minutes=number, cards=two[: 1 + number % 2])
    desk.assessed(make.MustNotScore(), application=11, minutes=11, age=67)
    desk.assessed(
        application=12,
        minutes=12,
        figures={"inquiries_12m": make.Decimal(15), "debt_to_income_pct": make.Decimal(44)},
    )
    desk.assessed(application=13, minutes=13, cards=two, watchlist_hits=(make.hit("court"),))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def officer(chromium, site) -> Iterator[Seat]:
    seat = Seat(chromium, site, login="chen", password=PASSWORD)
    yield seat
    seat.leaves()


def test_a_review_is_read_told_again_and_decided(officer):
    officer.opens("/risk/")
    officer.looks("risk-overview")
    officer.page.locator("tbody tr", has_text="人工审核").locator("a").click()
    officer.looks("risk-review")

    officer.press("重放：按当时的政策与模型重算")
    assert "重放结果：一致" in officer.reads()
    officer.looks("risk-replayed")

    officer.page.get_by_label("通过", exact=True).check()
    officer.page.fill("#note", "已核对法院公开信息，案件于 2024 年结清。")
    officer.press("提交结论")
    assert "审核结论已记录" in officer.reads()
    officer.opens("/risk/")
    assert "待人工审核\n0" in officer.reads()


def test_a_review_is_given_back_to_be_assessed_anew(officer):
    officer.opens("/risk/")
    officer.page.locator("tbody tr", has_text="人工审核").locator("a").click()

    officer.page.fill("#reason", "征信机构更正了一笔查询记录。")
    officer.press("重新评估")

    assert "新的评估完成前不能作出结论" in officer.reads()
    assert officer.page.get_by_role("button", name="提交结论").count() == 0
    officer.looks("risk-being-assessed-anew")


def test_lists_declines_and_models_can_be_read_at_the_width_of_a_desk(officer):
    officer.opens("/risk/assessments")
    officer.looks("risk-assessments")
    officer.page.locator("tbody tr", has_text="拒绝").last.locator("a").click()
    officer.looks("risk-decline")
    officer.opens("/risk/models")
    officer.page.locator("tbody a").click()
    officer.looks("risk-model")
    officer.opens("/risk/assessments?lang=en")
    officer.looks("risk-assessments-english")
