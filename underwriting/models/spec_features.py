"""The features that a data set's spec declares: numbers, families of events, and categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Final

from underwriting.features import expressions, families
from underwriting.features.declaration import Feature, Sign, Source, Unit
from underwriting.features.expressions import Expression, Number
from underwriting.features.histories import Drawn
from underwriting.models.spec_search import SpecFaulty, only, whole
from underwriting.reasons import Reason

HIGH: Final = Decimal(10) ** 15
FEATURES_MAX: Final = 2_000
RATE: Final = "__rate"
FREQUENCY: Final = "__frequency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """Words that become numbers by what loans with them came to: target statistics.

    Several columns are crossed. Letters count without case and accents.
    """

    name: str
    columns: tuple[str, ...]
    meaning: str
    reason: Reason
    has_frequency: bool
    """The number of loans with the same words is a feature, too."""

    def features(self) -> tuple[Feature, ...]:
        """Give the features that are made of the words."""
        rate = Feature(
            name=f"{self.name}{RATE}",
            meaning=f"share of bads among loans with the same {self.meaning}, pulled to the mean",
            unit=Unit.RATIO,
            source=Source.DATA_SET,
            sign=Sign.RISES,
            reason=self.reason,
            high=Decimal(1),
        )
        if not self.has_frequency:
            return (rate,)
        frequency = replace(
            rate,
            name=f"{self.name}{FREQUENCY}",
            meaning=f"logarithm of how many of 10,000 loans have the same {self.meaning}",
            unit=Unit.COUNT,
            sign=Sign.FREE,
            high=HIGH,
        )
        return (rate, frequency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Everything a data set's model may learn from."""

    features: tuple[Feature, ...]
    """Numbers and what is drawn from events."""
    categories: tuple[Category, ...]
    protected: frozenset[str]
    """Names of features and categories that stand for what nobody may be judged by."""
    smoothing: float
    """So many loans of the mean share of bads are added to every category's own."""
    statistics_folds: int

    def used(self, *, with_protected: bool) -> Declared:
        """Leave out what is protected, unless its worth is to be measured."""
        if with_protected:
            return self
        return replace(
            self,
            features=tuple(each for each in self.features if each.name not in self.protected),
            categories=tuple(each for each in self.categories if each.name not in self.protected),
        )

    @property
    def columns(self) -> tuple[Feature, ...]:
        """The columns of the model's matrix in order."""
        return (*self.features, *(made for each in self.categories for made in each.features()))

    def reads(self) -> set[str]:
        """Name the columns of the rows that are read; those of events apart."""
        own = {
            leaf.reads
            for feature in self.features
            for leaf in feature.expression.leaves()
            if not isinstance(leaf, Drawn) and leaf.reads is not None
        }
        return own | {column for each in self.categories for column in each.columns}

    def worded(self) -> dict[str, tuple[set[str], set[str]]]:
        """Give the columns that hold words for numbers: the words known, and those for nothing."""
        found: dict[str, tuple[set[str], set[str]]] = {}
        for leaf in self._leaves():
            if isinstance(leaf, Number) and leaf.column.words:
                told = {word for word, _ in (*leaf.column.words, *leaf.column.special)}
                found[leaf.column.name] = (told, set(leaf.column.missing))
        return found

    def _leaves(self) -> Iterator[Expression]:
        for feature in self.features:
            for leaf in feature.expression.leaves():
                yield leaf
                if isinstance(leaf, Drawn) and leaf.of is not None:
                    yield from leaf.of.leaves()


def parse(plain: Mapping[str, Any]) -> Declared:
    """Read columns, families, features and categories of a spec.

    A feature may name columns, features above it and members of families.

    Raises:
        SpecFaulty, ExpressionFaulty, FamilyFaulty, KeyError, TypeError, ValueError.
    """
    names: dict[str, Expression] = {
        name: _column(name, each) for name, each in plain.get("columns", {}).items()
    }
    features: list[Feature] = []
    protected: set[str] = set()
    for written in plain.get("family", []):
        only_these = written.get("only", ["*"])
        rest = {key: value for key, value in written.items() if key != "only"}
        family = families.parse(rest, names, source=Source.DATA_SET)
        members = [family.feature(name) for name in family.names()]
        names |= {each.name: each.expression for each in members}
        features += [
            each for each in members if any(fnmatchcase(each.name, glob) for glob in only_these)
        ]
    for written in plain["feature"]:
        made = _feature(written, names)
        names[made[0].name] = made[0].expression
        features += made
        if written.get("protected", False):
            protected |= {each.name for each in made}
    categories, told = [], plain.get("categories", {})
    only(told, {"smoothing", "folds"}, "categories")
    for written in plain.get("category", []):
        categories.append(_category(written))
        if written.get("protected", False):
            protected.add(categories[-1].name)
    found = Declared(
        features=tuple(features),
        categories=tuple(categories),
        protected=frozenset(protected),
        smoothing=float(told.get("smoothing", 50)),
        statistics_folds=whole(told.get("folds", 20), most=100),
    )
    _check(found)
    return found


def _check(found: Declared) -> None:
    names = [each.name for each in found.columns]
    told = [*names, *(each.name for each in found.categories)]
    twice = sorted({name for name in told if told.count(name) > 1})
    if twice:
        raise SpecFaulty(f"features are named twice: {', '.join(twice)}")
    if not 1 <= len(names) <= FEATURES_MAX:
        raise SpecFaulty(f"between 1 and {FEATURES_MAX} features make a model")
    if not found.used(with_protected=False).columns:
        raise SpecFaulty("protected features alone make no model")
    if any(set("[]<") & set(name) for name in names):
        raise SpecFaulty("a feature's name has none of the signs [ ] <")
    if found.smoothing <= 0 or found.statistics_folds < 2:
        raise SpecFaulty("categories are smoothed, and told in two folds at least")


def _column(name: str, plain: Mapping[str, Any]) -> Number:
    only(plain, {"words", "special", "missing"}, f"column {name}")
    return expressions.column(
        name,
        words={word: Decimal(str(number)) for word, number in plain.get("words", {}).items()},
        special=dict(plain.get("special", {})),
        missing=tuple(plain.get("missing", ())),
    )


def _feature(written: Mapping[str, Any], names: Mapping[str, Expression]) -> list[Feature]:
    only(
        written,
        {"name", "of", "meaning", "unit", "sign", "reason", "low", "high", "codes", "protected"},
        "a feature",
    )
    name = str(written["name"])
    feature = Feature(
        name=name,
        meaning=str(written["meaning"]),
        unit=Unit(written["unit"]),
        source=Source.DATA_SET,
        sign=Sign[str(written["sign"]).upper()],
        reason=Reason(written["reason"]),
        low=Decimal(str(written.get("low", -HIGH))),
        high=Decimal(str(written.get("high", HIGH))),
        of=expressions.parse(written.get("of", name), names),
    )
    codes = {f"{name}__is_{code}" for code in written.get("codes", ())}
    indicators = [each for each in feature.indicators() if each.name in codes]
    if len(indicators) != len(codes):
        raise SpecFaulty(f"feature {name}: a code that its column does not have")
    return [feature, *indicators]


def _category(written: Mapping[str, Any]) -> Category:
    only(written, {"name", "columns", "meaning", "reason", "frequency", "protected"}, "a category")
    columns = tuple(str(each) for each in written.get("columns", [written["name"]]))
    if not columns:
        raise SpecFaulty("a category has columns")
    return Category(
        name=str(written["name"]),
        columns=columns,
        meaning=str(written["meaning"]),
        reason=Reason(written["reason"]),
        has_frequency=bool(written.get("frequency", False)),
    )
