"""Income proof: what social insurance, tax or payroll say a person earns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kernel.money import ZERO, Money
from kernel.outbound import Outbound
from underwriting.inquiries import Person
from underwriting.sources.asking import ask, instant_of, text_of

NAME: Final = "income"
EMPLOYMENT_MONTHS_MAX: Final = 1_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """An income that a source vouches for."""

    proof_no: str
    as_of: datetime
    monthly_income: Money
    source: str
    employment_months: int


def proof(outbound: Outbound, person: Person) -> Proof | None:
    """Ask for a proof of income; None when there is none.

    Raises:
        SourceSilent: no answer that can be read.
        SourceRefused: the source does not accept the question.
    """
    body = {"national_id": person.national_id.plain, "name": person.name.plain}
    return ask(outbound, "/income/proofs", body, source=NAME, read=_proof, nothing="no_proof")


def _proof(body: Mapping[str, Any]) -> Proof:
    income, months = Money.yuan(text_of(body["monthly_income"])), body["employment_months"]
    if income < ZERO:
        raise ValueError("an income below zero")
    if type(months) is not int or not 0 <= months <= EMPLOYMENT_MONTHS_MAX:
        raise ValueError("no time in work")
    return Proof(
        proof_no=text_of(body["proof_no"]),
        as_of=instant_of(body["as_of"]),
        monthly_income=income,
        source=text_of(body["source"]),
        employment_months=months,
    )
