"""One decision as plates: its ceilings, what they rest on, what weighed, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from kernel.money import Money
from underwriting import limit_sentences, pictures, weighing
from underwriting.better_off import Worse
from underwriting.decisions import Decision
from underwriting.dossier import Dossier
from underwriting.features import catalogue
from underwriting.features.declaration import Source
from underwriting.limits import Constraint
from underwriting.pictures import Axis, Form, Frame, Mark, Tone, Whisker
from underwriting.plates import Cell, Head, Kind, Plate, Say, Tag
from underwriting.reasons import Reason
from underwriting.workings import Workings

CONTRIBUTIONS_DRAWN_MAX: Final = 12
AGAINST: Final = {
    "staying": ("维持现状", "staying"),
    "offers": ("发卡行分期", "the issuers' own plans"),
}
LOSING: Final = {
    Worse.LONGER: ("还款时间更长", "It is paid for longer"),
    Worse.CHEAPER_LATER: ("以后某月起对方月还款更低", "Later the other way asks for less a month"),
    Worse.WHOLE_INSTALMENT: (
        "困难月份不能只还最低",
        "A hard month has no minimum to fall back on",
    ),
}

Named = Callable[[str], str]
"""Says what a figure is."""
Worded = Callable[[Constraint], str]


def plates(
    decision: Decision, told: Dossier | None, *, say: Say, named: Named, worded: Worded
) -> tuple[Plate, ...]:
    """Give every part of a decision that is a picture or a table; what it has not is left out."""
    workings = decision.workings
    found = [
        _ceilings(decision, say, worded) if decision.ceilings else None,
        _inputs(decision, workings, say) if workings is not None else None,
        _losing(workings, say) if workings is not None and workings.losing else None,
        _fraud(workings, say, named) if workings is not None and workings.fraud else None,
        _contributions(decision, told, say, named) if decision.contributions else None,
        _graph(told, say, named) if told is not None else None,
    ]
    return tuple(plate for plate in found if plate is not None)


def weight_of(decision: Decision) -> Mapping[Reason, Decimal]:
    """Add up what the features behind each reason weighed in the score, in log-odds."""
    found: dict[Reason, Decimal] = {}
    for name, weight in decision.contributions:
        if name in catalogue.CATALOGUE:
            code = weighing.code_of(name)
            found[code] = found.get(code, Decimal(0)) + weight
    return found


def _ceilings(decision: Decision, say: Say, worded: Worded) -> Plate:
    title = say("额度的各项上限", "Ceilings of the limit")
    change = None if decision.workings is None else decision.workings.change
    sentence = None if change is None else limit_sentences.of_change(change)
    return Plate(
        name="ceilings",
        title=title,
        summary="" if sentence is None else say(sentence.zh, sentence.en),
        picture=_ceilings_picture(title, decision, say, worded),
        heads=(
            Head(say("上限", "Ceiling")),
            Head(say("约束", "Binds")),
            Head(say("金额", "Amount"), Kind.MONEY),
        ),
        rows=tuple(
            (
                worded(constraint),
                Tag(say("起约束作用", "Binding"), "warning")
                if constraint is decision.binding
                else "—",
                decision.ceilings[constraint],
            )
            for constraint in Constraint
            if constraint in decision.ceilings
        ),
    )


def _ceilings_picture(title: str, decision: Decision, say: Say, worded: Worded) -> str:
    yuan = {
        name: float(decision.ceilings[name].fen) / 100
        for name in Constraint
        if name in decision.ceilings
    }
    binding = "" if decision.binding is None else worded(decision.binding)
    return pictures.whiskers(
        Frame(
            name="ceilings-picture",
            title=title,
            description=say(f"最低者起约束作用：{binding}。", f"The lowest binds: {binding}."),
            x=Axis(label=say("元", "Yuan"), high=pictures.reach([*yuan.values()]), form=Form.COUNT),
            y=Axis(label=""),
        ),
        [
            Whisker(
                name=worded(constraint),
                value=amount,
                low=0.0,
                high=amount,
                bar=None,
                tone=Tone.WARNING if constraint is decision.binding else Tone.PLAIN,
            )
            for constraint, amount in yuan.items()
        ],
        marks=[Mark(float(decision.limit.fen) / 100, say("额度", "Limit"))],
    )


def _inputs(decision: Decision, workings: Workings, say: Say) -> Plate:
    rows: list[tuple[Cell, Cell]] = [
        (say("违约概率", "PD"), _percent(decision.pd)),
        (say("违约概率上界", "Upper bound of the PD"), _percent(workings.pd_bound)),
        (say("计入月收入", "Income that counts, a month"), _yuan(decision.counted_income)),
        (say("生活支出（计入）", "Living costs, a month"), _yuan(workings.costs)),
    ]
    inputs, expected = workings.inputs, workings.expected
    if inputs is not None:
        rows += [
            (say("风险矩阵格", "Cell of the risk matrix"), inputs.cell),
            (say("测算期数", "Term"), str(inputs.months)),
            (say("其他债务月还款", "Payments elsewhere, a month"), _yuan(inputs.elsewhere)),
            (say("可用于月供", "Room for the instalment"), _yuan(inputs.room)),
            (say("可结清卡的授信额", "Lines of the cards"), _yuan(inputs.lines)),
            (say("结清所需（至多）", "Clearing them costs at most"), _yuan(inputs.debts)),
        ]
    if expected is not None:
        rows += [
            (
                say("该贷款的违约概率（含负担）", "PD of this loan, its burden in"),
                _percent(expected.pd),
            ),
            (say("预期收益", "Expected profit"), _yuan(expected.profit)),
        ]
    return Plate(
        name="inputs",
        title=say("额度依据", "What the limit rests on"),
        heads=(Head(say("项目", "What")), Head(say("数值", "Value"), Kind.NUMBER)),
        rows=tuple(rows),
    )


def _losing(workings: Workings, say: Say) -> Plate:
    return Plate(
        name="losing",
        title=say("新贷款不如的地方", "Where the new loan is worse"),
        summary=say("这些都已向债务人说明。", "The debtor is shown each of them."),
        heads=(
            Head(say("情形", "Case")),
            Head(say("相对", "Against")),
            Head(say("月数", "Months"), Kind.COUNT),
        ),
        rows=tuple(
            (
                say(*LOSING[case.point]),
                say(*AGAINST.get(case.against, (case.against, case.against))),
                case.months,
            )
            for case in workings.losing
        ),
    )


def _fraud(workings: Workings, say: Say, named: Named) -> Plate:
    return Plate(
        name="fraud",
        title=say("反欺诈规则命中", "Fraud rules that were broken"),
        heads=(
            Head(say("规则", "Rule")),
            Head(say("指标", "Figure")),
            Head(say("数值", "Value"), Kind.NUMBER),
            Head(say("高于", "Above"), Kind.NUMBER),
            Head(say("后果", "Then")),
        ),
        rows=tuple(
            (
                hit.rule,
                named(hit.figure.value),
                _plain(hit.value),
                _plain(hit.more_than),
                Tag(say("拒绝", "decline"), "bad")
                if hit.action.value == "decline"
                else Tag(say("转人工", "review"), "warning"),
            )
            for hit in workings.fraud
        ),
    )


def _contributions(decision: Decision, told: Dossier | None, say: Say, named: Named) -> Plate:
    rows = sorted(decision.contributions, key=lambda pair: -abs(pair[1]))
    heaviest = [(name, float(weight)) for name, weight in rows[:CONTRIBUTIONS_DRAWN_MAX]]
    title = say("评分构成", "What weighed in the score")
    top = pictures.reach([abs(weight) for _, weight in heaviest])
    figures = {} if told is None else told.figures
    return Plate(
        name="contributions",
        title=title,
        summary=say(
            "对数优势，相对于获批人群；正值抬高风险。",
            "Log-odds, from those who are lent to; positive raises the risk.",
        ),
        picture=pictures.whiskers(
            Frame(
                name="contributions-picture",
                title=title,
                description=say("正值向右，负值向左。", "Raises to the right, lowers to the left."),
                x=Axis(label=say("对数优势", "Log-odds"), low=-top, high=top),
                y=Axis(label=""),
            ),
            [
                Whisker(
                    name=named(name),
                    value=weight,
                    low=min(0.0, weight),
                    high=max(0.0, weight),
                    bar=None,
                    tone=Tone.BAD if weight > 0 else Tone.PLAIN,
                )
                for name, weight in heaviest
            ],
            marks=[Mark(0.0, "")],
        ),
        heads=(
            Head(say("特征", "Feature")),
            Head(say("数值", "Value"), Kind.NUMBER),
            Head(say("贡献", "Part"), Kind.NUMBER),
        ),
        rows=tuple((named(name), _plain(figures.get(name)), weight) for name, weight in rows),
    )


def _graph(told: Dossier, say: Say, named: Named) -> Plate | None:
    names = [
        name
        for name, feature in catalogue.CATALOGUE.items()
        if feature.source is Source.GRAPH and told.figures.get(name) is not None
    ]
    if not names:
        return None
    return Plate(
        name="graph",
        title=say("关联图指标", "Figures of the graph"),
        summary=say("只计申请之前所见。", "Of what was seen before the application alone."),
        heads=(Head(say("指标", "Figure")), Head(say("数值", "Value"), Kind.NUMBER)),
        rows=tuple((named(name), _plain(told.figures[name])) for name in names),
    )


def _percent(value: Decimal | None) -> str | None:
    return None if value is None else f"{value * 100:.4f}%"


def _yuan(value: Money) -> str:
    return f"-¥{(-value).grouped}" if value.fen < 0 else f"¥{value.grouped}"


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"
