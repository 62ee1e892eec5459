from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disbursement import schedule
from kernel.money import Money
from kernel.rates import Rate
from tests.underwriting.builders import ref
from underwriting import budget, limits, policy
from underwriting.limits import Candidate, CardOrder, Constraint

yuan = Money.yuan
STEP = yuan("100.00")
AMOUNTS = st.integers(-(10**6), 10**8).map(Money)
CEILINGS = st.fixed_dictionaries(dict.fromkeys(Constraint, AMOUNTS))


def candidate(number: int, ceiling: int, saving: int, *, late: bool = False) -> Candidate:
    return Candidate(
        is_delinquent=late,
        card_ref=ref(number),
        amount=Money(ceiling),
        ceiling=Money(ceiling),
        minimum_due=Money(ceiling // 10),
        saving=Money(saving),
    )


CANDIDATES = st.lists(
    st.tuples(st.integers(1, 50_000), st.integers(-5_000, 20_000)), min_size=1, max_size=7
).map(lambda pairs: [candidate(n, *pair) for n, pair in enumerate(pairs)])


def everything(_chosen: tuple[Candidate, ...]) -> bool:
    return True


@given(CEILINGS)
def test_the_limit_is_never_above_any_of_its_ceilings(ceilings):
    found = limits.find(ceilings, step=STEP)

    assert found.amount <= max(Money(0), min(ceilings.values()))
    assert found.amount.fen % STEP.fen == 0


@given(CEILINGS)
def test_the_binding_constraint_is_the_smallest_ceiling(ceilings):
    found = limits.find(ceilings, step=STEP)

    assert ceilings[found.binding] == min(ceilings.values())


def test_of_two_constraints_alike_the_debts_are_named():
    alike = {Constraint.AFFORDABILITY: yuan("9000.00"), Constraint.DEBTS: yuan("9000.00")}

    assert limits.find(alike, step=STEP).binding is Constraint.DEBTS


def test_the_limit_is_rounded_down_to_whole_hundreds():
    found = limits.find({Constraint.PRODUCT: yuan("12399.99")}, step=STEP)

    assert found.amount == yuan("12300.00")


def test_the_debts_fit_below_their_own_limit():
    # 3,000.00 with five days of 1.50: 3,007.50; rounded down to 3,000.00 the card would not fit.
    ceiling = limits.with_buffer(yuan("3000.00"), per_diem=yuan("1.50"), days=5)

    assert ceiling == yuan("3007.50")
    assert limits.debts([ceiling], step=STEP) == yuan("3100.00")


@given(st.lists(st.integers(1, 10**7).map(Money), min_size=1, max_size=12))
def test_every_card_together_always_fits_the_debts_ceiling(ceilings):
    debts = limits.debts(ceilings, step=STEP)

    assert Money.total(ceilings) <= debts < Money.total(ceilings) + STEP


@given(
    room=st.integers(1, 5_000_000).map(Money),
    tenths=st.integers(0, 240),
    months=st.sampled_from([1, 3, 12, 24, 36]),
)
def test_an_affordable_principal_s_instalment_stays_within_the_room(room, tenths, months):
    rate = Rate(Decimal(tenths) / 1000)
    principal = limits.affordable(room, annual_rate=rate, months=months)

    if principal:
        made = schedule.annuity(
            principal, annual_rate=rate, months=months, value_date=date(2026, 11, 20)
        )
        assert made.instalment <= room
    more = schedule.annuity(
        principal + Money(2 * months),
        annual_rate=rate,
        months=months,
        value_date=date(2026, 11, 20),
    )
    assert more.instalment >= room


def test_what_888_49_a_month_affords_is_ten_thousand():
    # 10,000 at 12 % over 12 months is 888.4879 a month, shown as 888.49.
    found = limits.affordable(yuan("888.49"), annual_rate=Rate.percent("12.00"), months=12)

    assert found == yuan("10000.02")


@pytest.mark.parametrize("fen", [0, -1, -100_000])
def test_without_room_nothing_is_affordable(fen):
    assert limits.affordable(Money(fen), annual_rate=Rate.percent("12.00"), months=12) == Money(0)


@given(
    CEILINGS,
    st.integers(0, 10**7).map(Money),
    st.integers(0, 10**7).map(Money),
    st.sampled_from([12, 24, 36]),
)
def test_more_room_never_lowers_the_limit(ceilings, room, more, months):
    rate = Rate.percent("14.40")

    def with_room(amount: Money) -> Money:
        affordable = limits.affordable(amount, annual_rate=rate, months=months)
        return limits.find({**ceilings, Constraint.AFFORDABILITY: affordable}, step=STEP).amount

    assert with_room(room + more) >= with_room(room)


@given(
    income=st.integers(0, 10**7).map(Money),
    more=st.integers(0, 10**7).map(Money),
    costs=st.integers(0, 10**6).map(Money),
    elsewhere=st.integers(0, 10**6).map(Money),
    months=st.sampled_from([12, 24, 36]),
)
def test_adding_income_never_lowers_the_limit(income, more, costs, elsewhere, months):  # noqa: PLR0917
    policy_ = policy.load("2026-08")

    def limit_of(monthly: Money) -> Money:
        room = budget.room(
            monthly, essential_costs=costs, elsewhere=elsewhere, rules=policy_.budget
        )
        band = policy_.bands[1]
        ceilings = {
            Constraint.DEBTS: yuan("30000.00"),
            Constraint.RISK: monthly.times(band.income_multiple),
            Constraint.AFFORDABILITY: limits.affordable(
                room.for_loan, annual_rate=band.annual_rate, months=months
            ),
        }
        return limits.find(ceilings, step=STEP).amount

    assert limit_of(income + more) >= limit_of(income)


@given(CANDIDATES, st.integers(0, 150_000).map(Money))
def test_the_chosen_cards_are_whole_and_fit_the_limit(candidates, limit):
    chosen = limits.choose(candidates, limit=limit, permits=everything)

    assert all(card in candidates for card in chosen)
    assert len({card.card_ref for card in chosen}) == len(chosen)
    assert Money.total(card.ceiling for card in chosen) <= limit


@given(CANDIDATES, st.integers(0, 150_000).map(Money), st.integers(0, 127))
def test_no_other_permitted_set_saves_the_debtor_more(candidates, limit, forbidden):
    def permits(chosen: tuple[Candidate, ...]) -> bool:
        return sum(1 << card.card_ref.int for card in chosen) % 128 != forbidden

    chosen = limits.choose(candidates, limit=limit, permits=permits)
    best = Money.total(card.saving for card in chosen)

    for size in range(1, len(candidates) + 1):
        for other in combinations(candidates, size):
            fits = Money.total(card.ceiling for card in other) <= limit
            if fits and permits(other):
                assert Money.total(card.saving for card in other) <= best


def test_two_small_cards_may_save_more_than_one_large():
    large, small, smaller = (
        candidate(1, 1_000_000, 90_000),
        candidate(2, 500_000, 50_000),
        candidate(3, 450_000, 45_000),
    )

    chosen = limits.choose([large, small, smaller], limit=yuan("10000.00"), permits=everything)

    assert chosen == (small, smaller)


def test_a_card_that_is_dearer_with_us_is_left_where_it_is():
    cheap, dear = candidate(1, 100_000, 10_000), candidate(2, 100_000, -1)

    assert limits.choose([cheap, dear], limit=yuan("9000.00"), permits=everything) == (cheap,)


def test_no_part_of_a_card_is_paid():
    assert (
        limits.choose([candidate(1, 1_000_001, 5_000)], limit=yuan("10000.00"), permits=everything)
        == ()
    )


def test_more_than_twelve_cards_are_not_weighed():
    with pytest.raises(ValueError):
        limits.choose(
            [candidate(n, 100, 10) for n in range(13)], limit=yuan("1.00"), permits=everything
        )


def test_twelve_cards_are_weighed_exactly():
    cards = [candidate(n, 10_000 + n, 1_000 + 7 * n) for n in range(12)]

    chosen = limits.choose(cards, limit=Money(60_030), permits=everything)

    # Six cards of 100.00 and some fen fit, and the fen over may add up to 30.
    assert Money.total(card.ceiling for card in chosen) == Money(60_030)
    assert Money.total(card.saving for card in chosen) == Money(6 * 1_000 + 7 * 30)


LATE_ONES = st.lists(
    st.tuples(st.integers(1, 50_000), st.integers(-5_000, 20_000), st.booleans()),
    min_size=1,
    max_size=7,
).map(lambda drawn: [candidate(n, *pair, late=late) for n, (*pair, late) in enumerate(drawn)])


@given(LATE_ONES, st.integers(0, 150_000).map(Money), st.integers(0, 127))
def test_no_other_permitted_set_of_saving_cards_ends_more_delinquency_or_saves_more(
    candidates, limit, forbidden
):
    def permits(chosen: tuple[Candidate, ...]) -> bool:
        return sum(1 << card.card_ref.int for card in chosen) % 128 != forbidden

    def worth(cards: tuple[Candidate, ...]) -> tuple[int, Money]:
        return sum(card.is_delinquent for card in cards), Money.total(c.saving for c in cards)

    chosen = limits.choose(
        candidates, limit=limit, permits=permits, order=CardOrder.DELINQUENT_FIRST
    )

    assert all(card.saving > Money(0) for card in chosen)
    for size in range(1, len(candidates) + 1):
        for other in combinations(candidates, size):
            fits = Money.total(card.ceiling for card in other) <= limit
            if fits and permits(other) and all(card.saving > Money(0) for card in other):
                assert worth(other) <= worth(chosen)


def test_a_delinquent_card_goes_before_a_larger_saving():
    late, large = candidate(1, 500_000, 10_000, late=True), candidate(2, 900_000, 90_000)

    chosen = limits.choose(
        [large, late],
        limit=yuan("10000.00"),
        permits=everything,
        order=CardOrder.DELINQUENT_FIRST,
    )

    assert chosen == (late,)


def test_a_delinquent_card_that_saves_nothing_is_not_chosen():
    late = candidate(1, 500_000, 0, late=True)

    assert (
        limits.choose(
            [late], limit=yuan("10000.00"), permits=everything, order=CardOrder.DELINQUENT_FIRST
        )
        == ()
    )


@given(
    principal=st.integers(1, 20_000_000).map(Money),
    tenths=st.integers(0, 240),
    months=st.sampled_from([1, 2, 12, 24, 36]),
)
def test_the_instalment_is_that_of_the_schedule(principal, tenths, months):
    rate = Rate(Decimal(tenths) / 1000)
    made = schedule.annuity(
        principal, annual_rate=rate, months=months, value_date=date(2026, 11, 20)
    )

    level = limits.instalment(principal, annual_rate=rate, months=months)

    assert level == made.instalment or months == 1
    assert level <= max(row.total for row in made.rows)
