"""Dossiers of one lender with as many cards: what the search is asked, and where its answers go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from underwriting.batch import costs, sets
from underwriting.batch.ceilings import Footing
from underwriting.batch.choosing import Found
from underwriting.batch.columns import Columns
from underwriting.batch.costs import Borne, Costs
from underwriting.batch.exact import Whole, times
from underwriting.batch.findings import Numbers
from underwriting.batch.profits import Prospects
from underwriting.batch.results import Decided
from underwriting.batch.screening import Rooms, Screened
from underwriting.batch.sets import Asked
from underwriting.limits import CardOrder
from underwriting.policy import Policy


class Case(NamedTuple):
    """All dossiers of a batch as far as they are decided before the search."""

    columns: Columns
    policy: Policy
    screened: Screened
    rooms: Rooms
    pd: Whole
    band: Whole
    """Which of the policy's bands."""
    bound: Whole
    """The upper bound of the probability of default, in millionths."""


def ask(case: Case, rows: Whole) -> Asked:
    """Lay out what the search needs to know of dossiers of one lender with as many cards."""
    columns, policy, screened, rooms = case.columns, case.policy, case.screened, case.rooms
    places = screened.order[rows, : screened.candidates[rows[0]]]
    cards, at = columns.cards, (rows[:, None], places)
    amount, minimum_due = cards.amount[at], cards.minimum_due[at]
    ceiling = amount + cards.per_diem[at] * policy.limit.buffer_days
    stays = _staying(columns, policy, rows, places)
    offered = cards.offered[at]
    offers = costs.taking_offers(
        amount, cards.offer_monthly[at], cards.offer_cost[at], cards.offer_months[at]
    )
    rates = [each.annual_rate for each in policy.bands]
    return Asked(
        ceiling=ceiling,
        minimum_due=minimum_due,
        staying=stays,
        offers=Costs(*(np.where(offered, o, s) for o, s in zip(offers, stays, strict=True))),
        offered=offered,
        delinquent=(cards.days_past_due[at] > 0) | (cards.past_due[at] > 0),
        rates=rates,
        rate_at=case.band[rows],
        footing=Footing(
            debts=ceiling.sum(axis=1),
            risk=_risk(case, rows),
            room=rooms.for_loan[rows],
            rates=rates,
            rate_at=case.band[rows],
            lender=columns.lenders[columns.lender_at[rows[0]]],
            step=policy.limit.step.fen,
            prospects=_prospects(case, rows, cards.credit_limit[at].sum(axis=1)),
        ),
        order=CardOrder.SAVING if policy.added is None else policy.added.cards,
        longer_max=None if policy.added is None else policy.added.better_off.longer_max,
    )


def _risk(case: Case, rows: Whole) -> Whole:
    """Give the risk's ceiling: by the band's multiple, or by that of the cell of the bound."""
    policy, income = case.policy, case.screened.income[rows]
    if policy.added is None:
        at, multiples = case.band[rows], [band.income_multiple for band in policy.bands]
    else:
        tops = np.array([int(cell.bound_max.scaleb(6)) for cell in policy.added.cells])
        at = np.searchsorted(tops, case.bound[rows])
        multiples = [cell.income_multiple for cell in policy.added.cells]
    found = np.zeros_like(income)
    for place, multiple in enumerate(multiples):
        assert multiple is not None, "a policy of the first form has multiples"
        those = at == place
        found[those] = times(income[those], multiple)
    return found


def _prospects(case: Case, rows: Whole, lines: Whole) -> Prospects | None:
    if case.policy.added is None:
        return None
    return Prospects(
        pd=case.pd[rows],
        income=case.screened.income[rows],
        elsewhere=case.rooms.elsewhere[rows],
        lines=lines,
        rates=[band.annual_rate for band in case.policy.bands],
        rate_at=case.band[rows],
        rules=case.policy.added.profit,
    )


def _staying(columns: Columns, policy: Policy, rows: Whole, places: Whole) -> Costs:
    cards, at = columns.cards, (rows[:, None], places)
    borne = Borne(
        cards.amount[at].ravel(),
        cards.minimum_due[at].ravel(),
        columns.daily_rates,
        cards.rate_at[at].ravel(),
    )
    found = costs.staying(borne, policy.staying)
    return Costs(*(each.reshape(places.shape) for each in found))


def keep(decided: Decided, rows: Whole, asked: Asked, found: Found) -> Numbers:
    """Put what was found where it belongs, and give why there is no plan or not every card."""
    decided.limit[rows], decided.binding[rows] = found.limit, found.binding
    decided.ceilings[rows] = found.ceilings
    decided.months[rows], decided.instalment[rows] = found.months, found.instalment
    inside = sets.members(asked.cards)[found.chosen]
    places = decided.order[rows, : asked.cards]
    at = (rows[:, None], places)
    decided.ceiling[at] = asked.ceiling
    decided.chosen[at] = inside == 1
    decided.beside[at] = found.left_out
    decided.principal[rows] = (asked.ceiling * inside).sum(axis=1)
    decided.loan[rows] = np.stack([found.monthly, found.total, found.months], axis=1)
    decided.staying[rows] = _together(asked.staying, inside)
    offered = (asked.offered & (inside == 1)).any(axis=1)
    decided.offers[rows] = _together(asked.offers, inside) * offered[:, None]
    width = max(found.obstacles.shape[1], asked.cards)
    why = np.zeros((len(rows), width), dtype=np.uint8)
    why[:, : found.obstacles.shape[1]] = found.obstacles
    has_plan = found.months != 0
    why[has_plan, : asked.cards] = found.left_out[has_plan]
    return why


def _together(each: Costs, inside: Whole) -> Whole:
    found: Whole = np.stack(
        [
            (each.monthly * inside).sum(axis=1),
            (each.total * inside).sum(axis=1),
            (each.months * inside).max(axis=1),
        ],
        axis=1,
    )
    return found
