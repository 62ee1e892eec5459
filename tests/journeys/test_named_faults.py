"""Every named fault at the door where it comes in: its exact answer, and nothing else changed."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from disbursement.records.loans import Loan
from kernel.db import transaction
from kernel.personal import CardNumber
from kernel.web import signing
from origination.records.applications import ApplicationCard, ApplicationStatus
from origination.records.contracts import Contract
from tests.journeys import debtor as debtors
from tests.journeys.footprints import Footprints
from tests.journeys.house import said
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person
from tests.origination.front import builders as front
from tests.origination.front import sheets
from tests.origination.web import phone as steps
from tests.origination.web.phone import Phone
from underwriting.records.assessments import Assessment

PERSON, OTHER = Person(), Person(2)


@pytest.fixture
def phone(house) -> Phone:
    """The telephone of somebody who was invited and has done nothing yet."""
    world.load(house.partners.url, PERSON)
    debtors.referred(house, PERSON)
    return Phone(house.app, house.partners.url, PERSON)


def test_a_request_with_a_wrong_signature_is_refused_and_leaves_nothing(house):
    payload = front.payload()
    body = json.dumps(payload | {"card_last4": "9999"}).encode()
    before = Footprints.taken()

    answer = house.agency.post(
        "/v1/referrals", payload, signed=house.agency.signature("POST", "/v1/referrals", body)
    )

    assert_problem(answer, 401, "not_signed")
    assert before.since() == {}


def test_a_replayed_nonce_is_refused_even_with_everything_else_right(house):
    payload = front.payload()
    body = json.dumps(payload).encode()
    signed = house.agency.signature("POST", "/v1/referrals", body)
    first = house.agency.post("/v1/referrals", payload, signed=signed, idempotency_key="key-0001")
    before = Footprints.taken()

    again = house.agency.post("/v1/referrals", payload, signed=signed, idempotency_key="key-0001")
    fresh = house.agency.post("/v1/referrals", payload, signed=signed, idempotency_key="key-0002")

    assert first.status_code == 201
    assert_problem(again, 401, "not_signed")
    assert_problem(fresh, 401, "not_signed")
    assert before.since() == {}


def test_an_unknown_agency_is_refused_by_the_api_as_any_bad_signature_is(house):
    stranger = replace(house.agency, key=signing.IssuedKey(name="k_nobody", secret="x" * 43))
    before = Footprints.taken()

    answer = stranger.refer()

    assert_problem(answer, 401, "not_signed")
    assert before.since() == {}


def test_an_unknown_agency_is_refused_by_the_command_with_a_code_of_its_own(house, tmp_path):
    file = tmp_path / "cases.csv"
    file.write_bytes(sheets.csv_file(sheets.row()))
    before = Footprints.taken()

    result = house.command("import-referrals", str(file), "--agency", "nobody", "--json")

    assert (result.exit_code, said(result)["code"]) == (4, "unknown_agency")
    assert before.since() == {}


def test_one_key_with_another_body_is_refused_and_the_first_reply_stands(house):
    first = house.agency.refer(idempotency_key="key-0001")
    before = Footprints.taken()

    other = house.agency.refer(idempotency_key="key-0001", case_no="BC-0002")
    grown = before.grown()
    again = house.agency.refer(idempotency_key="key-0001")

    assert_problem(other, 422, "idempotency_key_reused")
    assert grown == {"used_nonce": 1}
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Hit"] == "true"


def test_an_id_number_with_a_wrong_check_digit_is_told_and_nobody_is_asked_about_it(house, phone):
    steps.agree(steps.sign_in(phone))
    right = PERSON.national_id.plain
    wrong = right[:-1] + ("1" if right[-1] != "1" else "2")
    before = Footprints.taken()

    phone.send(name=PERSON.name.plain, national_id=wrong)

    assert phone.status == 422
    assert phone.faults == ["请核对身份证号：18位，最后一位可以是X"]
    assert before.since() == {}
    # It cost no try: the right one is taken.
    phone.send(name=PERSON.name.plain, national_id=right)
    assert phone.path == "/apply/consents/bureau-query"


def test_a_card_of_an_unknown_bin_is_taken_and_the_issuer_decides(house, phone):
    number = make.card_number("999999000010001")
    world.load(house.partners.url, PERSON, world.card(number))
    steps.consent(steps.prove_identity(steps.sign_in(phone)))
    before = Footprints.taken()

    asked = phone.send(number=number.plain)
    first_answer, left = (asked.status, asked.faults), before.since()
    phone.send(number=number.plain, bank="CMB")
    verified_later = the_card(number).needs_verification
    finish(house, phone)

    assert first_answer == (422, ["我们没能从卡号认出发卡银行，请选择"])
    assert left == {}
    assert verified_later
    assert phone.open("/my").path == "/offer"


def test_a_card_that_fails_luhn_is_doubted_once_and_then_the_issuer_decides(house, phone):
    right = PERSON.card().plain
    number = CardNumber.parse(right[:-1] + str((int(right[-1]) + 1) % 10))
    world.load(house.partners.url, PERSON, world.card(number))
    steps.consent(steps.prove_identity(steps.sign_in(phone)))
    before = Footprints.taken()

    doubted = phone.send(number=number.plain)
    first_answer, left = (doubted.status, len(doubted.faults)), before.since()
    phone.send(number=number.plain)
    verified_later = the_card(number).needs_verification
    finish(house, phone)

    assert first_answer == (422, 1)
    assert left == {}
    assert verified_later
    assert phone.open("/my").path == "/offer"


@pytest.mark.parametrize("number", ["999999000010001", "622575000010001"])
def test_a_card_that_its_issuer_does_not_know_is_declined_with_that_reason(house, number):
    unknown = CardNumber.parse(number + "0")
    world.load(house.partners.url, PERSON)

    debtor = debtors.referred(house, PERSON).apply(unknown)
    house.run_jobs()

    assert debtor.status() is ApplicationStatus.DECLINED
    assert reasons() == ["card_unknown"]


def test_a_debit_card_is_refused_where_it_is_typed(house, phone):
    steps.consent(steps.prove_identity(steps.sign_in(phone)))
    before = Footprints.taken()

    phone.send(number=make.card_number("621286000000001").plain)

    assert phone.status == 422
    assert phone.faults == ["这是借记卡（储蓄卡），请填写要偿还欠款的信用卡卡号"]
    assert before.since() == {}


def test_a_debit_card_that_only_its_issuer_knows_as_one_is_declined(house):
    debit = world.card(PERSON.card(), account_type="debit")
    world.load(house.partners.url, PERSON, debit)

    debtor = debtors.referred(house, PERSON).apply()
    house.run_jobs()

    assert debtor.status() is ApplicationStatus.DECLINED
    assert reasons() == ["card_not_credit"]


def test_the_lenders_own_card_is_declined_where_nobody_else_lends(house_of_a_bank):
    world.load(house_of_a_bank.partners.url, PERSON)

    debtor = debtors.referred(house_of_a_bank, PERSON).apply()
    house_of_a_bank.run_jobs()

    assert debtor.status() is ApplicationStatus.DECLINED
    assert reasons() == ["card_of_funder"]
    assert counted(Loan) == 0


def test_a_card_in_a_live_application_is_refused_in_another_one(house, phone):
    world.load(house.partners.url, OTHER)
    debtors.referred(house, OTHER).apply(PERSON.card())
    steps.consent(steps.prove_identity(steps.sign_in(phone)))
    before = Footprints.taken()

    phone.send(number=PERSON.card().plain)

    assert (phone.status, phone.faults) == (409, ["该卡已在办理中的申请里"])
    assert before.since() == {}


def test_of_two_who_enter_one_card_at_the_same_moment_one_gets_it(house):
    phones = []
    for person in (PERSON, OTHER):
        world.load(house.partners.url, person)
        debtors.referred(house, person)
        phone = Phone(house.app, house.partners.url, person)
        phones.append(steps.consent(steps.prove_identity(steps.sign_in(phone))))
    at_once = threading.Barrier(2)

    def enter(phone: Phone) -> None:
        at_once.wait(5)
        phone.send(number=PERSON.card().plain)

    threads = [threading.Thread(target=enter, args=(phone,)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(phone.status for phone in phones) == [200, 409]
    assert counted(ApplicationCard) == 1


def test_an_expired_offer_can_neither_be_read_nor_signed(house, phone):
    to_signing(house, phone)
    house.clock.advance(timedelta(days=4))
    phone.open("/resume").send(mobile=PERSON.mobile.plain)
    phone.send("/code", code=phone.code())
    form = {"csrf_token": token_of(phone), "form_key": "k" * 24, "code": "123456"}
    before = Footprints.taken()

    read = phone.open("/offer").status
    signed = phone.post("/contract/sign", form).status

    assert (read, signed) == (410, 410)
    assert before.since() == {}
    house.run_jobs()
    assert phone.open("/my").path == "/ended"
    assert (counted(Contract), counted(Loan)) == (0, 0)


def test_a_second_signature_signs_nothing(house, phone):
    form = to_signing(house, phone)
    first = phone.post("/contract/sign", form).path
    before = Footprints.taken()

    same_form = phone.post("/contract/sign", form).path
    new_form = phone.post("/contract/sign", form | {"form_key": "k" * 24}).path

    assert (first, same_form, new_form) == ("/progress",) * 3
    assert before.since() == {}
    assert (counted(Contract), counted(Loan)) == (1, 1)


def to_signing(house, phone) -> dict[str, str]:
    """Walk to the code that signs, read long enough, and give the form with it."""
    steps.submit(phone)
    house.run_jobs()
    phone.open("/offer")
    house.clock.advance(timedelta(minutes=2))
    phone.open("/contract").send("/contract/code")
    return {**phone.form("/contract/sign").fields, "code": phone.code("签署")}


def token_of(phone) -> str:
    """Give the form token of the session, from any page that has a form."""
    return phone.open("/withdraw").form().fields["csrf_token"]


def finish(house, phone) -> None:
    """Fill the rest in after the card, and have it assessed."""
    phone.open("/my")
    phone.send(income_source="salary", monthly_income="8000", employment_months="40")
    phone.send(essential_costs="2500")
    phone.send()
    house.run_jobs()


def the_card(number: CardNumber) -> ApplicationCard:
    with transaction() as session:
        return session.scalars(
            select(ApplicationCard).where(ApplicationCard.last4 == number.last4)
        ).one()


def reasons() -> list[str]:
    with transaction() as session:
        (decision,) = session.scalars(select(Assessment.decision))
    return json.loads(decision)["reasons"]


def counted(kind: type) -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(kind)) or 0


def assert_problem(answer, status: int, code: str) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
