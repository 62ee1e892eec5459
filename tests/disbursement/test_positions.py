"""Money and the day's limit are set aside before anything is sent, for all workers at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from disbursement import accounts, funders, ledger, loans, positions, sending
from disbursement.ledger import Posting
from disbursement.matching import fees
from disbursement.positions import Payable, Shortage
from disbursement.records.channels import DailyUse, FundingHold, FundingPosition
from disbursement.records.payouts import LegStatus, WaitsFor
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement import builders as make
from tests.disbursement.funding import deposit, draw


def has(amount: str) -> None:
    """Let treasury say that the funder has so much."""
    with transaction() as session:
        funder, _ = make.lender(session)
        opening = Money.yuan(amount)
        positions.state_opening(session, funder, opening, by=make.CHECKER, at=make.TEN)


def position() -> FundingPosition:
    with transaction() as session:
        return session.scalars(select(FundingPosition)).one()


def holds() -> list[FundingHold]:
    with transaction() as session:
        return list(session.scalars(select(FundingHold).order_by(FundingHold.leg_id)))


def agrees() -> bool:
    with transaction() as session:
        return positions.check(session) == []


@pytest.fixture
def two(saga):
    """Give two approved payouts of 1,000.00, of which the funder can send one."""
    for serial in (1, 2):
        saga.partners.card(make.card_number(serial), "1000.00")
    saga.start(make.leg_order(1), make.leg_order(2))
    # A fee of 1.00 is set aside with each.
    has("2001.99")
    return saga


def test_what_does_not_fit_waits_is_told_once_and_is_not_sent(two):
    for _ in range(3):
        two.send()
        two.clock.advance(timedelta(minutes=11))

    sent = [leg for leg in two.legs() if leg.order_no]
    waiting = [leg for leg in two.legs() if leg.order_no is None]
    assert (len(sent), len(waiting)) == (1, 1)
    assert (waiting[0].status, waiting[0].waits_for) == (LegStatus.APPROVED, WaitsFor.FUNDS)
    assert not waiting[0].parked
    assert two.facts().count("payout.waiting") == 1
    assert len(two.partners.books()["orders"]) == 1
    assert agrees()


def test_what_waited_is_sent_when_money_comes(two):
    two.send()
    has("2002.00")

    two.clock.advance(timedelta(minutes=11))
    two.send()

    assert [leg.status for leg in two.legs()] == [LegStatus.ACCEPTED] * 2
    assert [leg.waits_for for leg in two.legs()] == [None] * 2
    assert positions.free(position()) == Money(0)


def test_money_that_the_books_show_counts_without_a_word_of_treasury(two):
    two.send()
    with transaction() as session:
        deposit(session, "0.01")

    two.clock.advance(timedelta(minutes=11))
    two.send()

    assert len(two.partners.books()["orders"]) == 2


def test_two_workers_cannot_both_take_the_last_of_it(two):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sending.send_due(two.surroundings), range(4)))

    assert len(two.partners.books()["orders"]) == 1
    assert sum(leg.order_no is not None for leg in two.legs()) == 1
    assert position().reserved == Money.yuan("1001.00")
    assert agrees()


def test_many_at_once_reserve_no_more_than_there_is(database):
    with transaction() as session:
        funder, _ = make.lender(session)
        make_legs(session, 20)
        opening = Money.yuan("5005.00")
        positions.state_opening(session, funder, opening, by=make.CHECKER, at=make.TEN)

    def reserve(number: int) -> Shortage | None:
        with transaction() as session:
            funder = funders.get(session, "hxcf")
            return positions.reserve(session, payable(funder, number), at=make.TEN)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(reserve, range(1, 21)))

    # 5 × (1,000.00 + 1.00) = 5,005.00.
    assert found.count(None) == 5
    assert found.count(Shortage.FUNDS) == 15
    assert positions.free(position()) == Money(0)
    assert agrees()


def make_legs(session, count: int) -> None:
    """Make rows for holds to point at; only their identities matter here."""
    for first in range(1, count + 1, 10):
        last = min(first + 9, count)
        orders = [make.leg_order(n, ceiling="1500.00") for n in range(first, last + 1)]
        loans.place(session, make.loan_order(*orders), by=make.DEBTOR, at=make.TEN)


def payable(funder, number: int, amount: str = "1000.00", **changed) -> Payable:
    with transaction() as session:
        leg_id = session.scalars(
            text("SELECT id FROM payout_leg WHERE card_ref = :ref"), {"ref": UUID(int=number)}
        ).one()
    fields = {
        "leg_id": leg_id,
        "funder": funder,
        "channel": "unionpay",
        "amount": Money.yuan(amount),
        "day": make.TEN.date(),
    }
    return Payable(**fields | changed)


def test_a_refused_payment_gives_its_money_and_its_limit_back(two):
    two.partners.fault(make.card_number(1), "refuse_61")
    two.partners.fault(make.card_number(2), "refuse_61")

    for _ in range(2):
        two.send()
        two.clock.advance(timedelta(minutes=11))

    assert position().reserved == Money(0)
    assert [hold.is_released for hold in holds()] == [True] * 2
    with transaction() as session:
        assert session.scalars(select(DailyUse.used)).all() == [Money(0)]
    assert agrees()


def test_a_paid_payment_stays_set_aside_until_the_bank_shows_it(two):
    two.send()
    two.ask(minutes=3)
    paid = position()

    with transaction() as session:
        positions.refresh(session, funders.get(session, "hxcf"), at=two.clock.now())

    assert paid.reserved == position().reserved == Money.yuan("1001.00")


def show(session, leg_id, amount: str) -> None:
    """Let the bank have shown a payment."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(
        text(
            """
            INSERT INTO matched_row (row_id, leg_id, kind, day, amount, at)
            VALUES (1, :leg, 'paid', '2026-11-20', :fen, now())
            """
        ),
        {"leg": leg_id, "fen": Money.yuan(amount).fen},
    )
    draw(session, amount)


