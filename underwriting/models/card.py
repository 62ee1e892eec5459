"""The model card: what a model is for, what it learnt from, how good it is and where it ends.

Everything on it comes from the model's own manifest, so a card cannot say more than was measured.
A manifest that is older than a part of the card lacks that part, and the card says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from underwriting import canonical
from underwriting.features import catalogue
from underwriting.features.declaration import Sign, Unit
from underwriting.models import card_curves
from underwriting.plates import Cell, Head, Kind, Plate, Say, as_html

PURPOSE: Final = (
    "预测信用卡代偿贷款整个期限内的违约概率，只用于本产品的定价与额度。",
    "Predicts the probability that a balance transfer loan defaults within its life; used for "
    "price and limit of this product alone.",
)
LABEL: Final = (
    "标签 1 为核销或违约，0 为全部还清。仅已放款的贷款有标签：被拒者的结果未知，"
    "所有指标只对获批人群成立，未做拒绝推断。",
    "The label is 1 for charged off or in default, 0 for fully repaid. It is known of approved "
    "loans only: what became of the declined nobody knows, so every figure holds for the approved "
    "alone, and no reject inference was made.",
)
LIMITS: Final = (
    (
        "不用于其他产品、其他国家的人群或催收决策。",
        "Not for other products, other populations or decisions about collection.",
    ),
    (
        "人群、渠道或征信来源变化后须先看监测页；校准偏离即停用或重训。",
        "After a change of people, agencies or bureau, see the monitoring first; a model out of "
        "calibration is retrained or taken out.",
    ),
    (
        "训练数据若非本机构贷款（例如公开数据集），区分能力与违约率都须以本机构到期贷款重新检验。",
        "Where it learnt from loans that are not our own, such as a public data set, ranking and "
        "level have to be proved on our own matured loans.",
    ),
    (
        "缺失值按模型所学处理，范围之外的数值按缺失处理并转人工。",
        "Missing values are treated as learnt; values out of bounds count as missing and put a "
        "person before the case.",
    ),
    (
        "性别、年龄、民族、婚姻与地域从不作为特征；公平性在监测页另行检验。",
        "Sex, age, ethnicity, marriage and place are never features; fairness is tested apart.",
    ),
)
FIGURES: Final = (
    ("auc", ("AUC", "AUC"), Kind.NUMBER),
    ("ks", ("KS", "KS"), Kind.NUMBER),
    ("brier", ("Brier", "Brier"), Kind.NUMBER),
    ("log_loss", ("对数损失", "Log-loss"), Kind.NUMBER),
    ("calibration_error", ("校准误差（ECE）", "Calibration error (ECE)"), Kind.NUMBER),
    ("mean_pd", ("平均违约概率", "Mean PD"), Kind.SHARE),
    ("bad_rate", ("实际违约率", "Observed bad rate"), Kind.SHARE),
)
WINDOWS: Final = (
    ("teaching", ("学习窗", "Teaching")),
    ("choosing", ("选型窗", "Choosing")),
    ("judging", ("检验窗（最新）", "Judging, the newest")),
)
SIGNS: Final = {
    Sign.RISES: ("越高风险越高", "rises with it"),
    Sign.FALLS: ("越高风险越低", "falls with it"),
    Sign.FREE: ("不限", "free"),
}
_CSS: Final = """
body{font:16px/1.6 -apple-system,"PingFang SC","Noto Sans CJK SC","Microsoft YaHei","Segoe UI",
sans-serif;color:#16242b;max-width:60rem;margin:0 auto;padding:1.5rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .6rem;text-align:left;border-bottom:1px solid #c3ced2;vertical-align:top}
th{font-weight:600}.number{text-align:right;white-space:nowrap}caption{text-align:left;color:#4a585f}
.table{overflow-x:auto}.unseen{position:absolute;width:1px;height:1px;overflow:hidden;
clip-path:inset(50%)}td{overflow-wrap:anywhere}.small,.none{color:#4a585f}svg{display:block;width:100%;max-width:36rem}
h2{margin:2rem 0 .5rem}li{margin:.3rem 0}code{font-family:ui-monospace,monospace}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is told of one model."""

    name: str
    status: str
    manifest_sha256: str
    facts: Mapping[str, Any]
    """The manifest."""
    golden_holds: bool | None = None
    """Whether its golden rows come out again here; None when nobody looked."""
    golden_detail: str = ""
    gate: Mapping[str, Any] | None = None
    """The evidence of its promotion; None where it never passed the gate."""


@dataclass(frozen=True, slots=True)
class Words:
    """How a card speaks: the language, and the names of figures and units in it."""

    say: Say
    feature: Callable[[str], str]
    unit: Callable[[Unit], str]


def to_plain(card: Card) -> dict[str, Any]:
    """Spell a card as a document."""
    facts = card.facts
    golden = facts.get("golden", {})
    return {
        "model": card.name,
        "status": card.status,
        "manifest_sha256": card.manifest_sha256,
        "purpose": _both(PURPOSE),
        "label": _both(LABEL),
        "limits_of_use": [_both(each) for each in LIMITS],
        "data": {key: facts.get(key) for key in ("rows", "bads", "data_sha256")},
        "split": facts.get("windows"),
        "features": [_feature(name, facts) for name in _names(facts)],
        "tuning": {
            key: facts.get(key)
            for key in ("spec", "spec_sha256", "seed", "trials", "parameters", "rounds")
        },
        "calibration": facts.get("calibration"),
        "bound": facts.get("bound"),
        "out_of_time": facts.get("out_of_time"),
        "scorecard": facts.get("scorecard"),
        "curves": facts.get("curves"),
        "segments": facts.get("segments"),
        "golden": {
            "rows": len(golden.get("pds", ())),
            "sha256": canonical.sha256(canonical.dump(golden)) if golden else None,
            "holds_here": card.golden_holds,
            "detail": card.golden_detail,
        },
        "libraries": facts.get("libraries"),
        "artifact_sha256": facts.get("artifact_sha256"),
        "gate": card.gate,
    }


def plates(card: Card, words: Words) -> tuple[Plate, ...]:
    """Give every part of a card that is a picture or a table."""
    facts, say = card.facts, words.say
    return (
        _performance(facts, say),
        *card_curves.plates(facts.get("curves") or {}, say),
        card_curves.segments(facts.get("segments") or (), say, words.feature),
        _features(facts, words),
        _data(facts, say),
        _tuning(facts, say),
        _golden(card, say),
        _gate(card.gate, say),
    )


def document(card: Card, words: Words) -> str:
    """Write a card as one HTML file that needs nothing else."""
    say = words.say
    title = escape(f"{say('模型卡', 'Model card')} · {card.name}")
    limits = "".join(f"<li>{escape(say(*each))}</li>" for each in LIMITS)
    parts = "".join(as_html(plate, say) for plate in plates(card, words))
    return (
        f'<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_CSS}</style></head><body><main><h1>{title}</h1>"
        f"<p>{escape(say(*PURPOSE))}</p><p>{escape(say(*LABEL))}</p>"
        f"<h2>{escape(say('使用限制', 'Limits of use'))}</h2><ul>{limits}</ul>"
        f"{parts}</main></body></html>\n"
    )


def _performance(facts: Mapping[str, Any], say: Say) -> Plate:
    ours = facts.get("out_of_time") or {}
    beside = (facts.get("scorecard") or {}).get("out_of_time") or {}
    rows = [
        (
            say(*title),
            *_with_interval(ours, name),
            *_with_interval(beside, name),
        )
        for name, title, _kind in FIGURES
        if name in ours
    ]
    loans = f"{int(ours['loans']):,} · {int(ours['bads']):,}" if ours else "—"
    return Plate(
        name="performance",
        title=say("模型与评分卡", "Model and scorecard"),
        summary=say(
            f"均在最新时间窗测得，两者都没有见过它（贷款 · 违约：{loans}）。",
            f"Both measured in the newest window that neither had seen (loans · bads: {loans}).",
        ),
        heads=(
            Head(say("指标", "Figure")),
            Head(say("模型", "Model"), Kind.NUMBER),
            Head(say("95% 区间低", "95% low"), Kind.NUMBER),
            Head(say("95% 区间高", "95% high"), Kind.NUMBER),
            Head(say("评分卡", "Scorecard"), Kind.NUMBER),
            Head(say("95% 区间低", "95% low"), Kind.NUMBER),
            Head(say("95% 区间高", "95% high"), Kind.NUMBER),
        ),
        rows=tuple(rows),
        nothing=say("清单没有时间外指标。", "The manifest has no figures out of time."),
    )


def _with_interval(told: Mapping[str, Any], name: str) -> tuple[Cell, Cell, Cell]:
    low, high = told.get(f"{name}_interval_95") or (None, None)
    value = told.get(name)
    return (_number(value), _number(low), _number(high))


def _number(text: object) -> float | None:
    return None if text is None else float(str(text))


def _features(facts: Mapping[str, Any], words: Words) -> Plate:
    say = words.say
    told = [_feature(name, facts) for name in _names(facts)]
    told.sort(key=lambda each: -(each["weight"] or 0.0))
    on_scorecard = (facts.get("scorecard") or {}).get("lines", {})
    rows = tuple(
        (
            words.feature(each["name"]),
            each["name"],
            words.unit(Unit(each["unit"])) if each["unit"] else None,
            say(*SIGNS[Sign(each["sign"])]) if each["sign"] is not None else None,
            each["weight"],
            each["missing"],
            say("是", "yes") if each["name"] in on_scorecard else say("否", "no"),
        )
        for each in told
    )
    return Plate(
        name="features",
        title=say(f"特征（{len(rows)} 个）", f"Features ({len(rows)})"),
        summary=say(
            "按树的增益占比排列；方向为训练时强制的单调约束。",
            "By their share of what the trees gained; signs are enforced in training.",
        ),
        heads=(
            Head(say("特征", "Feature")),
            Head(say("名称", "Name")),
            Head(say("单位", "Unit")),
            Head(say("风险方向", "Risk")),
            Head(say("增益占比", "Share of gain"), Kind.SHARE),
            Head(say("缺失占比", "Missing"), Kind.SHARE),
            Head(say("在评分卡中", "On the scorecard")),
        ),
        rows=rows,
    )


def _names(facts: Mapping[str, Any]) -> list[str]:
    return [each if isinstance(each, str) else each["name"] for each in facts.get("features", ())]


def _feature(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    known = catalogue.CATALOGUE.get(name)
    return {
        "name": name,
        "meaning": None if known is None else known.meaning,
        "unit": None if known is None else known.unit.value,
        "source": None if known is None else known.source.value,
        "sign": None if known is None else int(known.sign),
        "weight": _number((facts.get("weights") or {}).get(name)),
        "missing": _number((facts.get("missing") or {}).get(name)),
    }


def _data(facts: Mapping[str, Any], say: Say) -> Plate:
    rows: list[tuple[Cell, ...]] = [
        (say("贷款笔数", "Loans"), f"{int(facts['rows']):,}"),
        (say("违约笔数", "Bads"), f"{int(facts['bads']):,}"),
    ]
    for name, title in WINDOWS:
        months = (facts.get("windows") or {}).get(name)
        if months:
            span = f"{months[0][:7]} – {months[-1][:7]} · {len(months)}"
            rows.append((say(*title), f"{span}{say(' 个月', ' months')}"))
    rows.append((say("数据 SHA-256", "Data SHA-256"), facts.get("data_sha256", "—")))
    return _facts_plate("data", say("数据与划分", "Data and split"), rows, say)


def _tuning(facts: Mapping[str, Any], say: Say) -> Plate:
    trials = facts.get("trials")
    rows: list[tuple[Cell, ...]] = [
        (say("规格", "Spec"), str(facts.get("spec"))),
        (say("规格 SHA-256", "Spec SHA-256"), facts.get("spec_sha256", "—")),
        (say("试过的参数组", "Settings tried"), str(trials)),
        (say("轮数", "Rounds"), str(facts.get("rounds"))),
        (say("随机种子", "Seed"), str(facts.get("seed"))),
        *((name, value) for name, value in (facts.get("parameters") or {}).items()),
        (say("校准", "Calibration"), (facts.get("calibration") or {}).get("kind", "—")),
        *((name, version) for name, version in (facts.get("libraries") or {}).items()),
        (say("模型文件 SHA-256", "Artifact SHA-256"), facts.get("artifact_sha256", "—")),
    ]
    return _facts_plate("tuning", say("调参与校准", "Tuning and calibration"), rows, say)


def _golden(card: Card, say: Say) -> Plate:
    golden = card.facts.get("golden") or {}
    holds = {
        True: say("一致", "they do"),
        False: say("不一致，模型拒绝服务", "they do not, so the model is not served"),
        None: say("未核对", "nobody looked"),
    }[card.golden_holds]
    rows: list[tuple[Cell, ...]] = [
        (say("基准行数", "Golden rows"), str(len(golden.get("pds", ())))),
        (
            "SHA-256",
            canonical.sha256(canonical.dump(golden)) if golden else "—",
        ),
        (say("本机重算", "Do they come out again here"), holds),
        *(((say("说明", "Detail"), card.golden_detail),) if card.golden_detail else ()),
    ]
    return _facts_plate("golden", say("基准向量", "Golden vector"), rows, say)


def _gate(gate: Mapping[str, Any] | None, say: Say) -> Plate:
    verdict = (gate or {}).get("verdict") or {}
    rows = tuple(
        (
            each["name"],
            say("满足", "holds") if each["holds"] else say("不满足", "does not hold"),
            each["found"],
            each["asked"],
        )
        for each in verdict.get("checks", ())
    )
    passed = say("通过", "passed") if verdict.get("passed") else say("未通过", "not passed")
    against = (gate or {}).get("champion", "")
    return Plate(
        name="gate",
        title=say("晋级评审", "Gate"),
        summary=say(f"{passed}；对照 {against}。", f"{passed}; against {against}.") if rows else "",
        heads=(
            Head(say("条件", "Condition")),
            Head(say("结果", "Result")),
            Head(say("测得", "Found")),
            Head(say("要求", "Asked")),
        ),
        rows=rows,
        nothing=say(
            "没有评审记录：首个模型直接发布，或尚未与在用模型比较。",
            "No verdict is on record: the first model is published without one, and this one was "
            "not compared with a champion.",
        ),
    )


def _facts_plate(name: str, title: str, rows: Sequence[tuple[Cell, ...]], say: Say) -> Plate:
    return Plate(
        name=name,
        title=title,
        heads=(Head(say("项目", "What")), Head(say("内容", "Value"))),
        rows=tuple(rows),
    )


def _both(words: tuple[str, str]) -> dict[str, str]:
    return {"zh": words[0], "en": words[1]}
