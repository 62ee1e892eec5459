"""The lending policy: dated data with its sources, read whole or not at all."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from underwriting import canonical, policy_reading
from underwriting.policy_reading import PolicyFaulty, Sections
from underwriting.policy_rules import (
    Added,
    Band,
    BudgetRules,
    ExplorationRules,
    IdentityRules,
    IncomeRules,
    LimitRules,
    ReviewRules,
    StayingRules,
    WatchlistRules,
)

FOLDER: Final = Path(__file__).parent / "policies"
FORMS: Final = (1, 2)
"""The second form has sections for fraud, costs, risk, profit, cards, exploration and review."""


class NoSuchPolicy(LookupError):
    """No policy has this version, or none was in force on the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of the lending policy."""

    version: str
    in_force: date
    sha256: str
    """Of the file it was read from."""
    identity: IdentityRules
    watchlists: WatchlistRules
    income: IncomeRules
    budget: BudgetRules
    limit: LimitRules
    staying: StayingRules
    bands: tuple[Band, ...]
    added: Added | None = None
    """What the second form has beyond the first; a decision under it keeps its workings."""
    exploration: ExplorationRules = field(default_factory=ExplorationRules)
    """Approvals at random: nobody, where the policy says nothing."""
    review: ReviewRules | None = None
    """The time within which a person answers; None where the policy says none."""

    def band(self, pd: Decimal) -> Band | None:
        """Find the band of a probability of default; above the last one there is none."""
        return next((band for band in self.bands if pd <= band.pd_max), None)


def load(version: str) -> Policy:
    """Give the policy of a version.

    Raises:
        NoSuchPolicy: there is no such version.
        PolicyFaulty: its file cannot be used.
    """
    for policy in _all():
        if policy.version == version:
            return policy
    raise NoSuchPolicy(f"there is no policy {version!r}")


def in_force(on: date) -> Policy:
    """Give the newest policy in force on a day.

    Raises:
        NoSuchPolicy: the oldest begins later.
    """
    begun = [policy for policy in _all() if policy.in_force <= on]
    if not begun:
        raise NoSuchPolicy(f"no policy was in force on {on}")
    return begun[-1]


def newest() -> Policy:
    """Give the policy that comes into force last."""
    return _all()[-1]


@cache
def _all() -> tuple[Policy, ...]:
    found = [parse(path.read_bytes()) for path in sorted(FOLDER.glob("*.toml"))]
    return tuple(sorted(found, key=lambda policy: policy.in_force))


def parse(content: bytes) -> Policy:
    """Read a policy file strictly: a missing, unknown or misspelt entry refuses the whole.

    Raises:
        PolicyFaulty: with the place and what is wrong there.
    """
    try:
        plain = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise PolicyFaulty(f"not a TOML file: {type(fault).__name__}") from None
    sections = Sections(plain)
    form = sections.form()
    if form not in FORMS:
        raise PolicyFaulty("form is one that is not known here")
    policy = _first(sections, content) if form == FORMS[0] else _second(sections, content)
    term = sections.take("term")
    term.text("rule")
    term.finish()
    sections.finish()
    return policy


def _first(sections: Sections, content: bytes, *, added: Added | None = None) -> Policy:
    return Policy(
        version=sections.top("version", str),
        in_force=sections.top("in_force", date),
        sha256=canonical.sha256(content),
        identity=policy_reading.identity(sections.take("identity")),
        watchlists=policy_reading.watchlists(sections.take("watchlists")),
        income=policy_reading.income(sections.take("income")),
        budget=policy_reading.budget(sections.take("budget"), has_guideline=added is not None),
        limit=policy_reading.limit(sections.take("limit")),
        staying=policy_reading.staying(sections.take("staying")),
        bands=policy_reading.bands(sections.take("price"), has_cells=added is not None),
        added=added,
    )


def _second(sections: Sections, content: bytes) -> Policy:
    policy = replace(
        _first(sections, content, added=policy_reading.added(sections)),
        exploration=policy_reading.exploration(sections.take("exploration")),
        review=policy_reading.review(sections.take("review")),
    )
    assert policy.added is not None, "it was just read"
    if policy.added.cells[-1].bound_max < policy.bands[-1].pd_max:
        raise PolicyFaulty("[risk] whoever has a price has a cell at his point estimate")
    return policy
