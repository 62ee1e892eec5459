"""Deciding on many dossiers: what `assessments.decide` says of each, worked out in columns.

What the columns cannot hold (amounts or figures beyond safe bounds, very many cards) is decided
alone, and counted; the answers are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from disbursement.schedule.contract import NotSchedulable
from underwriting import assessments
from underwriting.batch import choosing, costs, grouping, profits, results, scores, screening
from underwriting.batch.columns import NONE, Columns
from underwriting.batch.costs import Borne
from underwriting.batch.exact import FEN_SAFE, Flags, NotInColumns, Whole
from underwriting.batch.findings import CODES, Listed, Numbers
from underwriting.batch.grouping import Case
from underwriting.batch.results import Decided, place_of
from underwriting.batch.scores import BatchScorer, Bounds
from underwriting.batch.screening import Rooms, Screened
from underwriting.decisions import Outcome
from underwriting.policy import Policy
from underwriting.reasons import Reason

CARDS_SIDE_BY_SIDE: Final = 8
"""A dossier with more cards that can be cleared is decided alone."""
_OF_THE_SCORE: Final = [CODES[reason] for reason in assessments.OF_THE_SCORE]
SETS_AT_ONCE: Final = 1 << 19
"""Sets of cards, of all dossiers that are searched together."""


class Assessor:
    """Decides on batches under one policy by one model, and remembers what they share."""

    def __init__(self, policy: Policy, scorer: BatchScorer) -> None:
        self._policy = policy
        self._scorer = scorer
        self._bounds = scores.Bounds(scorer)

    def assess(self, columns: Columns) -> Decided:
        """Decide on every dossier; each gets what `assessments.decide` gives it."""
        policy, scorer = self._policy, self._scorer
        run = _Run(columns, policy, scorer, self._bounds, results.blank(columns, policy, scorer))
        try:
            hard = run.decide(_beyond_bounds(columns, policy))
        except (NotInColumns, NotSchedulable):
            blank = results.blank(columns, policy, scorer)
            run = _Run(columns, policy, scorer, self._bounds, blank)
            hard = np.arange(columns.count)
        for row in hard.tolist():
            run.decided.put(row, assessments.decide(columns.dossier(row), policy, scorer))
        return run.decided


def _beyond_bounds(columns: Columns, policy: Policy) -> Flags:
    """Tell which dossiers hold numbers that could leave 64 bits on the way."""
    cards = columns.cards
    found: Flags = np.zeros(columns.count, dtype=np.bool_)
    for amounts in (columns.stated_income, columns.verified_income, columns.essential_costs):
        found |= np.abs(amounts) > FEN_SAFE
    for amounts in (
        cards.amount, cards.per_diem, cards.minimum_due, cards.past_due, cards.credit_limit,
        cards.offer_monthly, cards.offer_cost,
    ):  # fmt: skip
        found |= (np.abs(amounts) > FEN_SAFE).any(axis=1)
    borne = Borne(
        np.where(found[:, None], 0, cards.amount),
        cards.minimum_due,
        columns.daily_rates,
        cards.rate_at,
    )
    stays = costs.can_stay(borne, policy.staying.months_max)
    return found | (cards.quoted & (cards.amount > 0) & ~stays).any(axis=1)


@dataclass(frozen=True, slots=True)
class _Run:
    """One batch while it is decided."""

    columns: Columns
    policy: Policy
    scorer: BatchScorer
    bounds: Bounds
    decided: Decided

    def decide(self, hard: Flags) -> Whole:
        """Decide on all but the hard ones, and name all that are left to be decided alone."""
        decided = self.decided
        screened = screening.screen(self.columns, self.policy)
        decided.income, decided.is_verified = screened.income, screened.is_verified
        decided.objection, decided.order = screened.objection, screened.order
        is_declined = screened.declines.length > 0
        decided.outcome[:] = place_of(Outcome.DECLINE)
        decided.reasons[:] = screened.declines.first()
        unfiled = ~is_declined & ~self.columns.has_bureau_file
        decided.outcome[unfiled] = place_of(Outcome.REVIEW)
        decided.reasons[unfiled] = screened.to_review.first()[unfiled]
        open_ = ~is_declined & ~unfiled
        hard = hard | (open_ & (screened.candidates > CARDS_SIDE_BY_SIDE))
        minimum_due = self._candidates(self.columns.cards.minimum_due, screened).sum(axis=1)
        rooms = screening.rooms(self.columns, screened, minimum_due, self.policy)
        hard |= open_ & ~rooms.exact
        if self.policy.added is not None:
            lines = self._candidates(self.columns.cards.credit_limit, screened).sum(axis=1)
            hard |= open_ & ~profits.is_safe(screened.income, lines, self.policy.added.profit)
        self._score(np.flatnonzero(open_ & ~hard), screened, rooms)
        return np.flatnonzero(hard)

    def _candidates(self, values: Whole, screened: Screened) -> Whole:
        """Lay values of cards in the order in which those are weighed, 0 after the last of them."""
        ordered = np.take_along_axis(values, screened.order, axis=1)
        is_one = np.arange(ordered.shape[1]) < screened.candidates[:, None]
        found: Whole = np.where(is_one, ordered, 0)
        return found

    def _score(self, rows: Whole, screened: Screened, rooms: Rooms) -> None:
        """Score, price and search; then say what weighed where that is a reason."""
        columns, decided, policy = self.columns, self.decided, self.policy
        names = self.scorer.features
        told = scores.matrix(columns, rows, screened.income, names)
        decided.pd[rows] = scores.pds(self.scorer, told)
        tops = np.array([int(band.pd_max.scaleb(6)) for band in policy.bands])
        band = np.searchsorted(tops, decided.pd[rows])
        priced = band < len(tops)
        decided.band[rows[priced]] = band[priced]
        dear = self._above_cap(rows[priced])
        decided.reasons[dear, 0] = CODES[Reason.NO_PRICE_UNDER_CAP]
        searched = np.setdiff1d(rows[priced], dear)
        cut = self._search(searched, screened, rooms)
        needed = np.concatenate([rows[~priced], cut])
        at = np.searchsorted(rows, needed)
        weights = scores.weigh(self.scorer, told[at], policy)
        decided.parts = weights.parts
        decided.explained[needed] = np.arange(len(needed))
        risky = len(needed) - len(cut)
        decided.reasons[needed[:risky]] = scores.or_else(
            weights.reasons[:risky], Reason.RISK_TOO_HIGH
        )
        self._add_weights(cut, weights.reasons[risky:], screened)

    def _above_cap(self, rows: Whole) -> Whole:
        caps = [lender.annual_cap for lender in self.columns.lenders]
        above = np.array([[band.annual_rate > cap for band in self.policy.bands] for cap in caps])
        found: Whole = rows[above[self.columns.lender_at[rows], self.decided.band[rows]]]
        return found

    def _search(self, rows: Whole, screened: Screened, rooms: Rooms) -> Whole:
        """Search terms and cards for priced dossiers; give those whose limit was cut for risk."""
        columns, decided = self.columns, self.decided
        bound = np.full(columns.count, NONE, dtype=np.int64)
        if self.policy.added is not None:
            bound[rows] = self.bounds.of(decided.pd[rows])
        case = Case(columns, self.policy, screened, rooms, decided.pd, decided.band, bound)
        lenders, counts = columns.lender_at[rows], screened.candidates[rows]
        is_cut = np.zeros(columns.count, dtype=np.bool_)
        for lender, cards in np.unique(np.stack([lenders, counts]), axis=1).T.tolist():
            alike = rows[(lenders == lender) & (counts == cards)]
            stride = max(1, SETS_AT_ONCE >> cards)
            for first in range(0, len(alike), stride):
                group = alike[first : first + stride]
                asked = grouping.ask(case, group)
                found = choosing.search(asked)
                why = grouping.keep(self.decided, group, asked, found)
                is_cut[group] = np.isin(why, _OF_THE_SCORE).any(axis=1)
                self._say_why(group, why, screened)
        return np.flatnonzero(is_cut)

    def _say_why(self, rows: Whole, why: Numbers, screened: Screened) -> None:
        """Set outcome and reasons of dossiers that were searched."""
        decided = self.decided
        has_plan = decided.months[rows] != 0
        to_review = has_plan & (screened.to_review.length[rows] > 0)
        decided.outcome[rows[has_plan]] = place_of(Outcome.APPROVE)
        decided.outcome[rows[to_review]] = place_of(Outcome.REVIEW)
        listed = Listed(len(rows))
        listed.extend(~to_review, why)
        listed.extend(to_review, screened.to_review.numbers[rows])
        decided.reasons[rows] = listed.numbers

    def _add_weights(self, rows: Whole, weights: Numbers, screened: Screened) -> None:
        """Add what weighed to the reasons of those whose limit was cut."""
        decided = self.decided
        listed = Listed(len(rows))
        every = np.ones(len(rows), dtype=np.bool_)
        listed.extend(every, decided.reasons[rows])
        by_person = (decided.months[rows] != 0) & (screened.to_review.length[rows] > 0)
        listed.extend(~by_person, weights)
        decided.reasons[rows] = listed.numbers
