"""Which term and which whole cards, in columns: `terms.search` for dossiers with as many cards.

Every set of a dossier's cards is looked at, as for one alone. Sets are judged from the best on:
first one of each dossier, then two, four and so on of those that are still without a permitted one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import numpy as np

from underwriting.batch import ceilings, costs, sets
from underwriting.batch.ceilings import CONSTRAINTS
from underwriting.batch.costs import Loans
from underwriting.batch.exact import Flags, Whole
from underwriting.batch.findings import CODES, Listed, Numbers
from underwriting.batch.sets import AGAINST, NEVER, POSITIONS, Asked, Sets
from underwriting.limits import CardOrder
from underwriting.reasons import Reason
from underwriting.terms import WHY_NOT_MORE

OBSTACLES: Final = tuple(dict.fromkeys((*AGAINST, Reason.NO_CARD_FITS, *WHY_NOT_MORE.values())))
"""All that may stand in the way of a loan."""
_TERM: Final = 2**32
"""Between the keys of one term's obstacles and the next one's."""
_WHY_NOT_MORE: Final = np.array(
    [CODES[WHY_NOT_MORE[each]] if each in WHY_NOT_MORE else 0 for each in CONSTRAINTS],
    dtype=np.uint8,
)
_WIDE: Final = {"rank", "card_saving", "ceilings", "own_ceilings", "obstacles", "left_out"}
"""What has more than one number for a dossier."""
_CODES: Final = np.array([CODES[reason] for reason in OBSTACLES], dtype=np.uint8)


@dataclass(slots=True, kw_only=True)
class Found:
    """The best plan of each dossier, or why there is none."""

    months: Whole
    """0 where there is no plan."""
    chosen: Whole
    """The set of cards as bits, the first card the lowest."""
    rank: Whole
    """How many of them are delinquent where that counts, and what they save."""
    card_saving: Whole
    """What each card would save by itself, at the plan's term."""
    instalment: Whole
    monthly: Whole
    total: Whole
    limit: Whole
    """Under the second form the largest of all terms; under the first that of the plan, and without
    one that of the longest term."""
    binding: Whole
    """Which of `CONSTRAINTS`."""
    ceilings: Whole
    """A place for each of them."""
    own_limit: Whole
    """Of the plan's term."""
    own_binding: Whole
    own_ceilings: Whole
    obstacles: Numbers
    left_out: Numbers
    """Of each card that is not cleared, why."""


class _Term(NamedTuple):
    """One term for those dossiers that are still without a loan for every card."""

    months: int
    later: int
    """How many longer terms there are."""
    rows: Whole
    """Which dossiers; the other columns have a place for each of these."""
    limit: Whole
    binding: Whole
    ceilings: Whole
    saving: Whole
    """Of each card by itself."""


class _Plans(NamedTuple):
    """What one term gives its dossiers."""

    chosen: Whole
    """0 where nothing is permitted."""
    rank: Whole
    loan: Loans
    met: Whole
    """Where among the reasons each of `AGAINST` was met first."""
    fitting: Whole
    """How many sets fit."""


class _Ranked(NamedTuple):
    """The sets of each dossier from the best on."""

    order: Whole
    fitting: Whole
    rank: Whole
    """A line a dossier, a place a set: its delinquent cards where they count, and its saving."""


def search(asked: Asked) -> Found:
    """Try the lender's terms from the shortest on, by the policy's rule."""
    count = len(asked.ceiling)
    together = sets.sums(asked)
    found = _nothing(count, asked.cards)
    seen = np.full((count, len(OBSTACLES)), NEVER, dtype=np.int64)
    rows = np.arange(count)
    terms = sorted(asked.footing.lender.months)
    for number, months in enumerate(terms):
        term = _term(asked, months, len(terms) - 1 - number, rows)
        plans = _best(asked, together, term)
        _keep(asked, found, term, plans)
        _note(asked, seen, term, plans)
        rows = rows[plans.chosen != (1 << asked.cards) - 1]
    _prefer_own(found)
    _list(found, seen)
    _tell_left_out(asked, together, found)
    return found


