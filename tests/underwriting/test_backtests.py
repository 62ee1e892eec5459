from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel import db
from kernel.actors import Actor, Role, system
from tests.underwriting import builders as make
from tests.underwriting.models.rows import trained
from underwriting import assessments, backtests, cli, policy
from underwriting.backtests import Backtest, Span
from underwriting.comparing import Tally
from underwriting.models import registry, scoring
from underwriting.records.assessments import Assessment

OLD, NEW = policy.load("2026-08"), policy.load("2026-11")
RISK = Actor(Role.RISK_OFFICER, "risk")
FIGURES = {"inquiries_12m": Decimal(1), "debt_to_income_pct": Decimal("9.25")}
ALL = Span(since=None, until=make.AT + timedelta(days=1))


def keep(scorer=None, *, rules=OLD, days: int = 0, **changes) -> Assessment:
    told = make.dossier(**changes)
    decision = assessments.decide(told, rules, scorer or make.Says("0.150000"))
    with db.transaction() as session:
        return assessments.record(
            session,
            make.gathered(told),
            decision,
            by=system("assess"),
            at=make.AT - timedelta(days=days),
        )


def history() -> None:
    """Keep four decisions: an ordinary one, a risky one, a stacked one, one by the rules alone."""
    keep(days=30)
    keep(make.Says("0.260000"), days=3, cards=(make.card(1, "6000.00"),))
    keep(days=2, figures={"lender_inquiries_7d": Decimal(9), "debt_to_income_pct": Decimal(10)})
    keep(make.MustNotScore(), days=1, age=70)


def compared(span: Span = ALL) -> Backtest:
    backtest = Backtest(old=OLD, new=NEW, tally=Tally())
    after = None
    while True:
        with db.transaction() as session:
            read = backtests.page(session, span, after=after)
        if not read:
            return backtest
        for stored in read:
            backtest.add(stored)
        after = read[-1].assessment_id


@pytest.fixture
def run(surroundings):
    root = click.Group(commands={command.name: command for command in cli.COMMANDS})

    def call(*arguments: object):
        return CliRunner().invoke(root, [str(each) for each in arguments], obj=surroundings)

    return call


def test_who_changes_under_another_policy_is_told_from_stored_scores(database):
    history()

    told = compared().to_plain()

    assert (told["compared"], told["without_score"], told["unreadable"]) == (4, 0, 0)
    outcomes = {(row["before"], row["after"]): row["dossiers"] for row in told["outcomes"]}
    assert outcomes["approve", "decline"] == 1
    assert {"reason": "many_lenders_at_once", "gained": 1, "lost": 0} in told["reasons"]
    assert told["without_bound"] == 2  # the stacked one is declined before any bound


def test_a_policy_beside_itself_changes_nothing(database):
    history()
    backtest = Backtest(old=OLD, new=OLD, tally=Tally())

    with db.transaction() as session:
        for stored in backtests.page(session, ALL, after=None):
            backtest.add(stored)

    assert backtest.tally.changed == 0
    assert backtest.tally.compared == 4


def test_a_stored_bound_is_used(database):
    keep(make.Says("0.150000", bound="0.300000"), rules=NEW, cards=(make.card(1, "60000.00"),))

    backtest = compared()

    (change,) = backtest.tally.to_plain()["largest"]
    assert backtest.without_bound == 0
    assert change["after"]["limit"] <= "32000.00"


def test_a_bound_that_was_not_stored_is_read_from_the_model_s_manifest(database):
    model = trained()
    with db.transaction() as session:
        record = registry.register(session, model, by=RISK, at=make.AT)
        registry.publish(session, record, by=RISK, at=make.AT)
    keep(scoring.load(model), cards=(make.card(1, "60000.00"),), figures=FIGURES)

    backtest = Backtest(old=OLD, new=NEW, tally=Tally())
    with db.transaction() as session:
        backtest.bounds = backtests.bounds_of_models(session)
    with db.transaction() as session:
        (stored,) = backtests.page(session, ALL, after=None)
    backtest.add(stored)

    alone = assessments.decide(
        make.dossier(cards=(make.card(1, "60000.00"),), figures=FIGURES), NEW, scoring.load(model)
    )
    assert alone.workings.pd_bound > alone.pd
    assert backtest.without_bound == 0
    assert backtest.tally.to_plain()["limit"]["sum_after"] == str(alone.limit)


