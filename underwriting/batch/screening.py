"""Hard rules, income and the parting of cards, in columns: `rules` and `budget` for many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from kernel import law
from kernel.clock import business_day
from kernel.money import ZERO
from underwriting import budget
from underwriting.batch import spelling, suspicions
from underwriting.batch.columns import ACCOUNT_TYPES, NONE, Columns, instant
from underwriting.batch.exact import MICRO, Flags, Whole, fits, half_up, times
from underwriting.batch.findings import CODES, Listed, Numbers
from underwriting.budget import DEBT_TO_INCOME
from underwriting.dossier import AccountType
from underwriting.features import catalogue
from underwriting.policy import Policy
from underwriting.policy_rules import Action
from underwriting.reasons import Reason

MICROS_A_DAY: Final = 86_400 * MICRO
_AHEAD: Final = 8 * 3_600 * MICRO
"""Shanghai's clock is eight hours ahead all the year, since 1991."""
_LAST: Final = 2**62


@dataclass(frozen=True, slots=True)
class Screened:
    """What is known of each dossier before any score."""

    income: Whole
    """The monthly income that counts."""
    is_verified: Flags
    declines: Listed
    to_review: Listed
    objection: Numbers
    """Of each card why it cannot be cleared; 0 where it can."""
    order: Whole
    """Places of the cards in the order in which they are weighed; those that cannot be cleared
    last."""
    candidates: Whole
    """How many cards are weighed, the first of the order."""


def screen(columns: Columns, policy: Policy) -> Screened:
    """Look at each debtor and each card before any score.

    Raises:
        NotInColumns: the policy has numbers that are too fine.
    """
    is_verified = columns.verified_income != NONE
    stated = np.maximum(columns.stated_income, 0)
    income = np.where(
        is_verified, columns.verified_income, times(stated, policy.income.haircut_stated)
    )
    declines, to_review = Listed(columns.count), Listed(columns.count)
    by_action = {Action.DECLINE: declines, Action.REVIEW: to_review}
    _of_person(columns, policy, by_action)
    _of_income(columns, policy, income, by_action)
    to_review.add(~columns.has_bureau_file, Reason.NO_BUREAU_FILE)
    to_review.add(_out_of_bounds(columns), Reason.FIGURES_INCONSISTENT)
    if policy.added is not None:
        for rule in policy.added.fraud:
            by_action[rule.action].add(suspicions.broken(columns, rule), rule.reason)
    objection = _objections(columns)
    order = _order(columns, objection)
    payable = ((objection == 0) & columns.cards.present).sum(axis=1)
    for row in np.flatnonzero(payable > policy.limit.cards_max):
        beyond = order[row, policy.limit.cards_max : payable[row]]
        objection[row, beyond] = CODES[Reason.CARD_ONE_TOO_MANY]
    nothing = payable == 0
    declines.extend(nothing, objection)
    declines.add(nothing & (declines.length == 0), Reason.CARD_WITHOUT_DEBT)
    return Screened(
        income, is_verified, declines, to_review, objection, order,
        np.minimum(payable, policy.limit.cards_max),
    )  # fmt: skip


def business_days(columns: Columns) -> Whole:
    """Give the business day of each dossier as days since 1970."""
    found: Whole = (columns.as_of + _AHEAD) // MICROS_A_DAY
    return found


def _of_person(columns: Columns, policy: Policy, by_action: dict[Action, Listed]) -> None:
    days, day_at = np.unique(business_days(columns), return_inverse=True)
    ages = [
        law.rule("debtor_age", on=business_day(instant(day * MICROS_A_DAY - _AHEAD))).values
        for day in days
    ]
    least = np.array([age["age_min"] for age in ages])[day_at]
    most = np.array([age["age_max"] for age in ages])[day_at]
    by_action[Action.DECLINE].add(columns.age < least, Reason.TOO_YOUNG)
    by_action[Action.DECLINE].add(columns.age > most, Reason.TOO_OLD)
    by_action[policy.identity.deceased].add(columns.deceased, Reason.IDENTITY_MISMATCH)
    another = ~columns.deceased & ~columns.identity_matches
    by_action[policy.identity.mismatch].add(another, Reason.IDENTITY_MISMATCH)
    for name, listed in columns.watchlists.items():
        by_action[policy.watchlists.action(name)].add(listed, Reason.CHECKS_NOT_PASSED)


def _of_income(
    columns: Columns, policy: Policy, income: Whole, by_action: dict[Action, Listed]
) -> None:
    rules = policy.income
    by_action[Action.DECLINE].add(income < rules.monthly_min.fen, Reason.NO_INCOME)
    verified = np.maximum(columns.verified_income, 0)
    is_above = (
        (columns.stated_income != NONE)
        & (columns.verified_income != NONE)
        & (columns.stated_income > times(verified, rules.stated_over_verified_max))
    )
    by_action[Action.REVIEW].add(is_above, Reason.INCOME_INCONSISTENT)
    working_months_max = np.maximum(0, columns.age - rules.working_age_min + 1) * 12
    is_longer = columns.employment_months > working_months_max
    by_action[Action.REVIEW].add(is_longer, Reason.EMPLOYMENT_INCONSISTENT)