def take_fee(session, leg_id) -> None:
    """Let the bank have taken the fee of a payment."""
    accounts.open_all(session, [accounts.channel_fees("unionpay")], at=make.TEN)
    ledger.post(
        session,
        Posting(
            id=fees.booking_id(leg_id),
            debit=accounts.channel_fees("unionpay"),
            credit=accounts.funding_bank("hxcf"),
            amount=Money.yuan("1.00"),
            reason="channel_fee",
            event_ref=leg_id,
            value_date=make.TEN.date(),
        ),
        at=make.TEN,
    )


def looked(*, days: int = 0) -> FundingPosition:
    with transaction() as session:
        funder = funders.get(session, "hxcf")
        return positions.refresh(session, funder, at=make.TEN + timedelta(days=days))


@pytest.fixture
def shown(database) -> UUID:
    """Give a payout of 1,000.00 that the bank shows, its fee of 1.00 not yet; 5,000.00 was there."""
    with transaction() as session:
        funder, _ = make.lender(session)
        make_legs(session, 1)
        opening = Money.yuan("5000.00")
        positions.state_opening(session, funder, opening, by=make.CHECKER, at=make.TEN)
    with transaction() as session:
        wanted = payable(funder, 1)
        assert positions.reserve(session, wanted, at=make.TEN) is None
        accounts.open_all(session, [accounts.in_transit("unionpay")], at=make.TEN)
    with transaction() as session:
        show(session, wanted.leg_id, "1000.00")
    return wanted.leg_id


def test_the_fee_of_a_payment_that_the_bank_shows_is_spoken_for_until_it_is_booked(shown):
    before = looked()
    assert agrees()
    with transaction() as session:
        take_fee(session, shown)
    assert agrees()
    after = looked()

    assert (before.reserved, positions.free(before)) == (Money.yuan("1.00"), Money.yuan("3999.00"))
    assert (after.reserved, positions.free(after)) == (Money(0), Money.yuan("3999.00"))
    assert agrees()


def test_a_fee_that_never_comes_is_not_spoken_for_for_ever(shown):
    looked()

    late = looked(days=11)

    assert positions.free(late) == Money.yuan("4000.00")
    assert agrees()