def test_a_dossier_without_a_score_that_now_needs_one_is_counted_apart(database):
    keep(
        make.MustNotScore(),
        rules=NEW,
        figures={"lender_inquiries_7d": Decimal(9), "debt_to_income_pct": Decimal(10)},
    )

    backtest = compared()

    assert (backtest.without_score, backtest.tally.compared) == (1, 0)


def test_a_text_that_was_changed_is_counted_and_not_compared(database):
    kept = keep()
    with db.transaction() as session:
        session.execute(text("ALTER TABLE assessment DISABLE TRIGGER assessment_append_only"))
        session.execute(
            text("UPDATE assessment SET dossier = replace(dossier, '10000.00', '90000.00')"
                 " WHERE id = :id"), {"id": kept.id},
        )  # fmt: skip
        session.execute(text("ALTER TABLE assessment ENABLE TRIGGER assessment_append_only"))

    backtest = compared()

    assert (backtest.unreadable, backtest.tally.compared) == (1, 0)


def test_history_is_read_a_page_at_a_time_and_each_assessment_once(database, monkeypatch):
    history()
    monkeypatch.setattr(backtests, "PAGE", 3)

    with db.transaction() as session:
        first = backtests.page(session, ALL, after=None)
    with db.transaction() as session:
        second = backtests.page(session, ALL, after=first[-1].assessment_id)

    assert (len(first), len(second)) == (3, 1)
    assert len({stored.assessment_id for stored in (*first, *second)}) == 4


def test_a_comparison_can_write_nothing(database):
    keep()

    with db.transaction() as session:
        backtests.page(session, ALL, after=None)
        with pytest.raises(DBAPIError, match="read-only transaction"):
            session.execute(text("CREATE TABLE something ()"))
        session.rollback()


def test_the_command_compares_a_version_with_a_file_that_is_not_in_service(run, tmp_path, database):
    history()
    stricter = (policy.FOLDER / "2026-08.toml").read_text(encoding="utf-8")
    file = tmp_path / "next.toml"
    file.write_text(
        stricter.replace('version = "2026-08"', 'version = "2027-01"').replace(
            'pd_max = "0.270000"', 'pd_max = "0.250000"'
        ),
        encoding="utf-8",
    )

    result = run("policy", "diff", "2026-08", file, "--json")

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["old"], told["new"], told["compared"]) == ("2026-08", "2027-01", 4)
    assert told["outcomes"] == [
        {"before": "approve", "after": "approve", "dossiers": 2},
        {"before": "approve", "after": "decline", "dossiers": 1},
        {"before": "decline", "after": "decline", "dossiers": 1},
    ]
    assert len(told["largest"]) == 1


def test_the_command_looks_only_at_days_from_the_one_that_is_named(run, database):
    history()

    result = run("policy", "diff", "2026-08", "2026-11", "--since", "2026-11-17", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["compared"] == 3


def test_the_command_tells_a_person_in_tables(run, database):
    history()

    result = run("policy", "diff", "2026-08", "2026-11", "--limit", "1")

    assert result.exit_code == 0, result.output
    assert "policies: 2026-08 -> 2026-11" in result.stdout
    assert "Outcomes" in result.stdout
    assert "Largest changes" in result.stdout


def test_the_command_compares_no_history_too(run, database):
    result = run("policy", "diff", "2026-08", "2026-11", "--json")

    assert json.loads(result.stdout)["compared"] == 0


@pytest.mark.parametrize(("named", "code"), [("1999-01", 3), ("nowhere.toml", 1)])
def test_a_policy_that_is_not_there_is_said(run, named, code):
    result = run("policy", "diff", "2026-08", named)

    assert result.exit_code == code
    assert result.stderr.strip()
