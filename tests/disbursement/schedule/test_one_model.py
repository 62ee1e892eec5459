"""Preview, booking, quote and recalculation are one call, so they agree to the last byte."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from disbursement import schedule
from disbursement.schedule import quote, replay, terms
from disbursement.schedule.events import PaidOff, Reversed
from kernel.money import ZERO
from tests.disbursement.schedule.test_laws import contracts, lives


def paid_of(made, part):
    return sum(getattr(paid, part) for paid in made.paid)


def as_bytes(made):
    return repr((made.value_date, made.principal, made.rows)).encode()


@settings(max_examples=40)
@given(st.data())
def test_what_is_previewed_is_what_is_booked_and_what_is_computed_again(data):
    contract = data.draw(contracts())

    previewed = schedule.build(contract)
    booked = schedule.build(contract, [])
    again = replay.run(terms.of(contract), (), as_of=None)
    looked_at = schedule.build(contract, as_of=contract.value_date)

    assert len({as_bytes(made) for made in (previewed, booked, again, looked_at)}) == 1


@settings(max_examples=40)
@given(st.data())
def test_what_is_quoted_is_what_the_rows_of_the_closed_loan_say(data):
    contract = data.draw(contracts())
    events = data.draw(lives(contract))
    last = max((event.on for event in events), default=contract.value_date)
    on = last + timedelta(days=data.draw(st.integers(0, 60)))
    before = schedule.build(contract, events, as_of=on)
    assume(before.outstanding > ZERO)
    quoted = quote.payoff(contract, events, on=on)
    assume(quoted.total > ZERO)

    closed = schedule.build(
        contract, [*events, PaidOff(id="off", on=on, amount=quoted.total)], as_of=on
    )

    for part, amount in (
        ("principal_fen", quoted.principal),
        ("interest_fen", quoted.interest),
        ("fees_fen", quoted.fees),
        ("penalty_fen", quoted.penalty),
    ):
        assert paid_of(closed, part) - paid_of(before, part) == amount.fen
    assert [paid.total for paid in closed.paid] == [row.total for row in closed.rows]


@settings(max_examples=40)
@given(st.data())
def test_an_event_taken_back_leaves_the_loan_as_if_it_had_never_happened(data):
    contract = data.draw(contracts())
    events = data.draw(lives(contract))
    assume(events)
    undone = data.draw(st.sampled_from(events))
    kept = [event for event in events if event is not undone]
    on = max(event.on for event in events)
    taken_back = Reversed(id="back", on=on, event_id=undone.id)

    try:
        without = schedule.build(contract, kept)
    except schedule.events.NotApplicable:
        assume(False)

    assert schedule.build(contract, [*events, taken_back]) == without
