from __future__ import annotations

import json

import click
import polars as pl
import pytest
from click.testing import CliRunner

from kernel import db, ids
from kernel.actors import Actor, Role, system
from tests.underwriting import builders as make
from tests.underwriting.models.rows import SPEC, loans, trained
from underwriting import assessments, cli, policy
from underwriting.batch import spelling
from underwriting.cli import faults
from underwriting.models import registry, scoring
from underwriting.records.assessments import Assessment
from underwriting.replays import Verdict

RISK = Actor(Role.RISK_OFFICER, "risk")


@pytest.fixture
def run(surroundings):
    """Run a command as the composition root would."""
    root = click.Group(commands={command.name: command for command in cli.COMMANDS})

    def call(*arguments: object):
        return CliRunner().invoke(root, [str(each) for each in arguments], obj=surroundings)

    return call


@pytest.fixture
def loan_file(tmp_path):
    """Write the made-up loans as a source file, and the spec that reads it."""
    (tmp_path / "own.toml").write_text(SPEC, encoding="utf-8")
    frame = loans()
    lines = ["inq,util,dti,income,work,bad,month,kind,second_borrower"]
    for row in frame.rows(named=True):
        use = "" if row["card_utilisation_pct"] is None else row["card_utilisation_pct"]
        lines.append(
            f"{row['inquiries_12m']},{use},{row['debt_to_income_pct']},{row['annual_income']},,"
            f"{row['target']},{row['month']},card,"
        )
    (tmp_path / "loans.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "loans.csv", tmp_path / "own.toml"


def published() -> None:
    with db.transaction() as session:
        record = registry.register(session, trained(), by=RISK, at=make.AT)
        registry.publish(session, record, by=RISK, at=make.AT)


def recorded(scorer=None) -> Assessment:
    told = make.dossier()
    decision = assessments.decide(told, policy.load("2026-08"), scorer or scoring.load(trained()))
    with db.transaction() as session:
        return assessments.record(
            session, make.gathered(told), decision, by=system("assess"), at=make.AT
        )


def test_train_keeps_a_candidate_and_tells_how_good_it_is(run, loan_file):
    file, own = loan_file

    result = run("train", file, "--spec", own, "--seed", 11, "--json")

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["status"] == "candidate"
    assert told["rows"] == 1500
    assert float(told["out_of_time"]["auc"]) > 0.6
    with db.transaction() as session:
        assert registry.find(session, told["model"]).name == told["model"]


def test_training_twice_is_training_once(run, loan_file):
    file, own = loan_file
    first = run("train", file, "--spec", own, "--json", "--publish")
    second = run("train", file, "--spec", own, "--json")

    assert json.loads(first.stdout)["model"] == json.loads(second.stdout)["model"]
    assert json.loads(second.stdout)["status"] == "serving"


def test_only_months_before_the_first_applicant_are_used(run, loan_file):
    file, own = loan_file

    result = run("train", file, "--spec", own, "--before", "2026-05", "--json")

    assert json.loads(result.stdout)["windows"]["judging"] == ["2026-04-01"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-file.csv", "--spec", "{own}"],
        ["{file}", "--spec", "no_such_spec"],
        ["{file}", "--spec", "card_repayers"],
        ["{file}", "--spec", "{own}", "--before", "2026-02"],
    ],
)
def test_a_file_that_makes_no_model_ends_with_a_reason(run, loan_file, arguments):
    file, own = loan_file

    result = run("train", *(each.format(file=file, own=own) for each in arguments))

    assert result.exit_code == faults.EXIT_UNUSABLE_INPUT
    assert result.stderr.strip()
    assert "Traceback" not in result.output


def test_publish_puts_a_model_into_service(run, database):
    with db.transaction() as session:
        name = registry.register(session, trained(), by=RISK, at=make.AT).name

    result = run("publish", name, "--reason", "first model")

    assert result.exit_code == 0
    with db.transaction() as session:
        assert registry.serving(session).model_id == name


def test_an_unknown_model_has_its_own_exit_code(run):
    assert run("publish", "nobody").exit_code == faults.EXIT_NOTHING_FOUND


