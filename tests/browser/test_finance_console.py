"""Finance works a morning in a real browser: approve, explain, resolve, sign; nothing is scripted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from disbursement.records.breaks import Break
from disbursement.records.days import DayStatus, ReconciliationDay
from kernel.clock import SetClock, shanghai
from kernel.db import transaction
from tests.browser.seat import Seat
from tests.disbursement.web import desk, scenes
from tests.kernel.web_builders import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "screenshots" / "finance-breaks.png"
KEPT_BYTES_MAX = 400 * 1024


@pytest.fixture
def site(database) -> Iterator[str]:
    clock = SetClock(shanghai(scenes.TODAY, 9, 30))
    app, people = desk.app(clock), desk.hire_all(clock)
    with transaction() as session:
        scenes.fortnight(session, people)
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
def seats(chromium, site):
    made = {}

    def sit(login: str) -> Seat:
        if login not in made:
            made[login] = Seat(chromium, site, login=login, password=PASSWORD)
        return made[login]

    yield sit
    for seat in made.values():
        seat.leaves()


def the_stranger() -> str:
    with transaction() as session:
        found = session.scalar(select(Break.id).where(Break.day == scenes.SINGLE))
        return f"/finance/breaks/{found}"


def test_a_morning_from_the_first_approval_to_the_signed_day(seats):
    maker, checker = seats("maker"), seats("checker")
    maker.looks("finance-overview")

    maker.page.click("nav >> text=放款")
    maker.looks("finance-payouts")
    maker.page.locator("tr", has_text="26,400.00").locator("a").click()
    maker.press("审批通过")
    assert "还须另一人审批" in maker.reads()
    maker.looks("finance-payout")
    checker.opens(maker.page.url.removeprefix(maker.site).partition("?")[0])
    checker.press("审批通过")
    assert "将自动发送" in checker.reads()

    path = the_stranger()
    maker.opens(path)
    maker.page.fill("#text", "渠道误付，已要求当日退回，渠道确认函编号 20261119-03。")
    maker.press("提交说明")
    assert "说明已记录" in maker.reads()
    assert "处理方式由财务复核人员决定" in maker.reads()
    checker.opens(path)
    checker.looks("finance-break")
    checker.page.get_by_label("已向渠道或银行追索并更正").check()
    checker.press("确认处理")
    assert "差异已处理" in checker.reads()

    day = f"/finance/days/{scenes.SINGLE}"
    maker.opens(day)
    maker.press("制单")
    assert "等待另一位复核人员签核" in maker.reads()
    assert maker.page.get_by_role("button", name="签核并锁定").count() == 0
    checker.opens(day)
    checker.looks("finance-day")
    checker.press("签核并锁定")
    assert "该日已锁定" in checker.reads()
    checker.looks("finance-day-signed")
    with transaction() as session:
        found = session.scalars(
            select(ReconciliationDay).where(ReconciliationDay.day == scenes.SINGLE)
        ).one()
        assert found.status is DayStatus.SIGNED


def test_every_list_can_be_read_and_used_at_the_width_of_a_desk(seats):
    maker = seats("maker")
    for name, path in (
        ("days", "/finance/days"),
        ("ledger", "/finance/ledger"),
        ("account", "/finance/ledger/account/in_transit/unionpay"),
        ("statements", "/finance/statements?day=2026-11-23"),
        ("payouts-all", "/finance/payouts?queue=all"),
        ("breaks-english", "/finance/breaks?lang=en"),
        ("day-open", f"/finance/days/{scenes.LATEST}?lang=zh"),
    ):
        maker.opens(path)
        maker.looks(f"finance-{name}")


def test_the_list_of_breaks_as_the_readme_shows_it(seats):
    maker = seats("maker")

    maker.opens("/finance/breaks")
    maker.looks("finance-breaks")

    KEPT.parent.mkdir(parents=True, exist_ok=True)
    if not KEPT.exists():
        maker.page.screenshot(path=KEPT)
    assert KEPT.stat().st_size <= KEPT_BYTES_MAX
    kinds = maker.page.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert len(set(kinds)) >= 7
