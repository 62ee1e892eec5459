"""Messages are written down first, sent within the hours and the limit, and never lost."""

from __future__ import annotations

import string
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from kernel import db, ids, moves
from kernel.clock import shanghai
from kernel.personal import Mobile
from kernel.sealing import Reveal
from origination import messages
from origination.messages import Wording
from origination.records.messages import MESSAGE_MOVES, Message, MessageStatus
from origination.records.referrals import Locale
from tests.conftest import TODAY
from tests.origination.front import builders as make

LINK = "https://daichang.example/a/1"
NIGHT = shanghai(TODAY, 23)
MORNING = shanghai(TODAY + timedelta(days=1), 8)


def notice(template="offer_ready", **values):
    return Wording(template=template, locale=Locale.ZH, values=values or {"link": LINK})


def code():
    return notice("sign_in_code", code="123456")


def queue(session, wording=None, *, mobile=make.MOBILE, at=make.NOON):
    return messages.queue(session, mobile, wording or notice(), once_for=ids.new(), at=at)


def claim(session, *, at=make.NOON, worker="w1", **options):
    return messages.claim(session, worker=worker, at=at, **options)


def test_every_text_exists_in_both_languages_with_its_blanks_and_fits():
    for name, template in messages.templates().items():
        for locale in Locale:
            blanks = {part[1] for part in string.Formatter().parse(template.texts[locale])}
            assert blanks - {None} == template.fields, name
            assert len(template.texts[locale]) < messages.TEXT_MAX - 150, name
        assert template.requested == (template.lifetime is not None), name


def test_the_text_and_the_mobile_cannot_be_read_in_the_database(session):
    queue(session, code())
    session.flush()

    rows = session.execute(
        text("SELECT m::text || s::text FROM message m, message_step s")
    ).scalar_one()

    for secret in ("123456", make.MOBILE.plain):
        assert secret not in rows
        assert secret.encode().hex() not in rows
    assert "123456" not in repr(session.scalars(select(Message)).one().text)


def test_one_subject_gets_one_message_of_a_template(session):
    subject = ids.new()

    first = messages.queue(session, make.MOBILE, notice(), once_for=subject, at=make.NOON)
    again = messages.queue(session, make.MOBILE, notice(), once_for=subject, at=make.NOON)
    other = messages.queue(
        session,
        make.MOBILE,
        notice("loan_active"),
        once_for=subject,
        at=make.NOON,
    )

    assert again.id == first.id
    assert other.id != first.id


def test_a_wording_with_other_blanks_is_our_own_mistake(session):
    with pytest.raises(AssertionError, match="blanks"):
        queue(session, notice(agency="x"))


def test_at_night_only_what_was_asked_for_is_due(session):
    asked, unasked = queue(session, code(), at=NIGHT), queue(session, at=NIGHT)

    assert [d.message_id for d in claim(session, at=NIGHT)] == [asked.id]
    assert unasked.next_attempt_at == MORNING
    assert [d.message_id for d in claim(session, at=MORNING)] == [unasked.id]


def test_a_message_queued_by_day_and_found_at_night_waits_for_the_morning(session):
    message = queue(session)

    assert claim(session, at=NIGHT) == []
    assert message.next_attempt_at == MORNING


def test_a_claimed_message_is_taken_by_nobody_else_until_the_claim_runs_out(session):
    message = queue(session)
    first = claim(session)

    assert claim(session, worker="w2") == []
    later = make.NOON + timedelta(seconds=messages.CLAIM_SECONDS)
    second = claim(session, worker="w2", at=later)

    assert [d.reference for d in first] == [d.reference for d in second] == [message.reference]


def test_claiming_opens_the_plain_values_and_leaves_audit_rows(session):
    message = queue(session)

    [dispatch] = claim(session)

    assert dispatch.mobile == make.MOBILE
    assert LINK in dispatch.text.plain
    assert LINK not in repr(dispatch)
    looks = session.scalars(select(Reveal).where(Reveal.subject == message.id)).all()
    assert {look.kind for look in looks} == {"mobile", "message_text"}


def test_the_seventh_unasked_message_of_a_day_waits_for_the_next(session):
    queued = [queue(session) for _ in range(8)]
    other = queue(session, mobile=Mobile.parse("13900000002"))

    taken = {d.message_id for d in claim(session)}

    assert len(taken & {message.id for message in queued}) == 6
    assert other.id in taken
    waiting = [message for message in queued if message.id not in taken]
    assert {message.next_attempt_at for message in waiting} == {MORNING}


