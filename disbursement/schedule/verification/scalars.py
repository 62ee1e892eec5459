"""Single figures of time value, by the names spreadsheets give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from typing import Any, Final

from disbursement.schedule.verification.cases import (
    Case,
    Fields,
    NotComputable,
    number,
    quotient,
)
from kernel import rates


def figures(case: Case) -> Mapping[str, Any]:
    """Compute the one value the case asks for."""
    function = _FUNCTIONS.get(str(case.facts.get("function")))
    if function is None:
        raise NotComputable(f"unknown function {case.facts.get('function')!r}")
    return {"value": function(case.facts)}


def _number(facts: Fields, name: str) -> Decimal:
    """Read a number, or a quotient such as ``0.1/12``; a missing one is zero."""
    found = quotient(facts.get(name, 0))
    return rates.CONTEXT.divide(Decimal(found.numerator), Decimal(found.denominator))


def _due(facts: Fields) -> int:
    return 1 if facts.get("when") in {"begin", "beginning", 1, "1"} else 0


def _pmt(facts: Fields) -> Decimal:
    return rates.annuity_payment(
        _number(facts, "pv"),
        rate=_number(facts, "periodic_rate"),
        periods=int(facts["n"]),
        future=_number(facts, "fv"),
        due=_due(facts),
    )


def _fv(facts: Fields) -> Decimal:
    return rates.future_value(
        _number(facts, "pv"),
        rate=_number(facts, "periodic_rate"),
        periods=int(facts["n"]),
        payment=_number(facts, "pmt"),
        due=_due(facts),
    )


def _pv(facts: Fields) -> Decimal:
    return rates.present_value(
        _number(facts, "fv"),
        rate=_number(facts, "periodic_rate"),
        periods=int(facts["n"]),
        payment=_number(facts, "pmt"),
        due=_due(facts),
    )


def _nper(facts: Fields) -> Decimal:
    return rates.period_count(
        _number(facts, "pv"),
        rate=_number(facts, "periodic_rate"),
        payment=_number(facts, "pmt"),
        future=_number(facts, "fv"),
        due=_due(facts),
    )


def _rate(facts: Fields) -> Decimal:
    return rates.period_rate(
        _number(facts, "pv"),
        periods=int(facts["n"]),
        payment=_number(facts, "pmt"),
        future=_number(facts, "fv"),
        due=_due(facts),
    )


def _part(of: Callable[..., Decimal]) -> Callable[[Fields], Decimal]:
    def part(facts: Fields) -> Decimal:
        return of(
            _number(facts, "pv"),
            rate=_number(facts, "periodic_rate"),
            periods=int(facts["n"]),
            number=int(facts["k"]),
            due=_due(facts),
        )

    return part


def _npv(facts: Fields) -> Decimal:
    values = [number(value) for value in facts["values"]]
    return rates.net_present_value(values, rate=_number(facts, "periodic_rate"))


def _irr(facts: Fields) -> Decimal:
    return rates.irr([number(value) for value in facts["values"]])


def _mirr(facts: Fields) -> Decimal:
    """Give the modified rate of return: outflows financed at one rate, inflows reinvested."""
    values = [number(value) for value in facts["values"]]
    spent = [min(value, Decimal(0)) for value in values]
    earned = [max(value, Decimal(0)) for value in values]
    cost = rates.net_present_value(spent, rate=_number(facts, "finance_rate"))
    reinvested = _number(facts, "reinvest_rate")
    gain = rates.net_present_value(earned, rate=reinvested)
    if not cost or not gain:
        raise NotComputable("the values never change sign")
    last = len(values) - 1
    with localcontext(rates.CONTEXT):
        return (gain / -cost) ** (Decimal(1) / last) * (1 + reinvested) - 1


_FUNCTIONS: Final[Mapping[str, Callable[[Fields], Decimal]]] = {
    "pmt": _pmt,
    "fv": _fv,
    "pv": _pv,
    "nper": _nper,
    "rate": _rate,
    "ipmt": _part(rates.interest_part),
    "ppmt": _part(rates.principal_part),
    "npv": _npv,
    "irr": _irr,
    "mirr": _mirr,
}
