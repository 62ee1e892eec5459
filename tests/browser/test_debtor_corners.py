"""The debtor's pages that a smooth journey never shows, and the way of whoever has only keys."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel import db
from origination import assessing, closing
from origination.records.applications import Application, ApplicationStatus
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person

pytestmark = pytest.mark.browser
OTHER = Person(number=2)


@pytest.fixture
def other(hand):
    """The same telephone in the hand of somebody whose application stands somewhere already."""
    hand.person = OTHER
    return hand


def come_back(hand):
    hand.open("/resume")
    hand.type(mobile=OTHER.mobile.plain)
    hand.touch("获取验证码")
    hand.type(code=hand.code())
    hand.touch("继续")


def test_a_decline_and_the_review_by_a_person(other, outside, sandbox):
    world.load(sandbox, OTHER, monthly_income="900.00")
    world.waiting(OTHER)
    assessing.run(outside)

    come_back(other)
    other.look("31-declined")
    other.touch("申请人工复核")
    other.look("32-in-review")

    assert other.heading == "您的申请正由工作人员审核"
    assert other.complaints == []


def test_what_is_over_is_told(other):
    with db.transaction() as session:
        application = make.offered(session, OTHER)
        by = make.by_debtor(application)
        closing.withdraw(session, application, reason="a test", by=by, at=make.NOON)

    come_back(other)
    other.look("33-ended")
    other.touch("重新申请")

    assert other.path == "/apply/consents/identity-check"
    assert other.complaints == []


def test_an_offer_out_of_time(other, outside):
    with db.transaction() as session:
        make.offered(session, OTHER)
    outside.clock.advance(timedelta(days=4))

    come_back(other)
    other.look("34-offer-expired")

    assert other.heading == "方案已过有效期"
    assert other.complaints == []


def test_a_dearer_card(other, outside, sandbox):
    world.fund(sandbox)
    world.load(sandbox, OTHER)
    application = world.signed(outside, OTHER)
    world.load(sandbox, OTHER, world.card(OTHER.card(), balance="9600.00"))
    world.follow(outside)
    world.pay(outside, application)
    world.follow(outside)

    come_back(other)
    other.look("35-requote")
    other.touch("查看新方案并重新签署")
    other.look("36-requote-offer")

    assert other.complaints == []


def test_a_page_after_its_session_ended_says_so(other, outside):
    with db.transaction() as session:
        make.filled_in(session, OTHER)
    come_back(other)
    outside.clock.advance(timedelta(hours=1))

    other.touch("提交申请")
    other.look("37-session-over")

    assert other.path == "/resume"
    assert "已完成的每一步都已保存" in other.page.inner_text("main")


def test_whoever_has_only_keys_sees_where_he_is_and_gets_on(other):
    with db.transaction() as session:
        application = make.consented(session, OTHER)
        make.cards.enter(
            session, application, OTHER.card(), by=make.by_debtor(application), at=make.NOON
        )
    come_back(other)

    seen = []
    for _ in ("skip", "application", "language", "back", "first choice"):
        other.page.keyboard.press("Tab")
        seen.append(
            other.page.evaluate(
                "[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineWidth]"
            )
        )
    other.page.keyboard.press("Space")
    other.page.keyboard.press("Tab")
    other.page.keyboard.type("8000")
    other.page.keyboard.press("Enter")
    other.page.wait_for_url("**/apply/costs")

    assert [tag for tag, _ in seen][-1] == "INPUT"
    assert all(width == "3px" for _, width in seen)
    with db.transaction() as session:
        assert session.query(Application).one().status is ApplicationStatus.CARDS_ENTERED


def test_a_page_keeps_what_was_typed_and_leads_to_the_fault(other):
    with db.transaction() as session:
        make.consented(session, OTHER)
    come_back(other)

    other.type(number="6225 88")
    other.touch("继续")
    other.page.click(".error-summary a")

    assert other.page.title().startswith("出错：")
    assert other.page.input_value("#number") == "6225 88"
    assert other.page.evaluate("document.activeElement.id") == "number"
