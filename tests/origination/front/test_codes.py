"""A one-time code opens one door, once, for a few minutes, and guessing is hopeless."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from kernel import db, ids
from kernel.personal import Mobile
from origination import codes, messages
from origination.codes import (
    CodeAnswer,
    CodeDead,
    CodeMalformed,
    CodeUse,
    CodeWrong,
    TooManyCodes,
)
from origination.records.codes import CodePurpose, NetworkAddress, OneTimeCode
from origination.records.messages import Message
from origination.records.referrals import Locale
from tests.origination.front import builders as make

MINUTE = timedelta(minutes=1)
HOME = NetworkAddress("192.0.2.7")


def send(session, *, mobile=make.MOBILE, use=codes.SIGN_IN, address=HOME, at=make.NOON):
    return codes.send(session, mobile, use, address=address, locale=Locale.ZH, at=at)


def sent_digits(session, at=make.NOON):
    """Read the code where the debtor reads it: in the latest message."""
    [dispatch] = messages.claim(session, worker="telephone", at=at)
    messages.delivered(session, dispatch, gateway_id="SM1", at=at)
    return "".join(filter(str.isdigit, dispatch.text.plain.split("，")[0]))


def check(session, digits, *, use=codes.SIGN_IN, at=make.NOON):
    return codes.check(session, make.MOBILE, digits, use=use, at=at)


def other_than(digits):
    return f"{(int(digits) + 1) % 1_000_000:06d}"


@pytest.fixture
def known(session):
    return make.invited_quietly(session, make.agency(session))


def test_the_code_from_the_message_is_accepted_once(session, known):
    sent = send(session)
    digits = sent_digits(session)

    assert sent.expires_at == make.NOON + 5 * MINUTE
    assert check(session, digits) is CodeAnswer.ACCEPTED
    assert check(session, digits) is CodeAnswer.DEAD


def test_full_width_digits_and_blanks_are_read(session, known):
    send(session)
    wide = sent_digits(session).translate(str.maketrans("0123456789", "０１２３４５６７８９"))

    assert check(session, f" {wide[:3]} {wide[3:]} ") is CodeAnswer.ACCEPTED


@pytest.mark.parametrize("entered", ["", "12345", "1234567", "12a456", "十二三四五六", "\x00" * 6])
def test_what_is_not_six_digits_costs_no_try(session, known, entered):
    send(session)
    digits = sent_digits(session)

    for _ in range(7):
        with pytest.raises(CodeMalformed):
            check(session, entered)

    assert check(session, digits) is CodeAnswer.ACCEPTED


def test_after_five_wrong_tries_even_the_right_code_is_dead(session, known):
    send(session)
    digits = sent_digits(session)

    answers = [check(session, other_than(digits)) for _ in range(5)]

    assert answers == [CodeAnswer.WRONG] * 5
    assert check(session, digits) is CodeAnswer.DEAD


def test_a_code_lives_five_minutes(session, known):
    send(session)
    digits = sent_digits(session)

    assert check(session, digits, at=make.NOON + 5 * MINUTE) is CodeAnswer.DEAD


def test_a_newer_code_puts_the_older_one_out_of_use(session, known):
    send(session)
    old = sent_digits(session)
    later = make.NOON + MINUTE
    send(session, at=later)
    new = sent_digits(session, at=later)

    if old != new:  # one time in a million they are the same
        assert check(session, old, at=later) is CodeAnswer.WRONG
    assert check(session, new, at=later) is CodeAnswer.ACCEPTED


def test_a_code_opens_only_the_door_it_was_sent_for(session, known):
    offer, another = ids.new(), ids.new()
    use = CodeUse(purpose=CodePurpose.SIGN_CONTRACT, subject_id=offer)
    send(session, use=use)
    digits = sent_digits(session)

    elsewhere = CodeUse(purpose=CodePurpose.SIGN_CONTRACT, subject_id=another)
    assert check(session, digits) is CodeAnswer.DEAD
    assert check(session, digits, use=elsewhere) is CodeAnswer.DEAD
    assert check(session, digits, use=use) is CodeAnswer.ACCEPTED


def test_a_number_we_do_not_know_gets_the_same_answer_and_no_message(session, known):
    stranger = Mobile.parse("13900000008")

    for_known = send(session)
    for_stranger = send(session, mobile=stranger, address=NetworkAddress("192.0.2.8"))

    assert for_stranger == for_known
    assert len(session.scalars(select(Message).where(Message.requested)).all()) == 1
    answers = {
        codes.check(session, stranger, f"{guess:06d}", use=codes.SIGN_IN, at=make.NOON)
        for guess in range(5)
    }
    assert answers == {CodeAnswer.WRONG}


def test_the_limits_are_the_same_for_known_and_unknown_numbers(session, known):
    for number, mobile in enumerate([make.MOBILE, Mobile.parse("13900000008")]):
        address = NetworkAddress(f"192.0.2.{number}")
        at = make.NOON
        for _ in range(5):
            send(session, mobile=mobile, address=address, at=at)
            at += 2 * MINUTE

        with pytest.raises(TooManyCodes):
            send(session, mobile=mobile, address=address, at=at)
        # The first one of the hour is forgotten after an hour.
        send(session, mobile=mobile, address=address, at=make.NOON + 60 * MINUTE)


def test_a_minute_lies_between_two_codes(session, known):
    send(session)

    with pytest.raises(TooManyCodes):
        send(session, at=make.NOON + timedelta(seconds=59))
    send(session, at=make.NOON + MINUTE)


def test_fifteen_codes_a_day_are_enough(session, known):
    at = make.NOON
    for _ in range(15):
        send(session, at=at)
        at += 20 * MINUTE

    with pytest.raises(TooManyCodes):
        send(session, at=at)
    send(session, at=make.NOON + timedelta(days=1))


def test_one_address_cannot_ask_for_every_number(session):
    for number in range(codes.PER_ADDRESS_HOUR):
        send(session, mobile=Mobile.parse(f"139000001{number:02d}"))

    with pytest.raises(TooManyCodes):
        send(session, mobile=Mobile.parse("13900000199"))
    send(session, mobile=Mobile.parse("13900000199"), address=NetworkAddress("192.0.2.8"))


def test_neither_digits_nor_numbers_nor_addresses_are_in_the_database(session, known):
    send(session)
    digits = sent_digits(session)
    session.flush()

    tables = session.execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ).scalars()
    for table in tables.all():
        rows = "\n".join(session.execute(text(f'SELECT t::text FROM "{table}" t')).scalars())
        for secret in (make.MOBILE.plain, HOME.plain):
            assert secret not in rows, table
            assert secret.encode().hex() not in rows, table
        assert f"验证码 {digits}" not in rows, table
        assert f"验证码 {digits}".encode().hex() not in rows, table


def test_the_answer_is_turned_into_a_refusal_after_the_commit():
    codes.require(CodeAnswer.ACCEPTED)
    with pytest.raises(CodeWrong):
        codes.require(CodeAnswer.WRONG)
    with pytest.raises(CodeDead):
        codes.require(CodeAnswer.DEAD)


def test_guesses_at_the_same_time_all_cost_a_try(database):
    with db.transaction() as session:
        make.invited_quietly(session, make.agency(session))
        send(session)
        digits = sent_digits(session)
    start = threading.Barrier(8)

    def guess(_):
        start.wait(10)
        with db.transaction() as session:
            return check(session, other_than(digits))

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(guess, range(8)))

    assert answers == [CodeAnswer.DEAD] * 3 + [CodeAnswer.WRONG] * 5


def test_the_right_code_entered_twice_at_once_is_accepted_once(database):
    with db.transaction() as session:
        make.invited_quietly(session, make.agency(session))
        send(session)
        digits = sent_digits(session)
    start = threading.Barrier(4)

    def enter(_):
        start.wait(10)
        with db.transaction() as session:
            return check(session, digits)

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(enter, range(4)))

    assert answers == [CodeAnswer.ACCEPTED] + [CodeAnswer.DEAD] * 3


def test_requests_at_the_same_time_do_not_pass_the_limit(database):
    start = threading.Barrier(6)

    def ask(number):
        start.wait(10)
        try:
            with db.transaction() as session:
                send(session, address=NetworkAddress(f"192.0.2.{number}"))
        except TooManyCodes:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        allowed = list(pool.map(ask, range(6)))

    with db.transaction() as session:
        assert len(session.scalars(select(OneTimeCode)).all()) == 1
    assert sum(allowed) == 1
