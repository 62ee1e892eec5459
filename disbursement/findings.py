"""What the issuer said about a card just before it is paid, and what speaks against paying it."""

from __future__ import annotations

from dataclasses import dataclass

from disbursement.issuer_answers import AccountCheck, AccountType, QuotedPayoff
from kernel.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the issuer said about the card just before sending."""

    check: AccountCheck | None
    """None when the issuer has no such card."""
    quoted: QuotedPayoff | None


def objection(findings: Findings, *, issuer_code: str) -> str | None:
    """Say why a card must not be paid, if anything speaks against it."""
    check = findings.check
    if check is None:
        return "no_such_account"
    if check.account_type is not AccountType.CREDIT:
        return "not_a_credit_card"
    if not check.payable or check.issuer_code != issuer_code:
        return "not_payable"
    if not check.name_matches:
        return "name_differs"
    if findings.quoted is not None and findings.quoted.amount <= ZERO:
        return "nothing_owed"
    return None