def _nothing(count: int, cards: int) -> Found:
    blank = {
        field.name: np.zeros(count, dtype=np.int64)
        for field in fields(Found)
        if field.name not in _WIDE
    }
    return Found(
        rank=np.full((count, 2), -1, dtype=np.int64),
        card_saving=np.zeros((count, cards), dtype=np.int64),
        ceilings=np.full((count, len(CONSTRAINTS)), ceilings.NO_CEILING, dtype=np.int64),
        own_ceilings=np.full((count, len(CONSTRAINTS)), ceilings.NO_CEILING, dtype=np.int64),
        obstacles=np.zeros((count, len(OBSTACLES)), dtype=np.uint8),
        left_out=np.zeros((count, cards), dtype=np.uint8),
        **blank,
    )


def _term(asked: Asked, months: int, later: int, rows: Whole) -> _Term:
    held = asked.footing.ceilings(months, rows)
    limit, binding = ceilings.smallest(held, step=asked.footing.step)
    alone = costs.loans(
        asked.ceiling[rows].ravel(),
        asked.rates,
        np.repeat(asked.rate_at[rows], asked.cards),
        months,
    )
    cheapest = np.minimum(asked.staying.total[rows], asked.offers.total[rows])
    saving = cheapest - alone.total.reshape(cheapest.shape)
    return _Term(months, later, rows, limit, binding, held, saving)


def _ranked(asked: Asked, together: Sets, term: _Term) -> _Ranked:
    """Order the sets of each dossier that fit, the best first; the others come last."""
    inside = sets.members(asked.cards).T
    saving = term.saving @ inside
    ceiling = together.ceiling[term.rows]
    fits = (saving > 0) & (ceiling <= term.limit[:, None])
    late = np.zeros_like(saving)
    if asked.order is CardOrder.DELINQUENT_FIRST:
        late = together.late[term.rows]
        fits &= ((term.saving <= 0).astype(np.int64) @ inside) == 0
    order = np.lexsort((ceiling, np.where(fits, -saving, NEVER), np.where(fits, -late, NEVER)))
    return _Ranked(order, fits.sum(axis=1), np.stack([late, saving], axis=2))


def _best(asked: Asked, together: Sets, term: _Term) -> _Plans:
    """Find the best permitted set of each dossier."""
    count = len(term.rows)
    ranked = _ranked(asked, together, term)
    chosen = np.zeros(count, dtype=np.int64)
    loan = Loans(*(np.zeros(count, dtype=np.int64) for _ in Loans._fields))
    met = np.full((count, len(AGAINST)), NEVER, dtype=np.int64)
    waiting, begun, width = np.flatnonzero(ranked.fitting), 0, 1
    while len(waiting):
        widths = np.minimum(ranked.fitting[waiting] - begun, width)
        of = np.repeat(waiting, widths)
        nth = np.arange(len(of)) - np.repeat(np.cumsum(widths) - widths, widths) + begun
        chosen_of = ranked.order[of, nth]
        judged = sets.judge(asked, together, term.rows[of], chosen_of, months=term.months)
        np.minimum.at(met, of, np.minimum(judged.positions + nth[:, None] * POSITIONS, NEVER))
        permitted = np.flatnonzero(judged.permitted)
        done, first = np.unique(of[permitted], return_index=True)
        at = permitted[first]
        chosen[done] = chosen_of[at]
        for kept, made in zip(loan, judged.loan, strict=True):
            kept[done] = made[at]
        begun, width = begun + width, 2 * width
        waiting = waiting[(chosen[waiting] == 0) & (ranked.fitting[waiting] > begun)]
    return _Plans(chosen, ranked.rank[np.arange(count), chosen], loan, met, ranked.fitting)


def _keep(asked: Asked, found: Found, term: _Term, plans: _Plans) -> None:
    """Keep the plans that are better than those of shorter terms, and the limit that goes along."""
    every = (1 << asked.cards) - 1
    rank = found.rank[term.rows]
    is_better = (plans.rank[:, 0] > rank[:, 0]) | (
        (plans.rank[:, 0] == rank[:, 0]) & (plans.rank[:, 1] > rank[:, 1])
    )
    is_kept: Flags = (plans.chosen != 0) & (
        is_better | (plans.chosen == every) | (found.months[term.rows] == 0)
    )
    is_told = is_kept | (found.months[term.rows] == 0)
    if asked.longer_max is not None:
        is_told = term.limit >= found.limit[term.rows]
    told, kept = term.rows[is_told], term.rows[is_kept]
    found.limit[told] = term.limit[is_told]
    found.binding[told] = term.binding[is_told]
    found.ceilings[told] = term.ceilings[is_told]
    found.own_limit[kept] = term.limit[is_kept]
    found.own_binding[kept] = term.binding[is_kept]
    found.own_ceilings[kept] = term.ceilings[is_kept]
    found.months[kept] = term.months
    found.chosen[kept] = plans.chosen[is_kept]
    found.rank[kept] = plans.rank[is_kept]
    found.card_saving[kept] = term.saving[is_kept]
    found.instalment[kept] = plans.loan.instalment[is_kept]
    found.monthly[kept] = plans.loan.monthly[is_kept]
    found.total[kept] = plans.loan.total[is_kept]


