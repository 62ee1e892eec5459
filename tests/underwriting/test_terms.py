from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.money import Money
from kernel.rates import Rate
from tests.underwriting import builders as make
from underwriting import policy, terms
from underwriting.limits import Constraint
from underwriting.reasons import Reason

POLICY = policy.load("2026-08")
yuan = Money.yuan


def search(*cards, room="5000.00", risk="100000.00", rate="12.00", **lender) -> terms.Found:
    return terms.search(
        terms.Asked(
            cards=cards or (make.card(),),
            lender=make.lender(**lender),
            policy=POLICY,
            annual_rate=Rate.percent(rate),
            risk_ceiling=yuan(risk),
            room=yuan(room),
            value_date=date(2026, 11, 20),
        )
    )


def test_the_shortest_term_that_works_is_taken():
    # 10,025.00 (five days of 5.00 on top) at 12 % over 12 months is 890.71 a month, below the
    # minimum of 1,000.00 and the room.
    found = search()

    assert found.plan is not None
    assert found.plan.months == 12
    assert found.plan.schedule.principal == yuan("10025.00")
    assert found.plan.schedule.instalment == yuan("890.71")
    assert found.limit.amount == yuan("10100.00")
    assert found.limit.binding is Constraint.DEBTS


def test_a_longer_term_is_taken_when_the_budget_needs_it():
    found = search(room="600.00", rate="9.00")

    assert found.plan is not None
    assert found.plan.months == 24


def test_a_longer_term_is_taken_when_the_month_must_become_cheaper():
    # A minimum of 5 % is 500.00 a month: 12 instalments of 876.70 are dearer, 24 of 457.99 are not.
    found = search(make.card(quote=make.quote(minimum_due="500.00")), rate="9.00")

    assert found.plan is not None
    assert found.plan.months == 24


def test_two_cards_are_cleared_over_a_longer_term_rather_than_one_over_a_shorter():
    found = search(make.card(1), make.card(2), room="1200.00", rate="9.00")

    assert found.plan is not None
    assert found.plan.months == 24
    assert len(found.plan.chosen) == 2


def test_where_no_term_clears_every_card_the_cards_that_save_most_are_cleared():
    found = search(
        make.card(1, "15000.00"), make.card(2, "6000.00"), make.card(3, "5000.00"), risk="12000.00"
    )

    assert found.plan is not None
    assert {card.card_ref for card in found.plan.chosen} == {make.ref(2), make.ref(3)}
    assert found.limit.binding is Constraint.RISK


def test_a_card_left_uncleared_keeps_its_minimum_in_the_budget():
    # Risk allows one of two cards; the other still asks for 1,000.00, so 1,800.00 a month are not
    # enough for 890.71 on top over 12 months, but are for 471.91 over 24.
    found = search(make.card(1), make.card(2), risk="11000.00", room="1800.00", rate="9.00")

    assert found.plan is not None
    assert found.plan.months == 24


def test_each_card_left_out_is_told_why():
    found = search(
        make.card(1, "15000.00"),
        make.card(2, "6000.00"),
        make.card(3, "5000.00", offer=make.offer(36, "140.00", "40.00")),
        make.card(4, "4000.00", quote=make.quote("4000.00", minimum_due="130.00")),
        risk="12000.00",
        months=(12,),
    )

    assert found.plan is not None
    assert {card.card_ref: card.reason for card in found.plan.left_out} == {
        make.ref(1): Reason.RISK_LIMIT,  # 15,037.50 is above 12,000.00
        make.ref(3): Reason.NOT_CHEAPER_IN_TOTAL,  # the issuer asks 40.00 in all
        make.ref(4): Reason.NOT_CHEAPER_EACH_MONTH,  # 6,000 and 4,000: 890.71 against 730.00
    }


def test_no_card_fits_a_limit_below_every_card():
    found = search(risk="9900.00")

    assert found.plan is None
    assert found.obstacles == (Reason.NO_CARD_FITS, Reason.RISK_LIMIT)


def test_the_budget_is_named_when_it_is_what_binds():
    found = search(room="200.00")

    assert found.plan is None
    assert found.limit.binding is Constraint.AFFORDABILITY
    assert found.obstacles == (Reason.NO_CARD_FITS, Reason.NOT_AFFORDABLE)


def test_no_room_at_all_is_an_answer_too():
    found = search(room="-300.00")

    assert found.plan is None
    assert found.limit.amount == Money(0)


def test_a_debt_below_the_product_s_smallest_loan_is_named():
    found = search(make.card(1, "400.00"))

    assert Reason.BELOW_PRODUCT_MINIMUM in found.obstacles


def test_a_debtor_who_would_not_be_better_off_is_told_in_which_point():
    # At a minimum of 3 %, 300.00, even 36 instalments of 332.97 are dearer each month.
    found = search(make.card(quote=make.quote(minimum_due="300.00")))

    assert found.plan is None
    assert found.obstacles == (Reason.NOT_CHEAPER_EACH_MONTH,)


def test_an_issuer_s_cheaper_offer_leaves_the_card_where_it_is():
    cheap = make.card(1, offer=make.offer(36, "290.00", "440.00"))

    found = search(cheap)

    assert found.plan is None
    assert found.obstacles == (Reason.NOT_CHEAPER_IN_TOTAL,)


def test_one_card_with_a_cheap_offer_does_not_keep_the_other_from_being_cleared():
    cheap = make.card(1, offer=make.offer(36, "290.00", "440.00"))

    found = search(cheap, make.card(2))

    assert found.plan is not None
    assert [card.card_ref for card in found.plan.chosen] == [make.ref(2)]


CARDS = st.lists(
    st.tuples(st.integers(30_000, 3_000_000), st.integers(3, 20)), min_size=1, max_size=4
).map(
    lambda drawn: tuple(
        make.card(n, quote=make.quote(str(Money(fen)), minimum_due=str(Money(fen * pct // 100))))
        for n, (fen, pct) in enumerate(drawn)
    )
)


@settings(max_examples=150)
@given(
    cards=CARDS,
    room=st.integers(1, 1_000_000),
    risk=st.integers(1, 10_000_000),
    rate=st.sampled_from(["9.00", "12.00", "14.40", "16.80"]),
)
def test_whatever_is_offered_is_affordable_and_better(cards, room, risk, rate):
    found = search(*cards, room=str(Money(room)), risk=str(Money(risk)), rate=rate)

    if found.plan is None:
        assert found.obstacles
        return
    plan = found.plan
    kept = Money.total(
        card.quote.minimum_due
        for card in cards
        if card.card_ref not in {chosen.card_ref for chosen in plan.chosen}
    )
    assert plan.schedule.principal <= plan.limit.amount
    assert plan.schedule.instalment + kept <= Money(room)
    assert plan.comparison.is_better
    assert plan.saving > Money(0)


@settings(max_examples=100)
@given(cards=CARDS, room=st.integers(1, 1_000_000), more=st.integers(0, 1_000_000))
def test_more_room_never_takes_the_loan_away(cards, room, more):
    less_room = search(*cards, room=str(Money(room)))
    more_room = search(*cards, room=str(Money(room + more)))

    assert more_room.plan is not None or less_room.plan is None
