"""Laws that hold for every loan and every life of it."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from disbursement import schedule
from disbursement.schedule import quote, regular, replay, terms
from disbursement.schedule.contract import (
    Contract,
    DayCount,
    FirstPeriod,
    Grace,
    Method,
    Penalty,
)
from disbursement.schedule.events import (
    Charged,
    Disbursed,
    PaidOff,
    Paused,
    Prepaid,
    RateChanged,
    Repaid,
    Strategy,
)
from kernel.money import ZERO, Money
from kernel.rates import DayBasis, Rate

VALUE_DATES = st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 1, 1))
RATES = st.decimals(min_value=0, max_value=60, places=2).map(lambda percent: Rate(percent / 100))


@st.composite
def contracts(draw, methods=tuple(Method), instalments_max=40):
    value_date = draw(VALUE_DATES)
    first_due = value_date + timedelta(days=draw(st.integers(1, 70)))
    method = draw(st.sampled_from(methods))
    instalments = draw(st.integers(1, instalments_max))
    grace = Grace()
    if method in {Method.ANNUITY, Method.EQUAL_PRINCIPAL} and instalments > 1:
        principal = draw(st.integers(0, instalments - 1))
        grace = Grace(
            principal=principal,
            interest=draw(st.integers(0, principal)),
            compounded=draw(st.booleans()),
        )
    return Contract(
        principal=Money(draw(st.integers(1, 30_000_000))),
        annual_rate=draw(RATES),
        instalments=instalments,
        value_date=value_date,
        first_due=first_due,
        anchor_day=draw(st.sampled_from([first_due.day, value_date.day])),
        method=method,
        day_count=draw(st.sampled_from(list(DayCount))),
        first_period=draw(st.sampled_from(list(FirstPeriod))),
        day_basis=draw(st.sampled_from(list(DayBasis))),
        grace=grace,
        penalty=draw(
            st.none()
            | st.builds(
                Penalty,
                annual_rate=RATES,
                grace_days=st.integers(0, 5),
                day_basis=st.just(DayBasis.D360),
            )
        ),
    )


@st.composite
def lives(draw, contract):
    """Draw payments, charges and changes on days between the value date and the last due date."""
    last = schedule.build(contract).matures_on
    whole = contract.principal.fen
    days = st.integers(0, max(0, (last - contract.value_date).days - 1))
    events = []
    for position in range(draw(st.integers(0, 6))):
        base = {"id": f"e{position}", "on": contract.value_date + timedelta(days=draw(days))}
        amount = Money(draw(st.integers(1, max(1, whole // 3))))
        kind = draw(st.sampled_from([Repaid, Charged, Disbursed, RateChanged, Paused]))
        if kind is Charged:
            events.append(
                Charged(**base, due_on=base["on"] + timedelta(days=draw(days)), amount=amount)
            )
        elif kind is RateChanged:
            events.append(RateChanged(**base, annual_rate=draw(RATES)))
        elif kind is Paused:
            events.append(Paused(**base, until=base["on"] + timedelta(days=1 + draw(days))))
        else:
            events.append(kind(**base, amount=amount))
    return events


def check_chain(made, lent):
    balance = lent
    for row in made.rows:
        balance += row.disbursed_fen - row.prepaid_fen - row.principal_fen
        assert row.balance_fen == balance
        assert min(row[3:]) >= 0
    assert balance == 0


@given(st.data())
def test_principal_sums_to_the_loan_balances_chain_and_no_row_is_negative(data):
    contract = data.draw(contracts())

    made = schedule.build(contract)

    check_chain(made, contract.principal.fen)
    assert len(made.rows) == contract.instalments


@given(st.data())
def test_whatever_happens_the_balances_chain_and_payments_add_up(data):
    contract = data.draw(contracts())
    events = data.draw(lives(contract))

    made = schedule.build(contract, events)

    check_chain(made, contract.principal.fen)
    came_in = Money.total(event.amount for event in events if isinstance(event, Repaid))
    assert Money.total(paid.total for paid in made.paid) + made.credit == came_in
    for row, paid in zip(made.rows, made.paid or (), strict=bool(made.paid)):
        assert ZERO <= paid.total <= row.total
        assert (paid.paid_on is not None) == (paid.total == row.total and row.total > ZERO)


@given(st.data())
def test_the_lean_path_gives_the_rows_of_the_replay(data):
    contract = data.draw(contracts(methods=[Method.ANNUITY], instalments_max=60))
    assume(regular.covers(contract))

    assert (
        regular.rows(regular.plain(contract)) == replay.run(terms.of(contract), (), as_of=None).rows
    )


@given(
    st.data(),
    st.integers(1, 30_000_000),
    st.integers(1, 60),
    st.sampled_from([1, 5, 28, 29, 30, 31]),
)
def test_the_lean_path_covers_the_product_of_today(data, fen, instalments, day):
    value_date = data.draw(VALUE_DATES)
    first_due = value_date + timedelta(days=data.draw(st.integers(1, 70)))
    contract = Contract(
        principal=Money(fen),
        annual_rate=data.draw(RATES),
        instalments=instalments,
        value_date=value_date,
        first_due=first_due,
        anchor_day=day,
    )

    assert regular.covers(contract)
    assert (
        regular.rows(regular.plain(contract)) == replay.run(terms.of(contract), (), as_of=None).rows
    )


@given(VALUE_DATES, st.integers(1, 30_000_000), RATES, st.integers(1, 360))
def test_the_short_way_to_the_product_of_today_is_the_contract_that_says_the_same(
    value_date, fen, rate, months
):
    made = schedule.annuity(Money(fen), annual_rate=rate, months=months, value_date=value_date)

    contract = Contract(
        principal=Money(fen),
        annual_rate=rate,
        instalments=months,
        value_date=value_date,
        first_due=made.rows[0].due_on,
        anchor_day=value_date.day,
    )
    assert made == schedule.build(contract)


@given(st.data(), st.sampled_from(Strategy))
def test_prepaying_never_costs_more(data, strategy):
    methods = [Method.ANNUITY, Method.EQUAL_PRINCIPAL, Method.INTEREST_ONLY, Method.SINGLE]
    contract = data.draw(contracts(methods=methods))
    plan = schedule.build(contract)
    days = data.draw(st.integers(0, max(0, (plan.matures_on - contract.value_date).days - 1)))
    on = contract.value_date + timedelta(days=days)
    paid = [
        Repaid(id=f"r{row.number}", on=row.due_on, amount=row.total)
        for row in plan.rows
        if row.due_on <= on and row.total > ZERO
    ]
    left = next((r.balance_fen for r in reversed(plan.rows) if r.due_on <= on), plan.principal.fen)
    assume(left > 0)
    amount = Money(data.draw(st.integers(1, left)))

    made = schedule.build(
        contract, [*paid, Prepaid(id="p", on=on, amount=amount, strategy=strategy)]
    )

    assert made.total_interest <= plan.total_interest
    assert made.total_payments <= plan.total_payments
    assert made.matures_on <= plan.matures_on


@given(st.data())
def test_a_quote_paid_on_its_day_closes_the_loan_at_exactly_zero(data):
    contract = data.draw(contracts())
    events = data.draw(lives(contract))
    last = max((event.on for event in events), default=contract.value_date)
    on = last + timedelta(days=data.draw(st.integers(0, 100)))
    state = schedule.build(contract, events, as_of=on)
    assume(state.outstanding > ZERO)

    owed = quote.payoff(contract, events, on=on)
    closed = schedule.build(
        contract, [*events, PaidOff(id="off", on=on, amount=owed.total)], as_of=on
    )

    assert closed.outstanding == ZERO
    assert closed.credit == owed.left_over
    assert owed.total >= ZERO
    assert ZERO in {owed.left_over, owed.total}
    assert owed.owed - owed.credit == owed.total - owed.left_over


@given(st.data())
def test_the_order_of_events_of_one_day_does_not_matter(data):
    contract = data.draw(contracts())
    events = data.draw(lives(contract))

    shuffled = data.draw(st.permutations(events))

    assert schedule.build(contract, events) == schedule.build(contract, shuffled)


@given(st.data())
def test_paying_every_row_on_its_day_leaves_nothing_owed_and_no_penalty(data):
    contract = data.draw(contracts())
    plan = schedule.build(contract)
    paid = [
        Repaid(id=f"r{row.number}", on=row.due_on, amount=row.total)
        for row in plan.rows
        if row.total > ZERO
    ]

    made = schedule.build(contract, paid, as_of=plan.matures_on + timedelta(days=30))

    assert made.outstanding == ZERO
    assert made.rows == plan.rows
