"""Risk staff look at every picture of the console in a real browser, and move the cut-off."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from werkzeug.serving import make_server

from kernel.db import transaction
from tests.browser.seat import Seat
from tests.kernel.web_builders import PASSWORD
from tests.underwriting import builders as make
from tests.underwriting.web import desk, watch_desk
from underwriting import assessments, reviews
from underwriting.lots import Part, Route, Why
from underwriting.records.service import ReviewCause

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROUTE = Route(routing_id=UUID(int=7), part=Part.CHALLENGER, why=Why.LOT, place=12345)
RING = {"ring_size": Decimal(7), "ring_agencies": Decimal(2), "lender_inquiries_30d": Decimal(1)}


@pytest.fixture
def site(database, clock) -> Iterator[str]:
    app = desk.app(clock)
    desk.hire(clock)
    desk.published()
    two = (make.card(1, "18600.00"), make.card(2, "9400.00", issuer_code="ICBC"))
    for number in range(24):
        scorer = make.Says(f"0.{70 + 11 * number:03}000", bound=f"0.{90 + 12 * number:03}000")
        desk.assessed(scorer, application=number + 1, minutes=-number, version="2026-11")
    desk.assessed(application=31, minutes=-1, version="2026-11", route=ROUTE, cards=two)
    ring = desk.assessed(
        application=32, version="2026-11", cards=two, figures={**desk.FIGURES, **RING}
    )
    owe(ring)
    watch_desk.watched(watch_desk.DAY, watch_desk.whole_day())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def owe(path: str) -> None:
    with transaction() as session:
        kept = assessments.get(session, UUID(path[-36:]))
        reviews.owe(session, kept, cause=ReviewCause.DEBTOR, at=make.AT)


@pytest.fixture
def officer(chromium, site) -> Iterator[Seat]:
    seat = Seat(chromium, site, login="chen", password=PASSWORD)
    yield seat
    seat.leaves()


def test_every_page_with_pictures_can_be_used_by_everybody(officer):
    for name in ("drift", "matured", "vintages", "agencies", "collusion", "fairness"):
        officer.opens(f"/risk/watching/{name}")
        officer.looks(f"risk-watching-{name}")
        assert officer.page.locator("svg[role=img]").count() > 0
    for path, name in (
        ("/risk/watching", "risk-watching"),
        ("/risk/watching/course?measure=score_drift&subject=made_up-1", "risk-watching-course"),
        ("/risk/policies", "risk-policies"),
        ("/risk/policies/2026-11", "risk-policy"),
        (
            "/risk/policies/differences?old=2026-08&new=2026-11&history=yes",
            "risk-policy-differences",
        ),
        ("/risk/reviews", "risk-reviews"),
    ):
        officer.opens(path)
        officer.looks(name)
    officer.page.locator("tbody a").first.click()
    assert "ring_large" in officer.reads()
    officer.looks("risk-decision")
    officer.opens("/risk/watching/fairness?lang=en")
    officer.page.set_viewport_size({"width": 390, "height": 844})
    officer.looks("risk-watching-narrow")


def test_the_slider_moves_the_cut_off_and_says_what_it_would_change(officer):
    officer.opens("/risk/scores")
    officer.looks("risk-scores")
    slider = officer.page.locator("#slide")

    with officer.page.expect_navigation():
        slider.fill("15")

    assert officer.page.input_value("#cut") == "15"
    assert "减" in officer.reads()
    officer.looks("risk-scores-moved")
