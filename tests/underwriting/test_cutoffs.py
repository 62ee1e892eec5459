"""What another cut-off would have changed: known below the present one, estimated above."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kernel.money import ZERO, Money
from underwriting import cutoffs
from underwriting.cutoffs import Kind, Scored


def one(pd: str, kind: Kind = Kind.APPROVED, principal: str = "0.00") -> Scored:
    return Scored(Decimal(pd), kind, Money.yuan(principal))


SEEN = [
    one("0.05", principal="1000.00"),
    one("0.10", principal="2000.00"),
    one("0.15", principal="3000.00"),
    one("0.20", principal="6000.00"),
    one("0.12", Kind.REVIEW),
    one("0.12", Kind.OTHERWISE),
    one("0.30", Kind.BY_SCORE),
    one("0.50", Kind.BY_SCORE),
]


def test_a_lower_cut_off_loses_whom_it_is_below():
    found = cutoffs.at(SEEN, Decimal("0.10"))

    assert (found.approved, found.lost, found.gained) == (2, 2, 0)
    assert found.lent == Money.yuan("3000.00")
    assert found.bad_rate == Decimal("0.075000")
    # (.05 x 1000 + .10 x 2000) / 3000 = 250 / 3000
    assert found.loss_weighted == Decimal("0.083333")


def test_a_higher_cut_off_gains_declines_of_the_score_alone_at_the_riskiest_quarters_mean():
    found = cutoffs.at(SEEN, Decimal("0.30"))

    # Four are approved, so the riskiest quarter is the one of 6,000.00.
    assert (found.approved, found.lost, found.gained) == (5, 0, 1)
    assert found.lent == Money.yuan("18000.00")
    assert found.bad_rate == Decimal("0.160000")


def test_where_nobody_was_approved_nothing_says_what_would_be_lent():
    found = cutoffs.at([one("0.30", Kind.BY_SCORE)], Decimal("0.40"))

    assert (found.approved, found.lent, found.loss_weighted) == (1, None, None)
    assert cutoffs.at([], Decimal("0.40")).bad_rate is None
    assert cutoffs.at([], Decimal("0.40")).lent == ZERO


PDS = st.decimals("0.000001", "0.999999", places=6)
MANY = st.lists(st.builds(one, PDS.map(str), st.sampled_from(Kind), st.just("100.00")), max_size=20)


@given(MANY, PDS, PDS)
def test_a_higher_cut_off_never_approves_fewer(seen, one_cut, other):
    low, high = sorted((one_cut, other))

    before, after = cutoffs.at(seen, low), cutoffs.at(seen, high)

    assert before.approved <= after.approved
    assert after.bad_rate is None or after.bad_rate <= high
