"""Signing in by a code: the same answer to everybody, five tries, and the way back."""

from __future__ import annotations

from datetime import timedelta

from kernel import db
from origination.records.applications import Application
from origination.records.messages import Message
from tests.origination.apply import builders as make
from tests.origination.apply.builders import Person
from tests.origination.web import phone as steps
from tests.origination.web.phone import Phone

STRANGER = "13811112222"


def asked(phone: Phone, mobile: str) -> Phone:
    return phone.open("/resume").send(mobile=mobile)


def wrong(phone: Phone) -> str:
    return "000000" if phone.code() != "000000" else "111111"


def twin_of(phone: Phone) -> Phone:
    """The same browser at its second click: the answer to the first one has not come yet."""
    twin = Phone(phone.client.application, phone.sandbox, phone.person)
    kept = phone.client.get_cookie("session")
    assert kept is not None
    twin.client.set_cookie("session", kept.value)
    return twin


def applications() -> int:
    with db.transaction() as session:
        return session.query(Application).count()


def test_a_number_nobody_knows_gets_the_same_answer_and_no_message(phone):
    known = asked(phone, phone.person.mobile.plain)
    known_words = known.text.replace(phone.person.mobile.masked, "M")
    unknown = asked(Phone(phone.client.application, phone.sandbox, phone.person), STRANGER)

    assert unknown.path == "/code"
    assert steps_of(unknown.text.replace("138****2222", "M")) == steps_of(known_words)
    with db.transaction() as session:
        assert session.query(Message).filter_by(template="sign_in_code").count() == 1


def steps_of(page: str) -> list[str]:
    return [
        line for line in page.splitlines() if "csrf_token" not in line and "form_key" not in line
    ]


def test_a_mobile_that_is_none_is_asked_for_again_with_what_was_typed(phone):
    phone.open("/resume").send(mobile="12ab")

    assert phone.status == 422
    assert "<title>出错：" in phone.text
    assert phone.faults == ["请输入11位手机号，例如 139 0000 0001"]
    assert 'value="12ab"' in phone.text


def test_full_width_digits_and_blanks_are_read_as_they_are_meant(phone):
    wide = phone.person.mobile.plain.translate(str.maketrans("0123456789", "０１２３４５６７８９"))

    asked(phone, f"{wide[:3]} {wide[3:]}")

    assert phone.path == "/code"


def test_five_wrong_codes_use_the_code_up(phone):
    asked(phone, phone.person.mobile.plain)
    right = phone.code()

    answers = [phone.send("/code", code=wrong(phone)).status for _ in range(5)]
    phone.send("/code", code=right)

    assert answers == [403] * 5
    assert phone.status == 410
    assert phone.faults == ["验证码已失效，请重新获取"]


def test_a_new_code_comes_after_a_minute_and_not_before(phone, outside):
    asked(phone, phone.person.mobile.plain)

    at_once = phone.send("/code/again").status
    outside.clock.advance(timedelta(seconds=61))
    later = phone.send("/code/again").status

    assert (at_once, later) == (429, 200)


def test_the_same_form_sent_twice_lets_in_twice_and_begins_one_application(phone):
    phone.open(phone.invitation()).send(answer="start")
    phone.send(mobile=phone.person.mobile.plain)
    fields = {**phone.form("/code").fields, "code": phone.code()}
    twin = twin_of(phone)

    paths = [hand.post("/code", fields).path for hand in (phone, twin)]

    assert paths == ["/apply/consents/identity-check"] * 2
    assert applications() == 1


def test_asking_twice_in_one_moment_leads_to_the_same_page(phone):
    fields = {**phone.open("/resume").form().fields, "mobile": phone.person.mobile.plain}

    paths = [phone.post("/resume", fields).path for _ in range(2)]

    assert paths == ["/code"] * 2


def test_an_invitation_is_taken_up_by_its_own_number_only(phone, outside):
    other = Person(number=2)
    with db.transaction() as session:
        make.started(session, other, agency="nanxing")
    path = phone.invitation()

    phone.open(path).send(answer="start").send(mobile=other.mobile.plain)
    thief = Phone(phone.client.application, phone.sandbox, other)
    phone.send("/code", code=thief.code())

    assert phone.status == 403
    assert phone.open("/my").path == "/resume"


def test_somebody_who_never_used_a_link_is_told_to_use_it(phone):
    asked(phone, phone.person.mobile.plain).send("/code", code=phone.code())

    assert phone.status == 404
    assert "请从邀请短信中的链接进入" in phone.text


def test_coming_back_leads_to_the_first_step_that_is_not_finished(phone, outside):
    steps.consent(steps.prove_identity(steps.sign_in(phone)))
    phone.send(number=phone.person.card().plain)
    outside.clock.advance(timedelta(hours=3))
    expired = phone.open("/my").path

    phone.send(mobile=phone.person.mobile.plain).send("/code", code=phone.code())

    assert expired == "/resume"
    assert phone.path == "/apply/income"


def test_a_session_that_was_left_opens_nothing(phone):
    steps.sign_in(phone)

    phone.send("/leave")

    assert phone.path == "/"
    assert phone.open("/my").path == "/resume"


def test_the_cookie_between_the_pages_does_not_hold_the_mobile(phone):
    asked(phone, phone.person.mobile.plain)

    cookie = phone.client.get_cookie("session")

    assert cookie is not None
    assert phone.person.mobile.plain not in cookie.value
    assert phone.person.mobile.plain not in phone.text