def test_a_returned_payment_stays_set_aside_until_the_bank_shows_it_leaving(two):
    two.partners.fault(make.card_number(1), "return_later")
    two.partners.fault(make.card_number(2), "return_later")
    two.send()
    two.ask(minutes=3)
    two.ask(days=1, hours=6)

    assert LegStatus.RETURNED in [leg.status for leg in two.legs()]
    assert position().reserved >= Money.yuan("1001.00")
    assert agrees()


def test_asking_twice_for_the_same_payout_sets_it_aside_once(database):
    with transaction() as session:
        funder, _ = make.lender(session)
        make_legs(session, 1)
    wanted = payable(funder, 1)

    for _ in range(2):
        with transaction() as session:
            assert positions.reserve(session, wanted, at=make.TEN) is None

    assert position().reserved == Money.yuan("1001.00")
    for _ in range(2):
        with transaction() as session:
            positions.release(session, wanted.leg_id, at=make.TEN)
    assert position().reserved == Money(0)
    assert agrees()


def test_the_days_limit_of_a_channel_is_per_funder_and_day(database, tmp_path, monkeypatch):
    (tmp_path / "payout_limits.toml").write_text(
        "[[rule]]\nin_force = 2020-01-01\nsource = 'a test'\n"
        "[[rule.limit]]\nchannel = 'unionpay'\nsingle = '1000.00'\ndaily = '9999.00'\n"
        "[[rule.limit]]\nchannel = 'unionpay'\nfunder = 'hxcf'\n"
        "single = '1000.00'\ndaily = '2500.00'\n"
    )
    here = positions.limits("unionpay", "hxcf", on=make.TEN.date(), folder=tmp_path)
    there = positions.limits("unionpay", "other", on=make.TEN.date(), folder=tmp_path)
    monkeypatch.setattr(positions, "limits", lambda *_, **__: here)
    with transaction() as session:
        funder, _ = make.lender(session)
        make_legs(session, 4)
    wanted = [payable(funder, n) for n in (1, 2, 3)]
    tomorrow = payable(funder, 4, day=make.TEN.date() + timedelta(days=1))
    large = payable(funder, 4, amount="1000.01")

    with transaction() as session:
        found = [positions.reserve(session, one, at=make.TEN) for one in (*wanted, tomorrow)]
        single = positions.reserve(session, large, at=make.TEN)

    assert found == [None, None, Shortage.DAILY_LIMIT, None]
    assert single is Shortage.SINGLE_LIMIT
    assert there.daily == Money.yuan("9999.00")
    assert agrees()


def test_above_the_single_limit_a_payout_is_parked_for_a_person(saga, monkeypatch):
    tight = positions.Limits(single=Money.yuan("999.99"), daily=Money.yuan("5000.00"))
    monkeypatch.setattr(positions, "limits", lambda *_, **__: tight)
    saga.partners.card(make.card_number(1), "1000.00")
    saga.start(make.leg_order(1))

    saga.send()

    assert (saga.leg().parked, saga.leg().order_no) == (True, None)
    assert "payout.stopped" in saga.facts()


def test_a_funder_of_whom_nobody_knows_what_he_has_sends_nothing(saga):
    saga.partners.card(make.card_number(1), "1000.00")
    saga.start(make.leg_order(1))
    with transaction() as session:
        session.execute(text("DELETE FROM funding_position"))

    saga.send()

    assert saga.leg().waits_for is WaitsFor.FUNDS
    assert saga.partners.books()["orders"] == []


def test_a_position_that_was_tampered_with_is_named(two):
    two.send()
    with transaction() as session:
        session.execute(text("UPDATE funding_position SET reserved = reserved - 1"))
        session.execute(text("UPDATE daily_use SET used = used + 1"))

    with transaction() as session:
        found = positions.check(session)

    assert len(found) == 2
    assert "position of funder" in found[0] + found[1]
    assert "limit of unionpay" in found[0] + found[1]
    with transaction() as session:
        session.execute(text("UPDATE funding_position SET reserved = reserved + 1"))
        session.execute(text("UPDATE daily_use SET used = used - 1"))
