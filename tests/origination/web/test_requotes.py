"""A card became dearer than what was signed for: the debtor answers on one page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel import db
from origination import assessing
from origination.records.applications import Application, ApplicationStatus
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.web import phone as steps
from tests.origination.web.phone import Phone


def application() -> Application:
    with db.transaction() as session:
        return session.query(Application).one()


def sign(phone: Phone, outside) -> Phone:
    outside.clock.advance(timedelta(minutes=2))
    phone.open("/contract").send("/contract/code")
    return phone.send("/contract/sign", code=phone.code("签署"))


@pytest.fixture
def asked(phone, outside, sandbox) -> Phone:
    """A debtor whose card costs 600 more than when he signed: 9,600 instead of 9,000."""
    world.fund(sandbox)
    steps.submit(phone)
    assessing.run(outside)
    sign(phone.open("/my"), outside)
    world.load(
        sandbox,
        make.Person(),
        world.card(phone.person.card(), balance="9600.00"),
        monthly_income="8000.00",
    )
    world.follow(outside)
    world.pay(outside, application())
    world.follow(outside)
    return phone.open("/my")


def test_the_page_names_the_card_the_old_and_the_new_amount(asked):
    assert asked.path == "/offer/again"
    assert "我们没有付款" in asked.heading
    assert "¥9,600.00" in asked.text
    assert "¥9,022.50" in asked.text  # signed: 9,000.00 and five days of 0.05 %
    assert "不变，12.00%" in asked.text


def test_the_new_offer_is_read_and_signed_like_the_first(asked, outside):
    asked.open("/offer")

    sign(asked, outside)

    assert asked.path == "/progress"
    assert application().status is ApplicationStatus.SIGNED


def test_the_only_card_left_out_ends_the_application_for_nothing(asked):
    asked.send()

    assert asked.path == "/ended"


def test_the_whole_application_may_be_withdrawn_while_nothing_was_paid(asked):
    asked.open("/withdraw").send()

    assert asked.path == "/ended"
