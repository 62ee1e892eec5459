"""How a decision came about: what its limit rests on, and what else the debtor is told. Pure.

Decisions under a policy of the second form keep this with them; those of the first have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from kernel.money import Money
from underwriting.better_off import Losing, Worse
from underwriting.canonical import decimal_text, read_decimal, read_text
from underwriting.ceilings import Change, Input
from underwriting.fraud import Hit
from underwriting.limits import Constraint
from underwriting.policy_rules import Action, Figure
from underwriting.profit import Point
from underwriting.reasons import Reason

_PROBABILITIES: Final = frozenset({Input.PD, Input.PD_BOUND})


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the ceilings of the limit were worked out from; amounts a month but for the last two."""

    cell: str | None
    """Of the risk matrix; None above its last one."""
    months: int
    """The term that the limit is of."""
    elsewhere: Money
    """Payments on debts that stay."""
    room: Money
    """What is left for the instalment."""
    lines: Money
    """The credit lines of the cards that could be cleared."""
    debts: Money
    """What clearing them may cost at most, before it is rounded up to the step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workings:
    """What stands behind one decision."""

    costs: Money
    """Living costs a month, as they count."""
    fraud: tuple[Hit, ...]
    pd_bound: Decimal | None = None
    """The upper bound of the probability of default; None before any score."""
    inputs: Inputs | None = None
    """None where the rules decided before any limit."""
    change: Change | None = None
    """What would change the constraint that holds the limit down."""
    expected: Point | None = None
    """Of the loan that can be offered."""
    losing: tuple[Losing, ...] = ()
    """Where the loan that can be offered is worse for the debtor."""

    def to_plain(self) -> dict[str, Any]:
        """Spell it for a canonical document."""
        return {
            "costs": str(self.costs),
            "fraud": [_hit(hit) for hit in self.fraud],
            "pd_bound": None if self.pd_bound is None else decimal_text(self.pd_bound),
            "inputs": None if self.inputs is None else _inputs(self.inputs),
            "change": None if self.change is None else _change(self.change),
            "expected": None
            if self.expected is None
            else {
                "pd": decimal_text(self.expected.pd),
                "profit": str(self.expected.profit),
            },
            "losing": [
                {"point": case.point.value, "against": case.against, "months": case.months}
                for case in self.losing
            ],
        }


def from_plain(plain: Mapping[str, Any]) -> Workings:
    """Read it from a document; what misspells it raises as a misspelt value does."""
    expected = plain["expected"]
    return Workings(
        costs=Money.yuan(plain["costs"]),
        fraud=tuple(_read_hit(hit) for hit in plain["fraud"]),
        pd_bound=None if plain["pd_bound"] is None else read_decimal(plain["pd_bound"]),
        inputs=None if plain["inputs"] is None else _read_inputs(plain["inputs"]),
        change=None if plain["change"] is None else _read_change(plain["change"]),
        expected=None
        if expected is None
        else Point(pd=read_decimal(expected["pd"]), profit=Money.yuan(expected["profit"])),
        losing=tuple(
            Losing(
                point=Worse(case["point"]),
                against=read_text(case["against"]),
                months=None if case["months"] is None else int(case["months"]),
            )
            for case in plain["losing"]
        ),
    )


def _hit(hit: Hit) -> dict[str, str]:
    return {
        "rule": hit.rule,
        "figure": hit.figure.value,
        "value": decimal_text(hit.value),
        "more_than": decimal_text(hit.more_than),
        "action": hit.action.value,
        "reason": hit.reason.value,
    }


def _read_hit(plain: Mapping[str, Any]) -> Hit:
    return Hit(
        rule=read_text(plain["rule"]),
        figure=Figure(plain["figure"]),
        value=read_decimal(plain["value"]),
        more_than=read_decimal(plain["more_than"]),
        action=Action(plain["action"]),
        reason=Reason(plain["reason"]),
    )


def _inputs(inputs: Inputs) -> dict[str, Any]:
    return {
        "cell": inputs.cell,
        "months": inputs.months,
        "elsewhere": str(inputs.elsewhere),
        "room": str(inputs.room),
        "lines": str(inputs.lines),
        "debts": str(inputs.debts),
    }


def _read_inputs(plain: Mapping[str, Any]) -> Inputs:
    return Inputs(
        cell=None if plain["cell"] is None else read_text(plain["cell"]),
        months=int(plain["months"]),
        elsewhere=Money.yuan(plain["elsewhere"]),
        room=Money.yuan(plain["room"]),
        lines=Money.yuan(plain["lines"]),
        debts=Money.yuan(plain["debts"]),
    )


def _change(change: Change) -> dict[str, str]:
    return {
        "input": change.input.value,
        "now": _value(change.now),
        "value": _value(change.value),
        "limit": str(change.limit),
        "binding": change.binding.value,
    }


def _read_change(plain: Mapping[str, Any]) -> Change:
    input_ = Input(plain["input"])
    read = read_decimal if input_ in _PROBABILITIES else Money.yuan
    return Change(
        input=input_,
        now=read(plain["now"]),
        value=read(plain["value"]),
        limit=Money.yuan(plain["limit"]),
        binding=Constraint(plain["binding"]),
    )


def _value(value: Money | Decimal) -> str:
    return str(value) if isinstance(value, Money) else decimal_text(value)
