"""One breaker and one pace per channel, shared by all workers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from disbursement import pacing, sending
from disbursement.records.channels import ChannelState
from disbursement.records.payouts import LegStatus
from kernel.db import transaction
from tests.disbursement import builders as make

NOW = make.TEN
PACE = pacing.pace("unionpay", on=NOW.date())


def leave(after: float = 0.0) -> pacing.Leave:
    with transaction() as session:
        return pacing.ask_leave(session, "unionpay", now=NOW + timedelta(seconds=after))


def tell(*, heard: bool, after: float = 0.0) -> None:
    with transaction() as session:
        pacing.told(session, "unionpay", heard=heard, now=NOW + timedelta(seconds=after))


def state() -> ChannelState | None:
    with transaction() as session:
        return session.scalar(select(ChannelState))


def silence(times: int = PACE.silences) -> None:
    for _ in range(times):
        tell(heard=False)


def facts() -> list[str]:
    with transaction() as session:
        return list(session.scalars(text("SELECT kind FROM event ORDER BY id")))


def test_a_burst_may_leave_at_once_and_then_one_at_a_time(database):
    with transaction() as session:
        given = [
            pacing.ask_leave(session, "unionpay", now=NOW).is_given for _ in range(PACE.burst + 3)
        ]

    assert given == [True] * PACE.burst + [False] * 3
    # A hundred a second: one more after 10 ms, and no second one with it.
    assert leave(0.01).is_given
    late = leave(0.01)
    assert not late.is_given
    assert late.ask_again == NOW + timedelta(seconds=0.02)


def test_a_worker_whose_clock_was_an_hour_fast_holds_nobody_up(database):
    hour = 3_600.0
    assert leave(hour).is_given

    assert leave().is_given


def worth_asking(after: float = 0.0) -> bool:
    with transaction() as session:
        return pacing.may_leave(session, "unionpay", now=NOW + timedelta(seconds=after))


def test_a_breaker_opened_by_a_clock_an_hour_fast_is_open_no_longer_than_any_other(database):
    hour = 3_600.0
    for _ in range(PACE.silences):
        tell(heard=False, after=hour)

    asked = worth_asking()
    shut = leave()
    waiting = worth_asking(PACE.open_seconds - 1)
    after = leave(PACE.open_seconds)

    # By the fast clock it would be shut until an hour from now.
    assert asked
    assert not shut.is_given
    assert shut.ask_again == NOW + timedelta(seconds=PACE.open_seconds)
    assert not waiting
    assert after.is_probe


def test_a_try_begun_by_a_clock_an_hour_fast_keeps_the_others_waiting_no_longer(database):
    silence()
    assert leave(3_600.0).is_probe

    asked = worth_asking(PACE.open_seconds)
    shut = leave(PACE.open_seconds)
    later = PACE.open_seconds + pacing.PROBE_SECONDS

    assert asked
    assert not shut.is_given
    assert not leave(later - 1).is_given
    assert leave(later).is_probe


def test_a_slow_time_begun_by_a_clock_an_hour_fast_lasts_no_longer_than_any_other(database):
    silence()
    hour = 3_600.0
    leave(hour)
    tell(heard=True, after=hour)
    leave()
    later = PACE.drain_minutes * 60 + 1

    given = [leave(later).is_given for _ in range(PACE.burst)]

    assert all(given)


def test_workers_at_once_get_no_more_leaves_than_there_are(database, monkeypatch):
    few = pacing.Pace(**{name: getattr(PACE, name) for name in PACE.__slots__} | {"burst": 10})
    monkeypatch.setattr(pacing, "pace", lambda *_, **__: few)

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: leave().is_given, range(40)))

    assert sum(given) == 10


def test_the_breaker_opens_after_so_many_silences_in_a_row(database):
    silence(PACE.silences - 1)
    tell(heard=True)
    silence(PACE.silences - 1)
    still = leave()
    tell(heard=False)
    shut = leave()

    assert still.is_given
    assert not shut.is_given
    assert shut.ask_again == NOW + timedelta(seconds=PACE.open_seconds)
    assert facts() == ["channel.silent"]


def test_after_its_time_one_worker_alone_tries_the_channel(database):
    silence()

    with ThreadPoolExecutor(8) as pool:
        tries = list(pool.map(lambda _: leave(PACE.open_seconds), range(16)))

    assert sum(one.is_given for one in tries) == 1
    assert [one.is_probe for one in tries if one.is_given] == [True]


def test_a_try_that_is_heard_closes_the_breaker_and_what_piled_up_drains_slowly(database):
    silence()
    leave(PACE.open_seconds)
    tell(heard=True, after=PACE.open_seconds)

    given = [leave(PACE.open_seconds).is_given for _ in range(PACE.drain_burst + 5)]

    assert given == [True] * PACE.drain_burst + [False] * 5
    # Five a second now instead of a hundred.
    assert leave(PACE.open_seconds + 0.2).is_given
    assert not leave(PACE.open_seconds + 0.2).is_given
    assert facts() == ["channel.silent", "channel.answers_again"]


def test_the_agreed_pace_is_back_when_the_slow_time_is_over(database):
    silence()
    leave(PACE.open_seconds)
    tell(heard=True, after=PACE.open_seconds)
    later = PACE.open_seconds + PACE.drain_minutes * 60

    given = sum(leave(later).is_given for _ in range(PACE.drain_burst + 50))

    assert given == PACE.drain_burst + 50


def test_a_try_in_silence_keeps_the_breaker_open_twice_as_long_up_to_its_end(database):
    silence()
    at, waits = 0.0, []
    for _ in range(6):
        opened = leave(at)
        at = (opened.ask_again - NOW).total_seconds()
        waits.append(at)
        assert leave(at).is_probe
        tell(heard=False, after=at)

    # 30, then each 60, 120, 240, 300, 300 later.
    assert waits == [30, 90, 210, 450, 750, 1050]


def test_a_worker_that_died_over_its_try_gives_way(database):
    silence()
    first = leave(PACE.open_seconds)
    waiting = leave(PACE.open_seconds + pacing.PROBE_SECONDS - 1)
    second = leave(PACE.open_seconds + pacing.PROBE_SECONDS)

    assert (first.is_probe, waiting.is_given, second.is_probe) == (True, False, True)


def test_late_silences_of_before_do_not_keep_it_open_for_longer(database):
    silence()
    silence(20)

    assert state().open_until == NOW + timedelta(seconds=PACE.open_seconds)
    assert state().trips == 1


def test_an_answer_that_changes_nothing_locks_nothing(database):
    tell(heard=True)

    assert state() is None


def test_other_channels_go_on(database):
    silence()

    with transaction() as session:
        assert pacing.ask_leave(session, "bank_direct", now=NOW).is_given


def test_a_channel_that_is_down_for_an_hour_is_left_alone_and_then_drained(saga):
    for serial in range(1, 9):
        saga.partners.card(make.card_number(serial), "1000.00")
    saga.start(*(make.leg_order(n, ceiling="1100.00") for n in range(1, 9)))
    saga.partners.outage("channel", "http_500")

    for _ in range(60):
        saga.send()
        saga.ask(minutes=1)
    tried = len(saga.evidence())
    saga.partners.outage("channel", "off")
    for _ in range(15):
        saga.send()
        saga.ask(minutes=7)

    # Each minute 3 legs would have been sent and asked about: the breaker kept most from it.
    assert tried < 30
    assert {leg.status for leg in saga.legs()} <= {LegStatus.PAID, LegStatus.UNKNOWN}
    unsent = [leg for leg in saga.legs() if leg.order_no is None]
    assert unsent == []
    assert saga.facts().count("channel.silent") == 1
    assert saga.facts().count("channel.answers_again") == 1


@pytest.mark.parametrize("loop", [sending.send_due, sending.query_due])
def test_nothing_is_claimed_while_the_breaker_is_open(saga, loop):
    saga.partners.card(make.card_number(1), "1000.00")
    saga.start(make.leg_order(1))
    with transaction() as session:
        for _ in range(PACE.silences):
            pacing.told(session, "unionpay", heard=False, now=saga.clock.now())

    assert loop(saga.surroundings) == 0
    assert saga.leg().claimed_by is None
    assert saga.partners.books()["orders"] == []
