"""Identity, consents, cards and budget: what each page asks, keeps and refuses."""

from __future__ import annotations

import pytest

from kernel import db
from origination import consents
from origination.records.applications import Application, ApplicationCard
from origination.records.consents import Consent, Purpose
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.web import phone as steps
from tests.origination.web.phone import Phone

UNKNOWN_BIN = "999999000000001"


@pytest.fixture
def at_cards(phone) -> Phone:
    """A debtor who has given every consent."""
    return steps.consent(steps.prove_identity(steps.sign_in(phone)))


def application() -> Application:
    with db.transaction() as session:
        return session.query(Application).one()


def given() -> dict[Purpose, Consent]:
    with db.transaction() as session:
        return dict(consents.in_force(session, session.query(Application).one()))


def cards() -> list[ApplicationCard]:
    with db.transaction() as session:
        return session.query(ApplicationCard).filter_by(removed_at=None).all()


def identity(phone: Phone, **changes: str) -> Phone:
    typed = {"name": phone.person.name.plain, "national_id": phone.person.national_id.plain}
    return steps.agree(steps.sign_in(phone)).send(**{**typed, **changes})


def test_what_is_wrong_with_the_identity_is_told_at_its_field_and_nothing_typed_is_lost(phone):
    identity(phone, national_id="110105")

    assert phone.status == 422
    assert phone.faults == ["请核对身份证号：18位，最后一位可以是X"]
    assert 'value="张小明"' in phone.text
    assert 'value="110105"' in phone.text
    assert 'href="#national_id"' in phone.text


def test_another_persons_name_is_refused_without_telling_the_invited_one(phone):
    identity(phone, name="李大伟")

    assert phone.status == 422
    assert "邀请的不是这个姓名" in phone.faults[0]
    assert "张" not in phone.faults[0]


def test_a_silent_identity_partner_loses_nothing(phone, sandbox):
    world.outage(sandbox, "identity", "http_500")

    identity(phone)

    assert phone.status == 503
    assert 'value="张小明"' in phone.text


def test_identity_is_not_asked_for_before_the_consent_to_check_it(phone):
    steps.sign_in(phone)

    assert phone.open("/apply/identity").path == "/apply/consents/identity-check"


def test_the_same_identity_form_twice_is_one_check(phone):
    steps.agree(steps.sign_in(phone))
    fields = {
        **phone.form().fields,
        "name": phone.person.name.plain,
        "national_id": phone.person.national_id.plain,
    }

    paths = [phone.post("/apply/identity", fields).path for _ in range(2)]

    assert paths == ["/apply/consents/bureau-query"] * 2


def test_yes_and_no_stand_side_by_side_and_nothing_is_ticked(phone):
    steps.sign_in(phone)

    yes, no = phone.form().buttons

    assert (yes["class"], no["class"]) == ("button second", "button second")
    assert "checked" not in phone.text
    assert "autofocus" not in phone.text


def test_each_consent_is_written_down_by_itself_with_the_text_that_was_shown(phone):
    steps.prove_identity(steps.sign_in(phone))

    steps.agree(phone)

    assert set(given()) == {Purpose.IDENTITY_CHECK, Purpose.BUREAU_QUERY}
    assert given()[Purpose.BUREAU_QUERY].evidence["page"] == "/apply/consents/<slug>"


def test_a_no_to_what_is_needed_is_told_with_the_way_back_and_the_way_out(phone):
    steps.prove_identity(steps.sign_in(phone))

    phone.send(answer="refuse")

    assert phone.path == "/apply/consents/bureau-query/refused"
    assert "/withdraw" in phone.text
    assert Purpose.BUREAU_QUERY not in given()


def test_a_no_to_news_blocks_nothing(at_cards):
    assert at_cards.path == "/apply/cards/add"
    assert Purpose.MARKETING not in given()


def test_neither_yes_nor_no_asks_again(phone):
    steps.sign_in(phone).send()

    assert phone.status == 422
    assert phone.faults == ["请选择“同意”或“不同意”"]


def test_a_consent_to_another_text_than_the_one_in_force_is_asked_for_anew(phone):
    steps.sign_in(phone).send(answer="agree", shown_sha256="0" * 64)

    assert phone.status == 409
    assert given() == {}


def test_a_consent_can_be_taken_back_and_is_asked_for_again(at_cards):
    at_cards.open("/consents").post(
        "/consents", {**at_cards.form().fields, "purpose": "bureau_query"}
    )

    assert Purpose.BUREAU_QUERY not in given()
    assert at_cards.open("/my").path == "/apply/consents/bureau-query"


