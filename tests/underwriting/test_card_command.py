"""The card of a model from the command line: a few lines, a document, a page of its own."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from kernel import db
from kernel.actors import Actor, Role
from tests.underwriting import builders as make
from tests.underwriting.models.rows import trained
from underwriting import cli
from underwriting.models import registry


@pytest.fixture
def run(surroundings, database):
    root = click.Group(commands={command.name: command for command in cli.COMMANDS})
    with db.transaction() as session:
        registry.register(session, trained(), by=Actor(Role.RISK_OFFICER, "risk"), at=make.AT)
    return lambda *words: CliRunner().invoke(root, list(words), obj=surroundings)


def test_a_card_is_told_spelled_and_written(run, tmp_path):
    name, file = trained().model_id, tmp_path / "card.html"

    few = run("model", "card", name)
    told = run("model", "card", name, "--json")
    written = run("model", "card", name, "--html", str(file))

    assert "scorecard" in few.output
    assert json.loads(told.output)["golden"]["holds_here"] is True
    assert written.exit_code == 0
    page = file.read_text(encoding="utf-8")
    assert "<svg" in page
    assert "近 12 个月信用查询 · credit inquiries in the last 12 months" in page


def test_a_card_of_nothing_and_a_file_that_cannot_be_written_end_with_a_reason(run, tmp_path):
    assert run("model", "card", "nobody").exit_code == 3

    refused = run("model", "card", trained().model_id, "--html", str(tmp_path / "no" / "card.html"))

    assert refused.exit_code == 1
    assert "cannot be written" in refused.output
