"""What an agency was promised for a card it referred: dated agreements, by amount verified."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from disbursement import delinquency
from kernel import law
from kernel.money import ZERO, Money

POLICIES: Final = Path(__file__).parent / "policies"
STANDARD: Final = "commission_standard"
_CODE: Final = re.compile(r"[a-z][a-z0-9-]{1,29}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One fee, for what was verified up to an amount."""

    up_to: Money | None
    """The largest amount of the band; None for the last band."""
    fee: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What was agreed with an agency from one day on."""

    in_force: date
    source: str
    """Where it is written."""
    claw_back_days: int
    """Days from the day the fee was earned within which a first default takes it back."""
    first_default_days: int
    """Days past its due date that make an unpaid first instalment a default."""
    bands: tuple[Band, ...]

    def fee(self, verified: Money) -> Money:
        """Give the fee for a card on which this amount was verified as paid off."""
        for band in self.bands:
            if band.up_to is None or verified <= band.up_to:
                return band.fee
        raise AssertionError("the last band has no end")


def agreement(agency_code: str, *, on: date, folder: Path = POLICIES) -> Agreement:
    """Give what was agreed with an agency and in force on a day, its own before the standard.

    Raises:
        NoRuleInForce: nothing was agreed yet.
    """
    assert _CODE.fullmatch(agency_code), "an agency's code is checked when it registers"
    own = f"commission_{agency_code}"
    table = own if (folder / f"{own}.toml").is_file() else STANDARD
    rule = law.rule(table, on=on, folder=folder)
    bands = tuple(
        Band(up_to=Money.yuan(row["up_to"]) if "up_to" in row else None, fee=Money.yuan(row["fee"]))
        for row in rule.values["band"]
    )
    _require_whole(table, bands)
    days = rule.values["first_default_days"]
    begins = delinquency.policy(on=on).bucket_days[1:]
    assert days in begins, f"{table}: a first default is noticed when a bucket begins"
    return Agreement(
        in_force=rule.in_force,
        source=rule.source,
        claw_back_days=rule.values["claw_back_days"],
        first_default_days=days,
        bands=bands,
    )


def _require_whole(table: str, bands: tuple[Band, ...]) -> None:
    """See that every amount has exactly one band, and every band a fee."""
    ends = [band.up_to for band in bands[:-1]]
    assert all(end is not None for end in ends), f"{table}: only the last band has no end"
    assert bands[-1].up_to is None, f"{table}: the last band has no end"
    fen = [end.fen for end in ends if end is not None]
    assert fen == sorted(set(fen)), f"{table}: bands rise"
    assert all(band.fee > ZERO for band in bands), f"{table}: every band has a fee"
