"""Waiting, the result, the offer, the contract, and what happens to the money."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from kernel import db
from origination import application_jobs, assessing, contracts
from origination.records.applications import Application, ApplicationStatus
from origination.records.contracts import Contract
from tests.origination.apply import world
from tests.origination.web import phone as steps
from tests.origination.web.phone import Phone


def application() -> Application:
    with db.transaction() as session:
        return session.query(Application).one()


@pytest.fixture
def offered(phone, outside) -> Phone:
    """A debtor who looks at his offer."""
    steps.submit(phone)
    assert assessing.run(outside) == 1
    return phone.open("/my")


@pytest.fixture
def signed(offered, outside) -> Phone:
    """A debtor who signed a moment ago."""
    return sign(offered, outside)


def ask_for_code(phone: Phone, outside) -> Phone:
    outside.clock.advance(timedelta(minutes=2))
    return phone.open("/contract").send("/contract/code")


def sign(phone: Phone, outside) -> Phone:
    return ask_for_code(phone, outside).send("/contract/sign", code=phone.code("签署"))


def test_the_waiting_page_asks_again_by_itself_but_not_for_ever(phone):
    steps.submit(phone)

    first = phone.client.get("/apply/waiting").headers
    last = phone.client.get("/apply/waiting?n=24").headers
    stopped = phone.client.get("/apply/waiting?still=yes").headers

    assert first["Refresh"] == "5; url=/apply/waiting?n=1"
    assert "Refresh" not in last
    assert "Refresh" not in stopped


def test_a_decline_tells_its_reasons_what_to_do_and_how_a_person_looks_at_it(
    phone, outside, sandbox
):
    world.load(sandbox, monthly_income="900.00")
    steps.submit(phone)
    assessing.run(outside)

    phone.open("/my")

    assert application().status is ApplicationStatus.DECLINED
    assert phone.path == "/apply/result"
    assert "主要原因" in phone.text
    assert 1 <= phone.text.split("主要原因")[1].split("</ul>")[0].count("<li>") <= 4
    assert "个性化分期" in phone.text
    phone.send("/apply/review")
    assert phone.heading == "您的申请正由工作人员审核"


def test_the_offer_names_every_cost_and_where_the_loan_is_worse(offered):
    assert offered.path == "/offer"
    for words in (
        "年化利率（单利）",
        "内部收益率（复利）",
        "综合融资成本明示表",
        "没有任何其他费用",
        "钱不会打到您的账户，也不会打给催收机构",
        "新贷款不如现在的地方",
        "足额还月供",
        "个性化分期",
        "至少有 10 秒的阅读时间",
        "还款计划",
    ):
        assert words in offered.text, words
    assert "仅剩" not in offered.text


def test_the_offer_tells_from_which_month_staying_would_ask_for_less(phone, outside):
    outside.clock.advance(timedelta(days=4))  # the policy of 24 November looks at every month
    steps.submit(phone)
    assert assessing.run(outside) == 1

    phone.open("/my")

    assert phone.path == "/offer"
    assert "最低还款额会随欠款减少：从第" in phone.text
    phone.open("/offer?lang=en")
    assert "The minimum falls with the debt: from month" in phone.text


def test_the_offer_in_english_names_the_same(offered):
    offered.open("/offer?lang=en")

    for words in ("Annual rate (simple)", "no other charge", "Where the new loan is worse"):
        assert words in offered.text, words


def test_the_contract_is_read_after_the_offer(offered):
    offered.open("/contract")

    assert "一、双方" in offered.text
    assert "十一、投诉与争议" in offered.text


def test_signing_too_early_tells_how_long_to_read_and_keeps_the_code(phone, outside):
    steps.submit(phone)
    assessing.run(outside)
    outside.clock.advance(timedelta(minutes=2))
    phone.open("/my").open("/contract").send("/contract/code")
    code = phone.code("签署")

    told = phone.send("/contract/sign", code=code).faults
    outside.clock.advance(timedelta(seconds=30))
    phone.send("/contract/sign", code=code)

    assert "大约还需要 10 秒" in told[0]
    assert phone.path == "/progress"


def test_a_code_for_signing_in_does_not_sign(offered, outside):
    outside.clock.advance(timedelta(minutes=2))
    Phone(offered.client.application, offered.sandbox, offered.person).open("/resume").send(
        mobile=offered.person.mobile.plain
    )

    offered.open("/contract/sign").send("/contract/sign", code=offered.code())

    assert offered.status == 410
    assert application().status is ApplicationStatus.OFFERED


def test_five_wrong_codes_sign_nothing(offered, outside):
    ask_for_code(offered, outside)
    right = offered.code("签署")
    wrong = "000000" if right != "000000" else "111111"

    answers = [offered.send("/contract/sign", code=wrong).status for _ in range(5)]
    offered.send("/contract/sign", code=right)

    assert answers == [403] * 5
    assert offered.status == 410
    assert application().status is ApplicationStatus.OFFERED


def test_the_same_signature_twice_is_one_contract(offered, outside):
    ask_for_code(offered, outside)
    fields = {**offered.form("/contract/sign").fields, "code": offered.code("签署")}

    paths = [offered.post("/contract/sign", fields).path for _ in range(2)]

    assert paths == ["/progress"] * 2
    with db.transaction() as session:
        assert session.query(Contract).count() == 1


def test_a_second_signature_leads_to_the_progress(signed):
    signed.open("/contract")

    assert signed.path == "/progress"


def test_the_pdf_is_the_one_that_was_signed(signed):
    content = signed.client.get("/contract.pdf")

    with db.transaction() as session:
        kept = contracts.latest(session, session.query(Application).one())
    assert content.mimetype == "application/pdf"
    assert content.data.startswith(b"%PDF")
    assert content.headers["Cache-Control"] == "no-store"
    assert kept.sha256 == hashlib.sha256(content.data).hexdigest()


def test_the_signed_contract_can_be_read_again(signed):
    signed.open("/contract/signed")

    assert "已签署" in signed.text
    assert "一、双方" in signed.text


def test_an_offer_whose_time_is_over_tells_so_and_may_be_asked_for_anew(offered, outside):
    outside.clock.advance(timedelta(days=8))
    offered.open("/resume").send(mobile=offered.person.mobile.plain)
    offered.send("/code", code=offered.code())
    told = offered.status, offered.heading
    for job in application_jobs.JOBS:
        job.run(outside)

    offered.open("/my")

    assert told == (410, "方案已过有效期")
    assert offered.path == "/ended"


def test_a_signed_loan_is_withdrawn_for_nothing_before_it_is_paid(signed):
    signed.open("/withdraw").send()

    assert signed.path == "/ended"
    assert signed.heading == "申请已撤回"


def test_a_withdrawn_application_may_begin_again(offered):
    offered.open("/withdraw").send()

    offered.send("/apply/again")

    assert offered.path == "/apply/consents/identity-check"


def test_taking_a_needed_consent_back_withdraws_the_application(offered):
    offered.open("/consents").post(
        "/consents", {**offered.form().fields, "purpose": "share_with_funder"}
    )

    assert application().status is ApplicationStatus.WITHDRAWN


def test_the_progress_shows_each_card_and_the_due_dates_once_it_is_paid(signed, outside, sandbox):
    world.fund(sandbox)
    world.follow(outside)
    waiting = signed.open("/my").text
    sent = world.pay(outside, application())
    world.follow(outside)
    paid = signed.open("/progress").text
    for leg_id in sent:
        world.verify(outside, leg_id)
    world.follow(outside)
    cleared = signed.open("/progress").text

    assert "待付款" in waiting
    assert "已付款，待发卡行确认" in paid
    assert "发卡行已入账，欠款已结清" in cleared
    assert "2026-12-20" in cleared


def test_nobody_withdraws_once_the_money_is_on_its_way(signed, outside, sandbox):
    world.fund(sandbox)
    world.pay(outside, application())
    world.follow(outside)

    assert signed.open("/withdraw").path == "/loan"


def test_the_agencys_referral_of_another_debtor_is_out_of_reach(offered, app, sandbox, outside):
    stranger = Phone(app, sandbox, offered.person)

    for path in ("/offer", "/contract", "/contract.pdf", "/progress", "/consents"):
        assert stranger.open(path).path == "/resume", path