def test_sent_messages_count_for_the_day_and_codes_do_not(session):
    for _ in range(6):
        queue(session)
    for dispatch in claim(session):
        messages.delivered(session, dispatch, gateway_id="SM1", at=make.NOON)
    seventh, asked = queue(session), queue(session, code())

    assert [d.message_id for d in claim(session)] == [asked.id]
    assert [d.message_id for d in claim(session, at=MORNING)] == [seventh.id]


def test_two_workers_at_once_do_not_pass_the_daily_limit(database):
    with db.transaction() as session:
        for _ in range(12):
            queue(session)
    start = threading.Barrier(4)

    def work(number):
        start.wait(10)
        with db.transaction() as session:
            return len(claim(session, worker=f"w{number}", limit=3))

    with ThreadPoolExecutor(4) as pool:
        taken = sum(pool.map(work, range(4)))

    assert taken == 6


def test_a_taken_message_is_sent_once_and_a_second_report_changes_nothing(session):
    message = queue(session)
    [dispatch] = claim(session)

    messages.delivered(session, dispatch, gateway_id="SM1", at=make.NOON)
    messages.delivered(session, dispatch, gateway_id="SM2", at=make.NOON)
    messages.failed(session, dispatch, reason="late", at=make.NOON)

    assert message.status is MessageStatus.SENT
    assert message.gateway_id == "SM1"
    assert claim(session, at=make.NOON + timedelta(hours=1)) == []


def test_after_five_failures_a_message_is_parked_under_the_same_reference(session):
    message = queue(session)
    reference, at, gaps = message.reference, make.NOON, []
    for _ in range(5):
        [dispatch] = claim(session, at=at)
        assert dispatch.reference == reference
        messages.failed(session, dispatch, reason="no reply in time", at=at)
        gaps.append(int((message.next_attempt_at - at).total_seconds() // 60))
        at = message.next_attempt_at

    assert message.status is MessageStatus.PARKED
    # One minute, doubled after every failure.
    assert gaps == [1, 2, 4, 8, 16]
    assert moves.history(session, message, table=MESSAGE_MOVES)[-1].reason == "no reply in time"
    assert claim(session, at=at + timedelta(hours=1)) == []


def test_a_parked_message_can_be_queued_again_by_a_person(session):
    message = queue(session)
    at = make.NOON
    for _ in range(5):
        [dispatch] = claim(session, at=at)
        messages.failed(session, dispatch, reason="down", at=at)
        at = message.next_attempt_at

    messages.requeue(session, message, by=make.SETUP, at=at)

    assert [d.reference for d in claim(session, at=at)] == [message.reference]


def test_the_gateways_late_word_counts_even_for_a_parked_message(session):
    message = queue(session)
    at = make.NOON
    for _ in range(5):
        [dispatch] = claim(session, at=at)
        messages.failed(session, dispatch, reason="down", at=at)
        at = message.next_attempt_at

    messages.delivered(session, dispatch, gateway_id="SM9", at=at)

    assert message.status is MessageStatus.SENT


def test_a_failure_of_a_lost_claim_is_ignored(session):
    message = queue(session)
    [lost] = claim(session)
    later = make.NOON + timedelta(seconds=messages.CLAIM_SECONDS)
    claim(session, worker="w2", at=later)

    messages.failed(session, lost, reason="late", at=later)

    assert message.attempts == 0
    assert message.claimed_by == "w2"


def test_a_code_that_is_too_old_is_not_sent_any_more(session):
    message = queue(session, code())

    assert claim(session, at=make.NOON + timedelta(minutes=5)) == []
    assert message.status is MessageStatus.PARKED


def test_a_message_that_cannot_be_opened_is_parked_and_the_others_go_on(session):
    broken, whole = queue(session), queue(session)
    session.flush()
    session.execute(
        text("UPDATE message SET text = set_byte(text, 30, get_byte(text, 30) # 1) WHERE id = :id"),
        {"id": broken.id},
    )

    taken = claim(session)

    assert [dispatch.message_id for dispatch in taken] == [whole.id]
    assert broken.status is MessageStatus.PARKED
