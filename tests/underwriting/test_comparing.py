from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from kernel.money import ZERO, Money
from kernel.rates import Rate
from underwriting.comparing import Side, Tally
from underwriting.decisions import Outcome
from underwriting.reasons import Reason

yuan = Money.yuan


def side(principal: str = "0.00", **changes) -> Side:
    amount = yuan(principal)
    facts = {
        "outcome": Outcome.APPROVE if amount else Outcome.DECLINE,
        "limit": amount,
        "principal": amount,
        "annual_rate": Rate.percent("12.00") if amount else None,
        "months": 12 if amount else None,
        "interest": ZERO,
        "reasons": () if amount else (Reason.RISK_TOO_HIGH,),
    }
    return Side(**{**facts, **changes})


def test_what_two_policies_agree_on_is_no_change():
    tally = Tally()

    tally.add(UUID(int=1), side("9000.00"), side("9000.00"))

    told = tally.to_plain()
    assert (told["compared"], told["changed"], told["largest"]) == (1, 0, [])


def test_who_changes_and_by_how_much_is_counted_and_summed():
    # 9,000 -> 6,000, 0 -> 5,000 and 7,000 -> 0: loans of 16,000 become 11,000.
    tally = Tally()
    tally.add(
        UUID(int=1), side("9000.00"), side("6000.00", annual_rate=Rate.percent("14.40"), months=24)
    )
    tally.add(UUID(int=2), side(), side("5000.00"))
    tally.add(UUID(int=3), side("7000.00"), side(reasons=(Reason.PRICE_LIMIT,)))

    told = tally.to_plain()

    assert told["changed_in"] == {
        "annual_rate": 3, "limit": 3, "months": 3, "outcome": 2, "principal": 3, "reasons": 2,
    }  # fmt: skip
    assert told["principal"] == {
        "sum_before": "16000.00", "sum_after": "11000.00",
        "raised": 1, "raised_by": "5000.00", "lowered": 2, "lowered_by": "10000.00",
    }  # fmt: skip
    assert told["price"] == {"dearer": 1, "cheaper": 0}
    assert {(row["before"], row["after"]): row["dossiers"] for row in told["outcomes"]} == {
        ("approve", "approve"): 1,
        ("approve", "decline"): 1,
        ("decline", "approve"): 1,
    }
    assert told["reasons"] == [
        {"reason": "price_limit", "gained": 1, "lost": 0},
        {"reason": "risk_too_high", "gained": 0, "lost": 1},
    ]
    assert [row["principal_by"] for row in told["largest"]] == ["-7000.00", "5000.00", "-3000.00"]


@given(
    changes=st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), max_size=40),
    largest=st.integers(0, 8),
)
def test_the_largest_changes_are_kept_and_no_more(changes, largest):
    tally = Tally(largest=largest)
    for number, (before, after) in enumerate(changes):
        tally.add(UUID(int=number), side(str(Money(before))), side(str(Money(after))))

    kept = [abs(Money.yuan(row["principal_by"]).fen) for row in tally.to_plain()["largest"]]

    sizes = sorted((abs(after - before) for before, after in changes if after != before))[::-1]
    assert kept == sizes[:largest]
    moved = tally.to_plain()["principal"]
    assert yuan(moved["sum_after"]) - yuan(moved["sum_before"]) == (
        yuan(moved["raised_by"]) - yuan(moved["lowered_by"])
    )
