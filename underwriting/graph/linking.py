"""How applications are linked: dated data, read strictly. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from kernel import law
from underwriting.inquiries import LinkKind

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRule:
    """How one kind of key links."""

    hard: bool
    """Whether it makes two applications parts of one component."""
    hub: int
    """Used by more applications than this, it links nobody: a switchboard, a public computer."""
    weight: Decimal
    """How much a link of this kind says, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    """Everything that the walk through the graph goes by."""

    kinds: Mapping[LinkKind, KindRule]
    hops_max: int
    rounds_max: int
    applications_max: int
    keys_max: int
    alike_min: Decimal
    """From this likeness on two texts are the same text."""
    late_share: Decimal
    """The share of bad loans believed of a neighbourhood of which nothing is known."""
    belief: Decimal
    """As many loans as that belief counts for."""

    @property
    def hard(self) -> frozenset[LinkKind]:
        """The kinds that join."""
        return frozenset(kind for kind, rule in self.kinds.items() if rule.hard)


@cache
def in_force(day: date) -> Linking:
    """Give the rules in force on a day.

    Raises:
        NoRuleInForce: the table begins later.
    """
    values = law.rule("links", on=day, folder=FOLDER).values
    bounds, belief = values["bounds"], values["shrinkage"]
    found = Linking(
        kinds={kind: _kind(values["kind"][kind.value]) for kind in LinkKind},
        hops_max=bounds["hops"],
        rounds_max=bounds["rounds"],
        applications_max=bounds["applications"],
        keys_max=bounds["keys"],
        alike_min=Decimal(values["texts"]["alike_min"]),
        late_share=Decimal(belief["late_share"]),
        belief=Decimal(belief["weight"]),
    )
    assert set(values["kind"]) == {kind.value for kind in LinkKind}, "links.toml: unknown kind"
    assert 0 <= found.late_share <= 1, "links.toml: a share lies between 0 and 1"
    assert found.belief > 0, "links.toml: a belief counts for something"
    return found


def _kind(plain: Mapping[str, Any]) -> KindRule:
    rule = KindRule(hard=plain["hard"], hub=plain["hub"], weight=Decimal(plain["weight"]))
    assert 0 <= rule.weight <= 1, "links.toml: a weight lies between 0 and 1"
    assert rule.hub >= 1, "links.toml: a hub has more than one user"
    return rule