def test_evaluate_measures_whole_and_by_month(run, loan_file):
    published()
    file, own = loan_file

    result = run("evaluate", trained().model_id, file, "--spec", own, "--json")

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert list(told) == ["all", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05"]
    assert told["all"]["n"] == 1500
    assert (
        told["all"]["auc_interval_95"][0] < told["all"]["auc"] < told["all"]["auc_interval_95"][1]
    )
    assert run("evaluate", trained().model_id, file, "--spec", own).exit_code == 0


def test_assess_decides_on_a_dossier_and_records_nothing(run, tmp_path):
    published()
    (tmp_path / "dossier.json").write_bytes(make.dossier().to_bytes())

    result = run("assess", tmp_path / "dossier.json", "--json")
    plain = run("assess", tmp_path / "dossier.json")

    assert json.loads(result.stdout)["outcome"] == "approve"
    assert "outcome: approve" in plain.stdout
    with db.transaction() as session:
        assert assessments.latest(session, make.APPLICATION) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe"])
def test_a_file_that_is_no_dossier_ends_with_a_reason(run, tmp_path, content):
    published()
    (tmp_path / "dossier.json").write_bytes(content)

    assert run("assess", tmp_path / "dossier.json").exit_code == faults.EXIT_UNUSABLE_INPUT


def test_without_a_model_nothing_is_assessed(run, tmp_path):
    (tmp_path / "dossier.json").write_bytes(make.dossier().to_bytes())

    result = run("assess", tmp_path / "dossier.json")

    assert result.exit_code == faults.EXIT_NOTHING_FOUND
    assert "No model is in service" in result.stderr


def test_a_replay_of_the_same_bytes_ends_with_zero(run, database):
    published()
    kept = recorded()

    result = run("replay", "assessment", kept.id, "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["verdict"] == "same"


def test_a_replay_without_its_model_has_its_own_exit_code(run, database):
    kept = recorded(make.Says("0.100000"))

    result = run("replay", "assessment", kept.id)

    assert result.exit_code == 21
    assert "same_without_model" in result.stdout


def test_a_replay_of_nothing_is_told(run, database):
    assert run("replay", "assessment", ids.new()).exit_code == faults.EXIT_NOTHING_FOUND


def test_every_verdict_and_every_fault_of_a_model_has_its_own_exit_code():
    codes = [*faults.EXIT_OF_VERDICT.values(), *faults.EXIT_OF_MODEL.values()]

    assert set(faults.EXIT_OF_VERDICT) == set(Verdict)
    assert set(faults.EXIT_OF_MODEL) == set(scoring.ModelUnusable.__subclasses__())
    assert len(set(codes)) == len(codes)


def test_the_policy_in_force_is_shown(run):
    result = run("policy", "show", "--json")

    assert json.loads(result.stdout)["version"] == "2026-08"
    assert run("policy", "show", "2026-08").exit_code == 0
    assert run("policy", "show", "1999-01").exit_code == faults.EXIT_NOTHING_FOUND


def test_a_policy_of_the_second_form_shows_what_it_adds(run):
    result = run("policy", "show", "2026-11")

    assert result.exit_code == 0
    assert "upper bound to 0.150000, 8.00 monthly incomes" in result.stdout
    assert "stacking: lender_inquiries_7d above 5, decline" in result.stdout
    assert "within 72 hours" in result.stdout


def test_a_policy_is_checked_before_it_is_put_in_place(run, tmp_path):
    (tmp_path / "next.toml").write_text('version = "2027-01"', encoding="utf-8")

    assert run("policy", "check", tmp_path / "next.toml").exit_code == faults.EXIT_UNUSABLE_INPUT
    assert run("policy", "check", policy.FOLDER / "2026-08.toml").exit_code == 0


def test_a_batch_is_decided_from_file_to_file(run, tmp_path):
    published()
    spelling.frame([make.dossier(), make.dossier(age=17)]).write_csv(tmp_path / "in.csv")

    result = run("assess", "--batch", tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--json")

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["dossiers"] == 2
    assert sum(told["outcomes"].values()) == 2
    made = (tmp_path / "out.csv").read_text().splitlines()
    assert len(made) == 3
    assert "too_young" in made[2]


def test_a_batch_that_cannot_be_read_ends_with_its_row(run, tmp_path):
    published()
    frame = spelling.frame([make.dossier()])
    frame.with_columns(age=pl.lit("-1")).write_csv(tmp_path / "in.csv")

    result = run("assess", "--batch", tmp_path / "in.csv", "--out", tmp_path / "out.csv")

    assert result.exit_code == faults.EXIT_UNUSABLE_INPUT
    assert "row 1, age" in result.output


@pytest.mark.parametrize("arguments", [(), ("--batch", "in.csv"), ("x.json", "--out", "out.csv")])
def test_assess_wants_one_dossier_or_a_batch_with_its_target(run, arguments):
    result = run("assess", *arguments)

    assert result.exit_code == 2
    assert "--batch with --out" in result.output