def test_a_consent_that_does_not_exist_is_not_found(phone):
    steps.prove_identity(steps.sign_in(phone))

    assert phone.open("/apply/consents/everything").status == 404


def test_a_card_is_listed_masked_and_its_bank_is_recognised(at_cards):
    number = at_cards.person.card()

    at_cards.send(number=f"{number.plain[:4]} {number.plain[4:]}")

    assert at_cards.path == "/apply/cards"
    assert "招商银行" in at_cards.text
    assert number.last4 in at_cards.text
    assert number.plain not in at_cards.text


def test_a_number_nobody_recognises_asks_for_its_bank(at_cards):
    number = make.card_number(UNKNOWN_BIN)

    at_cards.send(number=number.plain)
    asked = at_cards.faults
    at_cards.send(bank="CMB")

    assert asked == ["我们没能从卡号认出发卡银行，请选择"]
    assert at_cards.path == "/apply/cards"
    assert "将向发卡行核实" in at_cards.text


def test_a_mistyped_digit_is_asked_about_once_and_then_believed(at_cards):
    number = at_cards.person.card().plain
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)

    at_cards.send(number=wrong)
    asked = at_cards.faults
    at_cards.send()

    assert "请核对" in asked[0]
    assert at_cards.path == "/apply/cards"


@pytest.mark.parametrize(
    ("typed", "told"), [("6212 2612 3456", "请核对卡号"), ("6200481234567890", "借记卡")]
)
def test_what_is_no_credit_card_is_told_at_the_field(at_cards, typed, told):
    at_cards.send(number=typed, sure=typed[-4:])

    assert told in at_cards.faults[0]
    assert f'value="{typed}"' in at_cards.text


def test_a_card_is_removed_and_the_last_one_gone_asks_for_another(at_cards):
    at_cards.send(number=at_cards.person.card().plain)

    at_cards.send("/apply/cards/remove")

    assert at_cards.path == "/apply/cards/add"
    assert cards() == []


def test_a_card_of_somebody_else_cannot_be_removed(at_cards):
    at_cards.send(number=at_cards.person.card().plain)

    at_cards.send("/apply/cards/remove", card="00000000-0000-0000-0000-000000000001")

    assert len(cards()) == 1


def test_the_same_card_form_twice_is_one_card(at_cards):
    fields = {**at_cards.form().fields, "number": at_cards.person.card().plain}

    for _ in range(2):
        at_cards.post("/apply/cards/add", fields)

    assert len(cards()) == 1


def test_income_in_full_width_digits_is_kept_before_the_costs_are_known(at_cards):
    at_cards.send(number=at_cards.person.card().plain)
    at_cards.open("/my")

    at_cards.send(
        income_source="salary", monthly_income="￥８，０００．５", employment_months="４０"
    )

    assert at_cards.path == "/apply/costs"
    assert str(application().stated_monthly_income) == "8000.50"
    assert application().employment_months == 40


def test_every_fault_of_the_income_is_told_in_the_order_of_the_page(at_cards):
    at_cards.send(number=at_cards.person.card().plain)
    at_cards.open("/my")

    at_cards.send(monthly_income="about 8000", employment_months="two")

    assert [fault[:5] for fault in at_cards.faults] == ["请选择主要", "请填写每月", "请用数字填"]
    assert 'value="about 8000"' in at_cards.text


def test_an_income_from_nowhere_is_asked_about(at_cards):
    at_cards.send(number=at_cards.person.card().plain)
    at_cards.open("/my")

    at_cards.send(income_source="none", monthly_income="8000")

    assert at_cards.status == 422
    assert "请选择它的来源" in at_cards.faults[0]


def test_the_answers_are_shown_masked_and_handed_in_once(phone):
    steps.to_check(phone)
    shown = phone.text
    fields = phone.form().fields

    paths = [phone.post("/apply/check", fields).path for _ in range(2)]

    assert "张**" in shown
    assert phone.person.national_id.plain not in shown
    assert "¥8,000.00" in shown
    assert paths == ["/apply/waiting"] * 2


def test_a_step_is_not_reached_by_its_address_before_its_turn(phone):
    steps.sign_in(phone)

    for path in (
        "/apply/cards",
        "/apply/income",
        "/apply/check",
        "/offer",
        "/contract",
        "/progress",
    ):
        assert phone.open(path).path == "/apply/consents/identity-check", path
