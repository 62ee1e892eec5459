"""Whether groups are treated alike: approvals, limits and errors by sex and age. Pure.

The groups are known to this test alone. A difference is no proof: age and income differ between
groups, and the law asks for some of it. A reading says where a person has to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from underwriting.models.metrics import wilson
from underwriting.watched import Measure, Reading, Verdict, places
from underwriting.watching.agencies import Granted, between_means, of_mean
from underwriting.watching.bars import Bars
from underwriting.watching.judging import Judge, between_shares, two_sided
from underwriting.watching.matured import Matured, in_the_large

REST: Final = "rest"
GOOD_HELD_BAD: Final = "good_held_bad"
BAD_HELD_GOOD: Final = "bad_held_good"


class _Share(NamedTuple):
    """So many of so many."""

    hits: int
    of: int


def approvals(by_group: Mapping[str, Sequence[Granted]], bars: Bars) -> tuple[Reading, ...]:
    """Read each group's share approved over that of the best group of its kind (four fifths)."""
    enough = {kind: _enough(groups, bars) for kind, groups in by_group.items()}
    judge = Judge(bars.chance, sum(map(len, enough.values())))
    found = []
    for kind, groups in by_group.items():
        best = max(enough[kind], key=_share, default=None)
        for each in groups:
            if best is None or each not in enough[kind]:
                found.append(_too_few(Measure.FAIR_APPROVAL, each.name, kind, each.decided))
            else:
                found.append(_approval(each, best, judge, bars, kind=kind))
    return tuple(found)


def limits(by_group: Mapping[str, Sequence[Granted]], bars: Bars) -> tuple[Reading, ...]:
    """Read each group's mean limit against that of everybody else of its kind."""
    told = sum(
        each.approved >= bars.fairness.cases_min for group in by_group.values() for each in group
    )
    judge = Judge(bars.chance, told)
    return tuple(
        _limit(each, _rest(each, groups), judge, bars, kind=kind)
        for kind, groups in by_group.items()
        for each in groups
    )


def errors(by_group: Mapping[str, Sequence[Matured]], bars: Bars) -> tuple[Reading, ...]:
    """Read how the score errs on each group, on granted loans whose end is known.

    Three readings a group: its bad loans over those expected; the share of its good loans that
    were held for worse than the mean; the share of its bad loans that were not.
    """
    least = bars.loans.loans_min
    told = sum(each.loans >= least for group in by_group.values() for each in group)
    judge = Judge(bars.chance, 3 * told)
    material = bars.fairness.error_material
    found = []
    for kind, groups in by_group.items():
        for each in groups:
            others = [other for other in groups if other.name != each.name]
            found.append(
                in_the_large(Measure.FAIR_ERROR, each, judge, part=kind, bars=(least, material))
            )
            goods = (_good_held_bad(each), _summed(map(_good_held_bad, others)))
            bads = (_bad_held_good(each), _summed(map(_bad_held_good, others)))
            found.append(
                _error(each.name, f"{kind}/{GOOD_HELD_BAD}", goods, judge=judge, bars=bars)
            )
            found.append(_error(each.name, f"{kind}/{BAD_HELD_GOOD}", bads, judge=judge, bars=bars))
    return tuple(found)


def _good_held_bad(group: Matured) -> _Share:
    return _Share(group.good_held_bad, group.loans - group.bads)


def _bad_held_good(group: Matured) -> _Share:
    return _Share(group.bad_held_good, group.bads)


def _summed(shares: Iterable[_Share]) -> _Share:
    told = list(shares)
    return _Share(sum(each.hits for each in told), sum(each.of for each in told))


def _error(
    subject: str, part: str, shares: tuple[_Share, _Share], *, judge: Judge, bars: Bars
) -> Reading:
    own, rest = shares
    if min(own.of, rest.of) < bars.fairness.cases_min:
        return _too_few(Measure.FAIR_ERROR, subject, part, own.of)
    rate, usual = own.hits / own.of, rest.hits / rest.of
    interval = wilson(own.hits, own.of)
    material = usual * (1.0 + bars.fairness.error_material)
    z = between_shares(own.hits, own.of, rest.hits, rest.of)
    return Reading(
        measure=Measure.FAIR_ERROR,
        subject=subject,
        part=part,
        value=places(rate),
        low=places(interval.low),
        high=places(interval.high),
        bar=places(material),
        cases=own.of,
        verdict=judge.verdict(two_sided(z), is_material=rate > material),
        detail={"count": own.hits, "others_count": rest.hits, "others": rest.of},
    )


def _approval(group: Granted, best: Granted, judge: Judge, bars: Bars, *, kind: str) -> Reading:
    ratio = _share(group) / _share(best) if best.approved else 1.0
    interval = wilson(group.approved, group.decided)
    scale = best.decided / best.approved if best.approved else 1.0
    z = between_shares(group.approved, group.decided, best.approved, best.decided)
    return Reading(
        measure=Measure.FAIR_APPROVAL,
        subject=group.name,
        part=kind,
        value=places(ratio),
        low=places(interval.low * scale),
        high=places(interval.high * scale),
        bar=places(bars.fairness.four_fifths),
        cases=group.decided,
        verdict=judge.verdict(two_sided(z), is_material=ratio < bars.fairness.four_fifths),
        detail={"approved": group.approved, "share": f"{_share(group):.6f}", "best": best.name},
    )


def _limit(group: Granted, rest: Granted, judge: Judge, bars: Bars, *, kind: str) -> Reading:
    least = bars.fairness.cases_min
    if min(group.approved, rest.approved) < least or not rest.mean_limit:
        return _too_few(Measure.FAIR_LIMIT, group.name, kind, group.approved)
    ratio = group.mean_limit / rest.mean_limit
    return of_mean(
        Measure.FAIR_LIMIT,
        group,
        part=kind,
        verdict=judge.verdict(
            two_sided(between_means(group, rest)),
            is_material=abs(ratio - 1.0) >= bars.fairness.limit_material,
        ),
        detail={"over_the_others": f"{ratio:.6f}"},
    )


def _rest(group: Granted, groups: Sequence[Granted]) -> Granted:
    others = [each for each in groups if each.name != group.name]
    return Granted(
        name=REST,
        decided=sum(each.decided for each in others),
        approved=sum(each.approved for each in others),
        limit_sum=sum(each.limit_sum for each in others),
        limit_squares=sum(each.limit_squares for each in others),
    )


def _enough(groups: Sequence[Granted], bars: Bars) -> list[Granted]:
    return [each for each in groups if each.decided >= bars.fairness.cases_min]


def _share(group: Granted) -> float:
    return group.approved / group.decided


def _too_few(measure: Measure, subject: str, kind: str, cases: int) -> Reading:
    return Reading(
        measure=measure, subject=subject, part=kind, cases=cases, verdict=Verdict.TOO_FEW
    )