def _prefer_own(found: Found) -> None:
    """Of limits alike, tell that of the plan's own term."""
    alike = np.flatnonzero((found.months != 0) & (found.own_limit == found.limit))
    found.binding[alike] = found.own_binding[alike]
    found.ceilings[alike] = found.own_ceilings[alike]


def _note(asked: Asked, seen: Whole, term: _Term, plans: _Plans) -> None:
    """Note what stood in the way of those without a plan; longer terms come first."""
    base = term.later * _TERM
    without = np.flatnonzero(plans.chosen == 0)
    rows, met = term.rows[without], plans.met[without]
    seen[rows, : len(AGAINST)] = np.minimum(
        seen[rows, : len(AGAINST)], np.where(met == NEVER, NEVER, met + base)
    )
    unfit = np.flatnonzero(plans.fitting == 0)
    tried = np.ones_like(term.saving[unfit], dtype=np.bool_)
    if asked.order is CardOrder.DELINQUENT_FIRST:
        tried = term.saving[unfit] > 0
    is_beyond = asked.ceiling[term.rows[unfit]] > term.limit[unfit, None]
    too_dear = (is_beyond | ~tried).all(axis=1) & tried.any(axis=1)
    _mark(seen, term.rows[unfit[~too_dear]], Reason.NOT_CHEAPER_IN_TOTAL, base)
    _mark(seen, term.rows[unfit[too_dear]], Reason.NO_CARD_FITS, base)
    for constraint, reason in WHY_NOT_MORE.items():
        held = too_dear & (term.binding[unfit] == CONSTRAINTS.index(constraint))
        _mark(seen, term.rows[unfit[held]], reason, base + 1)


def _mark(seen: Whole, rows: Whole, reason: Reason, key: int) -> None:
    place = OBSTACLES.index(reason)
    seen[rows, place] = np.minimum(seen[rows, place], key)


def _list(found: Found, seen: Whole) -> None:
    """List the obstacles of those without any plan in the order in which they were noted."""
    rows = np.flatnonzero(found.months == 0)
    order = np.argsort(seen[rows], axis=1, kind="stable")
    known = np.take_along_axis(seen[rows], order, axis=1) != NEVER
    listed = Listed(len(rows), len(OBSTACLES))
    listed.extend(np.ones(len(rows), dtype=np.bool_), np.where(known, _CODES[order], 0))
    found.obstacles[rows] = listed.numbers


def _tell_left_out(asked: Asked, together: Sets, found: Found) -> None:
    """Say of each card beside a plan what happens when it joins the chosen ones."""
    rows, cards = np.nonzero(
        (found.chosen[:, None] != 0) & (found.chosen[:, None] >> np.arange(asked.cards) & 1 == 0)
    )
    more = found.chosen[rows] | (1 << cards)
    is_dearer = found.card_saving[rows, cards] <= 0
    is_beyond = ~is_dearer & (together.ceiling[rows, more] > found.own_limit[rows])
    found.left_out[rows[is_dearer], cards[is_dearer]] = CODES[Reason.NOT_CHEAPER_IN_TOTAL]
    found.left_out[rows[is_beyond], cards[is_beyond]] = _WHY_NOT_MORE[
        found.own_binding[rows[is_beyond]]
    ]
    for months in asked.footing.lender.months:
        at = np.flatnonzero(~is_dearer & ~is_beyond & (found.months[rows] == months))
        if len(at):
            judged = sets.judge(asked, together, rows[at], more[at], months=months)
            assert (judged.first != 0).all(), "a set that is better was tried before"
            found.left_out[rows[at], cards[at]] = judged.first
