"""The import contracts are kept, and each of them sees the import it is there to refuse.

Every case adds one import to a copy of the tree and wants exactly one contract to fail. So no
contract is blind, and none is broken by what another one is for.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.house import tree

SECTION = "importlinter:contract:"
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
TIMEOUT_SECONDS = 60
OFFENCES = [
    ("floors", "kernel/version.py", "underwriting.reasons"),
    ("floors", "disbursement/orders.py", "origination.hours"),
    ("floors", "underwriting/lenders.py", "origination.hours"),
    ("floors", "origination/hours.py", "demo.progress"),
    ("sandbox-knows-nobody", "sandbox/amounts.py", "kernel.money"),
    ("nobody-knows-the-sandbox", "kernel/version.py", "sandbox.amounts"),
    ("nobody-knows-the-sandbox", "demo/progress.py", "sandbox.amounts"),
    ("inside-origination", "origination/records/codes.py", "origination.lending"),
    ("inside-origination", "origination/progress.py", "origination.application_jobs"),
    ("inside-origination", "origination/unnamed.py", ""),
    ("inside-underwriting", "underwriting/records/models.py", "underwriting.lenders"),
    ("inside-underwriting", "underwriting/lenders.py", "underwriting.cli"),
    ("inside-underwriting", "underwriting/unnamed.py", ""),
    ("inside-disbursement", "disbursement/records/funders.py", "disbursement.terminal"),
    ("inside-disbursement", "disbursement/allocation.py", "disbursement.matching.kinds"),
    ("inside-disbursement", "disbursement/unnamed.py", ""),
    ("inside-the-kernel", "kernel/version.py", "kernel.logs"),
    ("inside-the-kernel", "kernel/unnamed.py", ""),
    ("no-circles", "disbursement/transfers.py", "disbursement.ledger"),
    ("pure", "disbursement/allocation.py", "sqlalchemy"),
    ("pure", "underwriting/limits.py", "kernel.db"),
    ("pure", "underwriting/graph/walk.py", "kernel.db"),
    ("pure", "origination/minimal_data.py", "disbursement.records.funders"),
    ("pure", "kernel/money.py", "psycopg"),
    ("web-at-the-edge", "origination/lending.py", "flask"),
    ("web-at-the-edge", "underwriting/reviews.py", "marshmallow"),
    ("terminal-at-the-edge", "disbursement/loans.py", "click"),
    ("terminal-at-the-edge", "underwriting/reviews.py", "rich"),
    ("one-way-out", "disbursement/issuers.py", "requests"),
    ("one-way-out", "origination/webhook_sending.py", "urllib3"),
    ("groups-apart", "underwriting/reviews.py", "underwriting.records.groups"),
    ("models-behind-a-door", "underwriting/lenders.py", "xgboost"),
    ("outside-at-the-edge", "origination/lending.py", "kernel.surroundings"),
    ("outside-at-the-edge", "underwriting/lenders.py", "kernel.outbound"),
    ("outside-at-the-edge", "origination/lending.py", "disbursement.sending"),
    ("outside-at-the-edge", "origination/lending.py", "underwriting.gathering"),
]


def contracts() -> dict[str, str]:
    """Give the name of each contract by its short name."""
    settings = ConfigParser()
    settings.read(tree.ROOT / "setup.cfg", encoding="utf-8")
    return {
        section.removeprefix(SECTION): settings[section]["name"]
        for section in settings.sections()
        if section.startswith(SECTION)
    }


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """Copy the modules and the contracts, to be spoilt."""
    there = tmp_path_factory.mktemp("house")
    shutil.copy(tree.ROOT / "setup.cfg", there)
    for path in tree.python_files():
        if tree.room(path) in {*tree.FLOORS, "sandbox", "demo"}:
            target = there / tree.where(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return there


def broken(there: Path) -> list[str]:
    """Lint a tree and list the short names of the contracts that do not hold."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", "--no-logo"],
        check=False,
        cwd=there,
        env={**os.environ, "COLUMNS": "200", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    outcomes = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE))
    assert set(outcomes) == set(contracts().values()), done.stdout + done.stderr
    return [short for short, name in contracts().items() if outcomes[name] == "BROKEN"]


def test_all_contracts_are_kept(copy):
    assert broken(copy) == []


@pytest.mark.slow
@pytest.mark.parametrize(("contract", "path", "offence"), OFFENCES)
def test_an_offence_breaks_its_contract_alone(copy, contract, path, offence):
    spoilt = copy / path
    before = spoilt.read_text(encoding="utf-8") if spoilt.exists() else None
    more = f"\nimport {offence}\n" if offence else ""
    spoilt.write_text((before or '"""Nobody named this module."""\n') + more, encoding="utf-8")

    try:
        found = broken(copy)
    finally:
        if before is None:
            spoilt.unlink()
        else:
            spoilt.write_text(before, encoding="utf-8")

    assert found == [contract]


def test_every_contract_is_broken_once_on_purpose():
    assert {contract for contract, _, _ in OFFENCES} == set(contracts())
