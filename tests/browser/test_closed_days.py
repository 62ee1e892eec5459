"""The list of closed days in a real browser, at the width of a desk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from uuid import UUID

import pytest
from werkzeug.serving import make_server

from disbursement import end_of_day, legs
from kernel.clock import SetClock, shanghai
from kernel.db import transaction
from tests.browser.seat import Seat
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.web import desk
from tests.kernel.web_builders import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TODAY = date(2026, 6, 20)


@pytest.fixture
def site(database) -> Iterator[str]:
    """Serve the console over four loans that nobody ever paid, closed till the day before last."""
    clock = SetClock(shanghai(TODAY, 9, 30))
    app = desk.app(clock)
    desk.hire_all(clock)
    with transaction() as session:
        for serial, month in enumerate((1, 2, 3, 4), 1):
            on = date(2026, month, 15)
            order = make.leg_order(serial, "20000.00")
            loan = lives.placed(session, order, on=on, order_id=UUID(int=serial))
            lives.paid(session, legs.of_loan(session, loan.id)[0], "20000.00", on=on)
    end_of_day.close_days(clock, through=date(2026, 6, 18))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_closed_days_are_read_at_a_desk(chromium, site):
    maker = Seat(chromium, site, login="maker", password=PASSWORD)

    maker.page.click("nav >> text=关账")
    maker.looks("finance-closed-days")

    said = maker.reads()
    assert "自 2026年6月19日 起尚未关账" in said
    assert "2026年6月18日" in said
    maker.opens("/finance/closed-days?lang=en")
    maker.looks("finance-closed-days-english")
    assert "Non-accrual" in maker.reads()
    maker.leaves()
