"""The page of scores: how they are spread, and what another cut-off would have changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from kernel.actors import Role
from kernel.clock import business_day
from kernel.db import transaction
from kernel.web import lists
from kernel.web.access import allow
from kernel.web.around import now, say
from underwriting import cutoffs, pictures, policy
from underwriting.cutoffs import Effect, Scored
from underwriting.cutoffs import Kind as Became
from underwriting.pictures import Axis, Column, Form, Frame, Line, Mark
from underwriting.plates import Head, Kind, Plate
from underwriting.web import plate_files, score_list
from underwriting.web.score_list import SCORED_MAX

SPAN_DAYS: Final = 90
BLOCKS: Final = 24
CUTS: Final = 12
CUT_MIN: Final = Decimal("0.01")
CUT_MAX: Final = Decimal(100)
"""Of a cut-off, in percent."""
SLIDER_STEP: Final = Decimal("0.25")
BECAME: Final = {
    Became.APPROVED: ("通过", "Approved"),
    Became.REVIEW: ("人工审核", "For review"),
    Became.BY_SCORE: ("因评分拒绝", "Declined by the score"),
    Became.OTHERWISE: ("因其他原因拒绝", "Declined otherwise"),
}

blueprint = Blueprint("scores", __name__, url_prefix="/scores")


@blueprint.get("")
@allow(Role.RISK_OFFICER)
def scores() -> ResponseReturnValue:
    """Show the spread of scores, and what a cut-off comes to."""
    filters, today = lists.Filters(), business_day(now())
    first = filters.day("first") or today - timedelta(days=SPAN_DAYS - 1)
    last = filters.day("last") or today
    rules = policy.in_force(today)
    present = rules.bands[-1].pd_max
    cut = _chosen(filters) or present
    with transaction() as session:
        found = score_list.scored(session, first, last)
    effects = [cutoffs.at(found, each) for each in _round_cuts(found, present)]
    plates = [_spread(found, cut, present), _cuts(effects, present)] if found else []
    if lists.wants_csv():
        return plate_files.asked(plates, stem="scores")
    page = render_template(
        "underwriting/scores.html",
        section="scores",
        plates=plates,
        count=len(found),
        most=SCORED_MAX,
        policy=rules,
        present=cutoffs.at(found, present),
        effect=cutoffs.at(found, cut),
        cut=_percent(cut),
        step=SLIDER_STEP,
        bands=[(band.name, _percent(band.pd_max)) for band in rules.bands],
        first=first,
        last=last,
        filters=filters.filled(),
    )
    return page, filters.status


def _chosen(filters: lists.Filters) -> Decimal | None:
    """Read the cut-off: the number, or the slider where the number was left as it was."""
    typed, was, slid = (filters.text(name) for name in ("cut", "was", "slide"))
    name = "slide" if slid is not None and (typed is None or typed == was) else "cut"
    text = request.args.get(name, "").strip().rstrip("%％")
    if not text:
        return None
    try:
        percent = Decimal(text)
    except InvalidOperation:
        percent = Decimal("NaN")
    if percent.is_finite() and CUT_MIN <= percent <= CUT_MAX:
        return (percent / 100).quantize(cutoffs.PLACES)
    filters.faults["cut"] = say(
        "请输入 0.01 至 100 之间的百分数", "Enter a percentage from 0.01 to 100"
    )
    return None


def _round_cuts(found: Sequence[Scored], present: Decimal) -> list[Decimal]:
    """Give cut-offs over the range of the scores, the present one among them."""
    top = pictures.reach([float(each.pd) for each in found], least=float(present))
    step = Decimal(str(top)) / CUTS
    return sorted(
        {present, *((step * place).quantize(cutoffs.PLACES) for place in range(1, CUTS + 1))}
    )


def _spread(found: Sequence[Scored], cut: Decimal, present: Decimal) -> Plate:
    top = pictures.reach([float(each.pd) for each in found], least=float(present))
    width = top / BLOCKS
    counts = {kind: [0] * BLOCKS for kind in Became}
    for each in found:
        counts[each.kind][min(BLOCKS - 1, int(float(each.pd) / width))] += 1
    rows = tuple(
        (
            round(width * place, 6),
            round(width * (place + 1), 6),
            *(counts[kind][place] for kind in Became),
        )
        for place in range(BLOCKS)
    )
    title = say("评分分布", "Distribution of scores")
    marks = [Mark(float(cut), say("分界", "Cut-off"), is_upright=True)]
    return Plate(
        name="spread",
        title=title,
        summary=say(
            "按记录的违约概率；虚线为所选分界。", "By recorded PD; dashes are the chosen cut-off."
        ),
        picture=pictures.columns(
            Frame(
                name="spread-picture",
                title=title,
                description=say(f"{len(found)} 份申请。", f"{len(found)} applications."),
                x=Axis(label=say("违约概率", "PD"), high=top, form=Form.SHARE),
                y=Axis(
                    label=say("申请", "Applications"),
                    high=pictures.reach([float(sum(row[2:])) for row in rows]),
                    form=Form.COUNT,
                ),
            ),
            [Column(float(row[0]), float(row[1]), [float(one) for one in row[2:]]) for row in rows],
            names=[say(*BECAME[kind]) for kind in Became],
            marks=marks,
        ),
        heads=(
            Head(say("违约概率从", "PD from"), Kind.SHARE),
            Head(say("至", "To"), Kind.SHARE),
            *(Head(say(*BECAME[kind]), Kind.COUNT) for kind in Became),
        ),
        rows=rows,
    )


def _cuts(effects: Sequence[Effect], present: Decimal) -> Plate:
    title = say("各分界的结果", "What each cut-off comes to")
    rates = [
        (float(each.cut), float(each.bad_rate)) for each in effects if each.bad_rate is not None
    ]
    return Plate(
        name="cuts",
        title=title,
        summary=say(
            "获批者的预计违约率随分界变化；超出现行分界的放款额按获批者中风险最高四分之一的平均贷款估计。",
            "Expected bad rate of the approved by cut-off; what is lent beyond the present one is "
            "put at the mean loan of the riskiest quarter of the approved.",
        ),
        picture=_cuts_picture(title, rates, present),
        heads=(
            Head(say("分界", "Cut-off"), Kind.SHARE),
            Head(say("通过", "Approved"), Kind.COUNT),
            Head(say("增加", "Gained"), Kind.COUNT),
            Head(say("减少", "Lost"), Kind.COUNT),
            Head(say("预计违约率", "Expected bad rate"), Kind.SHARE),
            Head(say("按金额", "By amount"), Kind.SHARE),
            Head(say("放款额", "Lent"), Kind.MONEY),
        ),
        rows=tuple(
            (
                each.cut,
                each.approved,
                each.gained,
                each.lost,
                each.bad_rate,
                each.loss_weighted,
                each.lent,
            )
            for each in effects
        ),
    )


def _cuts_picture(title: str, rates: Sequence[tuple[float, float]], present: Decimal) -> str:
    top = pictures.reach([x for x, _ in rates])
    return pictures.lines(
        Frame(
            name="cuts-picture",
            title=title,
            description=say("随分界上升的曲线。", "A line that rises with the cut-off."),
            x=Axis(label=say("分界", "Cut-off"), high=top, form=Form.SHARE),
            y=Axis(
                label=say("预计违约率", "Expected bad rate"),
                high=pictures.reach([y for _, y in rates]),
                form=Form.SHARE,
            ),
        ),
        [Line(say("预计违约率", "Expected bad rate"), rates)],
        marks=[Mark(float(present), say("现行", "Present"), is_upright=True)],
    )


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f}"
