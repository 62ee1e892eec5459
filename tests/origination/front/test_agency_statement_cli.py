"""The command that writes an agency's month of commissions."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from kernel import db
from origination import agency_cli
from tests.origination.front import builders as make


@pytest.fixture
def agency(database) -> None:
    with db.transaction() as session:
        make.agency(session)


def test_a_month_without_commissions_is_a_sheet_that_opens_and_closes_at_nothing(agency):
    done = CliRunner().invoke(agency_cli.statement, ["beichen", "--month", "2026-11"])

    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "on,kind,case_no,agreement,amount",
        "2026-11-01,opening,,,0.00",
        "2026-11-01,closing,,,0.00",
    ]


def test_the_sheet_is_written_to_a_file_and_an_unknown_agency_is_told(agency, tmp_path):
    path = tmp_path / "sheet.csv"

    done = CliRunner().invoke(
        agency_cli.statement, ["beichen", "--month", "2026-11", "--out", str(path)]
    )
    unknown = CliRunner().invoke(agency_cli.statement, ["nobody", "--month", "2026-11"])

    assert done.exit_code == 0
    assert path.read_text(encoding="utf-8").startswith("on,kind")
    assert (unknown.exit_code, "no such agency" in unknown.output) == (1, True)
