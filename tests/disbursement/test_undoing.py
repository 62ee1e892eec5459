"""What two persons agreed on is undone by two: a relief is never taken back by one alone."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from disbursement import amendments, loan_days, servicing
from disbursement.allocation import Part
from disbursement.amendments import NotAnAmendment
from disbursement.schedule.events import Charged, Reversed, Waived
from disbursement.servicing import NotReversible
from kernel.money import ZERO, Money
from tests.disbursement import builders as make
from tests.disbursement import lives
from tests.disbursement.lives import noon

LATE = date(2026, 2, 25)


def agreed(session, loan, wanted):
    asked = amendments.request(
        session, loan.id, wanted, reason="agreed on the telephone", by=make.MAKER, at=noon(LATE)
    )
    return amendments.confirm(session, asked.id, by=make.CHECKER, at=noon(LATE))


def late_loan(session):
    """Open a loan of which ten days of penalty on 788.49 at 18 % / 360 are owed: 3.94."""
    loan = lives.active(session)
    loan_days.close_through(session, loan, day=LATE, at=noon(LATE + timedelta(days=1)))
    return loan


def a_waiver():
    return Waived(id=str(uuid4()), on=LATE, amount=Money.yuan("3.94"), part=Part.PENALTY)


def undoing(event_id: UUID):
    return Reversed(id=str(uuid4()), on=LATE, event_id=str(event_id))


def test_a_waiver_given_by_mistake_is_undone_by_two_persons(checked):
    loan = late_loan(checked)
    given = agreed(checked, loan, a_waiver())
    without = servicing.owed(checked, loan.id, on=LATE).penalty

    agreed(checked, loan, undoing(given.id))

    assert without == ZERO
    assert servicing.owed(checked, loan.id, on=LATE).penalty == Money.yuan("3.94")
    assert "waiver" not in lives.balances(checked, loan.id)


@pytest.mark.parametrize("by", [make.MAKER, make.CHECKER])
def test_nobody_takes_a_waiver_back_alone(checked, by):
    loan = late_loan(checked)
    given = agreed(checked, loan, a_waiver())

    with pytest.raises(NotReversible):
        servicing.take_back(
            checked, loan.id, event_id=given.id, reason="a mistake", on=LATE, by=by, at=noon(LATE)
        )


def test_what_is_undone_is_not_undone_again(checked):
    loan = late_loan(checked)
    given = agreed(checked, loan, a_waiver())
    before = [one.id for one in amendments.undoable(checked, loan.id)]
    agreed(checked, loan, undoing(given.id))

    assert before == [given.id]
    assert amendments.undoable(checked, loan.id) == []
    with pytest.raises(NotAnAmendment):
        agreed(checked, loan, undoing(given.id))


def test_what_is_no_relief_of_this_loan_is_not_undone(checked):
    loan = late_loan(checked)
    charge = Charged(id=str(uuid4()), on=LATE, due_on=LATE, amount=Money.yuan("5.00"))
    charged = agreed(checked, loan, charge)

    for event_id in (charged.id, uuid4()):
        with pytest.raises(NotAnAmendment):
            agreed(checked, loan, undoing(event_id))
