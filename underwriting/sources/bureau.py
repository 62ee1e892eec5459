"""The credit bureau: a report of figures and events, asked for with the debtor's authorisation.

Source of the duty: 征信业管理条例 18, a query needs written consent and an agreed purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from kernel.outbound import Outbound
from underwriting import bureau_file
from underwriting.bureau_file import BureauFile
from underwriting.features import catalogue
from underwriting.inquiries import Person
from underwriting.sources.asking import ask, instant_of, text_of

NAME: Final = "bureau"
FIGURE_MAX: Final = Decimal(10) ** 12
FIGURE_PLACES: Final = Decimal("0.000001")
_KNOWN: Final = frozenset(feature.name for feature in catalogue.BUREAU)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the bureau says: of its figures only those that a feature uses are kept."""

    report_no: str
    as_of: datetime
    figures: Mapping[str, Decimal | None]
    file: BureauFile
    """Event by event, as far as the bureau tells it so."""


def report(outbound: Outbound, person: Person, *, authorisation_no: str) -> Report | None:
    """Ask for a report; None when the bureau has no file on the person.

    Raises:
        SourceSilent: no answer that can be read.
        SourceRefused: the bureau does not accept the authorisation.
    """
    body = {
        "national_id": person.national_id.plain,
        "name": person.name.plain,
        "authorisation_no": authorisation_no,
    }
    return ask(outbound, "/bureau/reports", body, source=NAME, read=_report, nothing="no_file")


def _report(body: Mapping[str, Any]) -> Report:
    return Report(
        report_no=text_of(body["report_no"]),
        as_of=instant_of(body["as_of"]),
        figures={name: _figure(value) for name, value in body["figures"].items() if name in _KNOWN},
        file=bureau_file.read(body),
    )


def _figure(value: object) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError("a figure is a number or null")
    figure = Decimal(value)
    if abs(figure) > FIGURE_MAX:
        raise ValueError("a figure larger than any person's")
    return figure.quantize(FIGURE_PLACES)
