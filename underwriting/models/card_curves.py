"""The pictures of a model card: ranking, calibration, spread of the score and segments. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from underwriting import pictures
from underwriting.pictures import Axis, Band, Column, Form, Frame, Line, Tone, Whisker
from underwriting.plates import Head, Kind, Plate, Say


def plates(curves: Mapping[str, Any], say: Say) -> tuple[Plate, ...]:
    """Give a plate for each curve; one that the manifest lacks says so."""
    return (
        _roc(curves.get("roc") or (), say),
        _calibration(curves.get("calibration") or (), say),
        _distribution(curves.get("distribution") or (), say),
        _gain(curves.get("gain") or (), say),
    )


def segments(found: Sequence[Mapping[str, Any]], say: Say, feature: Callable[[str], str]) -> Plate:
    """Give the bad rate of each segment against what was expected of it."""

    def name(each: Mapping[str, Any]) -> str:
        value = say("缺失", "missing") if each["value"] == "missing" else each["value"]
        by = say("月份", "Month") if each["by"] == "month" else feature(each["by"])
        return f"{by} {value}"

    rows = tuple(
        (
            name(each),
            each["loans"],
            each["bads"],
            float(each["mean_pd"]),
            float(each["bad_rate"]),
            *(float(end) for end in each["bad_rate_interval_95"]),
            None if each["auc"] is None else float(each["auc"]),
        )
        for each in found
    )
    title = say("分组表现", "Segments")
    return Plate(
        name="segments",
        title=title,
        summary=say(
            "点为实际违约率与 95% 区间，竖线为预计；不相交者为菱形。",
            "Dots are observed bad rates with 95% intervals, ticks what was expected; a diamond "
            "where the two do not meet.",
        ),
        picture=_segments_picture(title, rows, say) if rows else "",
        heads=(
            Head(say("分组", "Segment")),
            Head(say("贷款", "Loans"), Kind.COUNT),
            Head(say("违约", "Bads"), Kind.COUNT),
            Head(say("预计", "Expected"), Kind.SHARE),
            Head(say("实际", "Observed"), Kind.SHARE),
            Head(say("95% 低", "95% low"), Kind.SHARE),
            Head(say("95% 高", "95% high"), Kind.SHARE),
            Head("AUC", Kind.NUMBER),
        ),
        rows=rows,
        nothing=_lacking(say),
    )


def _segments_picture(title: str, rows: Sequence[Sequence[Any]], say: Say) -> str:
    drawn = [
        Whisker(
            name=str(row[0]),
            value=row[4],
            low=row[5],
            high=row[6],
            bar=row[3],
            tone=Tone.PLAIN if row[5] <= row[3] <= row[6] else Tone.WARNING,
        )
        for row in rows
    ]
    return pictures.whiskers(
        Frame(
            name="segments-picture",
            title=title,
            description=_told(drawn, say),
            x=Axis(
                label=say("违约率", "Bad rate"),
                high=pictures.reach([each.high or 0.0 for each in drawn]),
                form=Form.SHARE,
            ),
            y=Axis(label=""),
        ),
        drawn,
    )


def _told(drawn: Sequence[Whisker], say: Say) -> str:
    off = [each.name for each in drawn if each.tone is not Tone.PLAIN]
    return say(
        f"{len(drawn)} 个分组，{len(off)} 个的预计不在区间内。",
        f"{len(drawn)} segments; in {len(off)} the expected rate is outside the interval.",
    )


def _lacking(say: Say) -> str:
    return say(
        "该模型的清单早于此图，没有记录。",
        "The manifest is older than this picture and does not hold it.",
    )


def _roc(points: Sequence[Sequence[str]], say: Say) -> Plate:
    at = tuple((float(x), float(y)) for x, y in points)
    title = say("ROC 曲线", "ROC curve")
    return Plate(
        name="roc",
        title=title,
        summary=say(
            "越靠左上越能把违约排在前面；虚线为随机。",
            "The nearer to the upper left, the better bads come first; dashes are chance.",
        ),
        picture=pictures.lines(
            Frame(
                name="roc-picture",
                title=title,
                description=say("由左下至右上的曲线。", "A curve from lower left to upper right."),
                x=Axis(label=say("误拦好户占比", "Share of goods held for bad"), form=Form.SHARE),
                y=Axis(label=say("找出违约占比", "Share of bads found"), form=Form.SHARE),
            ),
            [Line(say("模型", "Model"), at), Line(say("随机", "Chance"), [(0, 0), (1, 1)])],
        )
        if at
        else "",
        heads=(
            Head(say("误拦好户占比", "Share of goods held for bad"), Kind.SHARE),
            Head(say("找出违约占比", "Share of bads found"), Kind.SHARE),
        ),
        rows=at,
        nothing=_lacking(say),
    )


def _calibration(bins: Sequence[Mapping[str, Any]], say: Say) -> Plate:
    rows = tuple(
        (
            float(each["mean_pd"]),
            float(each["bad_rate"]),
            *(float(end) for end in each["interval_95"]),
            each["loans"],
            each["bads"],
        )
        for each in bins
    )
    title = say("校准", "Calibration")
    top = pictures.reach([max(row[0], row[3]) for row in rows])
    return Plate(
        name="calibration",
        title=title,
        summary=say(
            "每十分之一贷款的预计与实际违约率；带为 95% 区间。",
            "Expected and observed bad rate of each tenth of the loans; the band is the 95% "
            "interval.",
        ),
        picture=pictures.lines(
            Frame(
                name="calibration-picture",
                title=title,
                description=say("实际违约率随预计上升。", "Observed rates against expected ones."),
                x=Axis(label=say("预计违约概率", "Expected PD"), high=top, form=Form.SHARE),
                y=Axis(label=say("实际违约率", "Observed bad rate"), high=top, form=Form.SHARE),
            ),
            [
                Line(say("实际", "Observed"), [(row[0], row[1]) for row in rows]),
                Line(say("完全校准", "Perfect"), [(0.0, 0.0), (top, top)]),
            ],
            bands=[Band([(row[0], row[2], row[3]) for row in rows])],
        )
        if rows
        else "",
        heads=(
            Head(say("预计", "Expected"), Kind.SHARE),
            Head(say("实际", "Observed"), Kind.SHARE),
            Head(say("95% 低", "95% low"), Kind.SHARE),
            Head(say("95% 高", "95% high"), Kind.SHARE),
            Head(say("贷款", "Loans"), Kind.COUNT),
            Head(say("违约", "Bads"), Kind.COUNT),
        ),
        rows=rows,
        nothing=_lacking(say),
    )


def _distribution(blocks: Sequence[Mapping[str, Any]], say: Say) -> Plate:
    rows = tuple(
        (float(each["from"]), float(each["to"]), each["loans"] - each["bads"], each["bads"])
        for each in blocks
    )
    title = say("评分分布", "Distribution of the score")
    return Plate(
        name="distribution",
        title=title,
        summary=say(
            "检验窗贷款按违约概率分布；最后一段含更高者。",
            "Loans of the judging window by PD; the last block holds whatever is above.",
        ),
        picture=pictures.columns(
            Frame(
                name="distribution-picture",
                title=title,
                description=say("按违约概率的柱形。", "Columns by PD."),
                x=Axis(label=say("违约概率", "PD"), high=rows[-1][1], form=Form.SHARE),
                y=Axis(
                    label=say("贷款", "Loans"),
                    high=pictures.reach([row[2] + row[3] for row in rows]),
                    form=Form.COUNT,
                ),
            ),
            [Column(row[0], row[1], (row[2], row[3])) for row in rows],
            names=(say("还清", "Repaid"), say("违约", "Bad")),
        )
        if rows
        else "",
        heads=(
            Head(say("高于", "Above"), Kind.SHARE),
            Head(say("至", "To"), Kind.SHARE),
            Head(say("还清", "Repaid"), Kind.COUNT),
            Head(say("违约", "Bad"), Kind.COUNT),
        ),
        rows=rows,
        nothing=_lacking(say),
    )


def _gain(tenths: Sequence[Mapping[str, Any]], say: Say) -> Plate:
    rows = tuple(
        (
            float(each["share_of_loans"]),
            float(each["share_of_bads"]),
            each["loans"],
            each["bads"],
            each["bads"] / each["loans"],
        )
        for each in tenths
    )
    title = say("增益", "Gain")
    return Plate(
        name="gain",
        title=title,
        summary=say(
            "从风险最高者数起，前若干成贷款中含有多少违约。",
            "How many of the bads stand among the riskiest loans, from the riskiest on.",
        ),
        picture=pictures.lines(
            Frame(
                name="gain-picture",
                title=title,
                description=say("累计违约占比曲线。", "Share of bads found so far."),
                x=Axis(label=say("贷款占比", "Share of loans"), form=Form.SHARE),
                y=Axis(label=say("违约占比", "Share of bads"), form=Form.SHARE),
            ),
            [
                Line(say("模型", "Model"), [(0.0, 0.0), *((row[0], row[1]) for row in rows)]),
                Line(say("随机", "Chance"), [(0.0, 0.0), (1.0, 1.0)]),
            ],
        )
        if rows
        else "",
        heads=(
            Head(say("贷款占比", "Share of loans"), Kind.SHARE),
            Head(say("违约占比", "Share of bads"), Kind.SHARE),
            Head(say("贷款", "Loans"), Kind.COUNT),
            Head(say("违约", "Bads"), Kind.COUNT),
            Head(say("违约率", "Bad rate"), Kind.SHARE),
        ),
        rows=rows,
        nothing=_lacking(say),
    )
