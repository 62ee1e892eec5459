"""Hard rules: what is found before any score, about the debtor and about each card. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel import law
from kernel.clock import business_day
from underwriting.budget import Income
from underwriting.dossier import AccountType, CardDebt, Dossier, LenderTerms
from underwriting.features import catalogue
from underwriting.policy import Policy
from underwriting.policy_rules import Action
from underwriting.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a rule found, and what follows from it."""

    reason: Reason
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A card that cannot be cleared, and why."""

    card_ref: UUID
    reason: Reason


def screen(dossier: Dossier, policy: Policy, income: Income) -> tuple[Finding, ...]:
    """Look at the debtor and list what the rules find, declines first."""
    found = (
        *_of_person(dossier, policy),
        *_of_income(dossier, policy, income),
        *_of_data(dossier),
    )
    return tuple(sorted(found, key=lambda finding: finding.action is not Action.DECLINE))


def sort_cards(
    dossier: Dossier, *, cards_max: int
) -> tuple[tuple[CardDebt, ...], tuple[LeftOut, ...]]:
    """Part the cards that can be cleared from those left out, each with its reason.

    Beyond `cards_max` the smallest debts are left out.
    """
    payable: list[CardDebt] = []
    left_out: list[LeftOut] = []
    for card in dossier.cards:
        reason = _objection(card, dossier)
        if reason is None:
            payable.append(card)
        else:
            left_out.append(LeftOut(card_ref=card.card_ref, reason=reason))
    payable.sort(key=lambda card: (-_owed(card), str(card.card_ref)))
    left_out.extend(
        LeftOut(card_ref=card.card_ref, reason=Reason.CARD_ONE_TOO_MANY)
        for card in payable[cards_max:]
    )
    return tuple(payable[:cards_max]), tuple(left_out)


def _of_person(dossier: Dossier, policy: Policy) -> list[Finding]:
    ages = law.rule("debtor_age", on=business_day(dossier.as_of)).values
    found = []
    if dossier.age < ages["age_min"]:
        found.append(Finding(reason=Reason.TOO_YOUNG, action=Action.DECLINE))
    if dossier.age > ages["age_max"]:
        found.append(Finding(reason=Reason.TOO_OLD, action=Action.DECLINE))
    if dossier.deceased:
        found.append(Finding(reason=Reason.IDENTITY_MISMATCH, action=policy.identity.deceased))
    elif not dossier.identity_matches:
        found.append(Finding(reason=Reason.IDENTITY_MISMATCH, action=policy.identity.mismatch))
    found.extend(
        Finding(reason=Reason.CHECKS_NOT_PASSED, action=policy.watchlists.action(hit.name))
        for hit in dossier.watchlist_hits
    )
    return found


def _of_income(dossier: Dossier, policy: Policy, income: Income) -> list[Finding]:
    rules, found = policy.income, []
    if income.monthly < rules.monthly_min:
        found.append(Finding(reason=Reason.NO_INCOME, action=Action.DECLINE))
    stated, verified = dossier.stated_monthly_income, dossier.verified_monthly_income
    if (
        stated is not None
        and verified is not None
        and stated > verified.times(rules.stated_over_verified_max)
    ):
        found.append(Finding(reason=Reason.INCOME_INCONSISTENT, action=Action.REVIEW))
    working_months_max = max(0, dossier.age - rules.working_age_min + 1) * 12
    if dossier.employment_months is not None and dossier.employment_months > working_months_max:
        found.append(Finding(reason=Reason.EMPLOYMENT_INCONSISTENT, action=Action.REVIEW))
    return found


def _of_data(dossier: Dossier) -> list[Finding]:
    found = []
    if not dossier.has_bureau_file:
        found.append(Finding(reason=Reason.NO_BUREAU_FILE, action=Action.REVIEW))
    if catalogue.out_of_bounds(dossier.figures):
        found.append(Finding(reason=Reason.FIGURES_INCONSISTENT, action=Action.REVIEW))
    return found


def _objection(card: CardDebt, dossier: Dossier) -> Reason | None:
    account = _account_objection(card, dossier.lender)
    if account is not None:
        return account
    quote = card.quote
    if quote is None or quote.valid_until < dossier.as_of:
        return Reason.CARD_QUOTE_EXPIRED
    return Reason.CARD_WITHOUT_DEBT if quote.amount.fen <= 0 else None


def _account_objection(card: CardDebt, lender: LenderTerms) -> Reason | None:
    if card.account_type is AccountType.UNKNOWN:
        return Reason.CARD_UNKNOWN
    if card.account_type is not AccountType.CREDIT:
        return Reason.CARD_NOT_CREDIT
    if not card.payable:
        return Reason.CARD_NOT_PAYABLE
    if not card.name_matches:
        return Reason.CARD_NAME_MISMATCH
    if lender.issuer_code is not None and card.issuer_code == lender.issuer_code:
        return Reason.CARD_OF_FUNDER
    return None


def _owed(card: CardDebt) -> int:
    return card.quote.amount.fen if card.quote is not None else 0
