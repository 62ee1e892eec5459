"""One debtor's whole way in a real browser, with the jobs that run meanwhile."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from kernel import db
from origination import application_jobs, assessing, front_jobs
from origination.records.applications import Application
from tests.conftest import ROOT
from tests.origination.apply import builders as make
from tests.origination.apply import world

pytestmark = pytest.mark.browser

README_PICTURE = ROOT / "docs" / "screenshots" / "debtor-offer.png"
OFFER = {
    "months": 24,
    "monthly_fee_rate": "0.0075",
    "monthly_payment": "1040.62",
    "total_cost": "3825.00",
}


@pytest.fixture
def town(sandbox, outside):
    """What the issuers know of the debtor's cards."""
    person = make.Person()
    cards = (
        world.card(
            person.card(0),
            balance="21250.00",
            minimum_due="2125.00",
            past_due="2125.00",
            credit_limit="30000.00",
            instalment_offer=OFFER,
        ),
        world.card(
            person.card(1, "CCB"),
            issuer_code="CCB",
            balance="7350.00",
            minimum_due="735.00",
            past_due="735.00",
        ),
    )
    world.load(sandbox, person, *cards, monthly_income="12000.00")
    world.fund(sandbox)
    return person


def test_a_debtor_walks_from_the_message_to_the_repayment_dates(hand, town, outside):
    _looks_around(hand)
    _signs_in(hand)
    _says_who_he_is(hand)
    _consents(hand)
    _enters_his_cards(hand)
    _enters_his_budget(hand)
    _hands_it_in(hand, outside)
    _reads_the_offer(hand)
    _signs(hand, outside)
    _sees_the_money_go(hand, outside)

    assert hand.complaints == []


def _looks_around(hand):
    hand.open("/")
    hand.look("01-home")
    hand.open("/help")
    hand.look("02-help")
    hand.open(hand.newest(r"(https?://\S+/i/[\w-]+)"))
    hand.look("03-invitation")


def _signs_in(hand):
    hand.touch("开始申请")
    hand.touch("获取验证码")
    hand.look("04-mobile-fault")
    hand.type(mobile="１３９ ００００ ０００１")
    hand.touch("获取验证码")
    hand.look("05-code")
    hand.type(code=hand.code())
    hand.touch("继续")


def _says_who_he_is(hand):
    hand.look("06-consent-identity")
    hand.touch("不同意")
    hand.look("07-consent-refused")
    hand.touch("再看一遍")
    hand.page.get_by_role("button", name="同意", exact=True).click()
    hand.type(name="张小", national_id="123")
    hand.touch("继续")
    hand.look("08-identity-faults")
    hand.type(name=hand.person.name.plain, national_id=hand.person.national_id.plain)
    hand.touch("继续")


def _consents(hand):
    for number in range(4):
        hand.look(f"09-consent-{number + 1}")
        hand.page.get_by_role("button", name="同意", exact=True).click()
    hand.look("10-consent-marketing")
    hand.touch("不同意")


def _enters_his_cards(hand):
    hand.look("11-card")
    hand.type(number=hand.person.card(0).plain)
    hand.touch("继续")
    hand.touch("再添加一张")
    hand.type(number=hand.person.card(1, "CCB").plain)
    hand.touch("继续")
    hand.look("12-cards")
    hand.touch("没有其他卡了")


def _enters_his_budget(hand):
    hand.look("13-income")
    hand.touch("继续")
    hand.look("14-income-faults")
    hand.page.check("input[value=salary]")
    hand.type(monthly_income="１２,０００", employment_months="60")
    hand.touch("继续")
    hand.look("15-costs")
    hand.type(essential_costs="3000")
    hand.touch("继续")


def _hands_it_in(hand, outside):
    hand.look("16-check")
    hand.touch("提交申请")
    hand.look("17-waiting")
    assert assessing.run(outside) == 1
    hand.touch("现在看结果")


def _reads_the_offer(hand):
    hand.look("18-offer")
    if os.environ.get("DAICHANG_RENEW_PICTURES") == "1":
        hand.picture_to_the_end_of(".compare", README_PICTURE)
    hand.open("/offer?lang=en")
    hand.look("19-offer-english")
    hand.open("/offer?lang=zh")
    hand.touch("阅读合同")
    hand.look("20-contract")


def _signs(hand, outside):
    outside.clock.advance(timedelta(minutes=2))
    hand.touch("获取签署验证码")
    hand.look("21-sign")
    hand.type(code="000000" if hand.code() != "000000" else "111111")
    hand.touch("确认签署")
    hand.look("22-sign-fault")
    hand.type(code=hand.code())
    hand.touch("确认签署")
    hand.look("23-signed")
    hand.open("/consents")
    hand.look("24-my-consents")
    hand.open("/withdraw")
    hand.look("25-withdraw")


def _sees_the_money_go(hand, outside):
    with db.transaction() as session:
        application = session.query(Application).one()
    for job in (*application_jobs.JOBS, *front_jobs.JOBS):
        job.run(outside)
    sent = world.pay(outside, application)
    world.follow(outside)
    hand.open("/my")
    hand.look("26-paid")
    for leg_id in sent:
        world.verify(outside, leg_id)
    world.follow(outside)
    hand.open("/progress")
    hand.look("27-running")
    assert hand.heading == "贷款已生效"
    hand.open("/my")
    hand.look("28-loan")
    assert hand.heading == "我的贷款"