def _out_of_bounds(columns: Columns) -> Flags:
    found = np.zeros(columns.count, dtype=np.bool_)
    for feature in catalogue.BUREAU:
        values = columns.figures.get(feature.name)
        if values is not None:
            found |= (values < float(feature.low)) | (values > float(feature.high))
    return found


def _objections(columns: Columns) -> Numbers:
    """Say of each card why it cannot be cleared; what comes last here is looked at first."""
    cards = columns.cards
    found: Numbers = np.zeros(cards.present.shape, dtype=np.uint8)
    issuer_codes = [lender.issuer_code for lender in columns.lenders]
    own = np.array([code or "" for code in issuer_codes], dtype=np.object_)[columns.lender_at]
    issues = np.array([code is not None for code in issuer_codes])[columns.lender_at]
    expired = ~cards.quoted | (cards.valid_until < columns.as_of[:, None])
    is_credit = cards.account_type == ACCOUNT_TYPES.index(AccountType.CREDIT)
    is_unknown = cards.account_type == ACCOUNT_TYPES.index(AccountType.UNKNOWN)
    for where, reason in (
        (cards.amount <= 0, Reason.CARD_WITHOUT_DEBT),
        (expired, Reason.CARD_QUOTE_EXPIRED),
        (issues[:, None] & (cards.issuer == own[:, None]), Reason.CARD_OF_FUNDER),
        (~cards.name_matches, Reason.CARD_NAME_MISMATCH),
        (~cards.payable, Reason.CARD_NOT_PAYABLE),
        (~is_credit, Reason.CARD_NOT_CREDIT),
        (is_unknown, Reason.CARD_UNKNOWN),
    ):
        found[where & cards.present] = CODES[reason]
    return found


def _order(columns: Columns, objection: Numbers) -> Whole:
    """Order the cards that can be cleared by their debts, the largest first, then by reference."""
    cards = columns.cards
    payable = cards.present & (objection == 0)
    key = np.where(payable, -cards.amount, _LAST)
    order = np.argsort(key, axis=1, kind="stable")
    sorted_key = np.take_along_axis(key, order, axis=1)
    alike = (sorted_key[:, 1:] == sorted_key[:, :-1]) & (sorted_key[:, 1:] != _LAST)
    for row in np.flatnonzero(alike.any(axis=1)):
        order[row] = sorted(order[row], key=lambda at: (key[row, at], cards.ref[row, at]))
    found: Whole = order.astype(np.int64)
    return found


class Rooms(NamedTuple):
    """What may go to debts each month; a place a dossier, in fen."""

    for_loan: Whole
    """What is left for the new instalment."""
    elsewhere: Whole
    """Payments on debts that the loan cannot replace."""
    exact: Flags
    """Where both are surely exact."""


def living_costs(columns: Columns, policy: Policy) -> Whole:
    """Give the living costs that count: as stated, but not below the policy's guideline."""
    if policy.added is None:
        return np.maximum(columns.essential_costs, policy.budget.essential_costs_min.fen)
    unknown = np.full(columns.count, np.nan)
    told = np.stack([columns.figures.get(name, unknown) for name in spelling.OF_COSTS])
    # What is no number equals nothing, itself included, so something else stands for it.
    told = np.where(np.isnan(told), -np.inf, told)
    _, first, at = np.unique(told, axis=1, return_index=True, return_inverse=True)
    least = [
        budget.essential_costs(
            replace(columns.dossier(row), essential_costs=ZERO), policy.added.costs
        ).fen
        for row in first.tolist()
    ]
    return np.maximum(columns.essential_costs, np.array(least, dtype=np.int64)[at])


def rooms(columns: Columns, screened: Screened, minimum_due: Whole, policy: Policy) -> Rooms:
    """Give what may go to debts each month; `minimum_due` is the sum over the cards weighed."""
    rules, income = policy.budget, screened.income
    verified = columns.verified_income
    whole = np.where(verified > 0, verified, np.maximum(columns.stated_income, 0))
    ratio = columns.figures.get(DEBT_TO_INCOME, np.full(columns.count, np.nan))
    known = ~np.isnan(ratio)
    percent = np.where(known, np.maximum(ratio, 0.0), 0.0)
    exact = fits(percent, MICRO, 1.0)
    millionths = np.rint(np.where(exact, percent, 0.0) * MICRO).astype(np.int64)
    exact &= (millionths / MICRO == percent) & fits(whole, millionths, 4.0)
    share = half_up(np.where(exact, whole, 0) * millionths, 100 * MICRO)
    elsewhere = np.maximum(
        0,
        np.where(known, share, times(whole, rules.debt_to_income_when_unknown)) - minimum_due,
    )
    costs = living_costs(columns, policy)
    for_debts = np.minimum(
        times(income, rules.debt_to_income_max), income - costs - times(income, rules.cushion)
    )
    return Rooms(for_debts - elsewhere, elsewhere, exact)
