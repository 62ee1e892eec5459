from __future__ import annotations

import json

import click
import polars as pl
import pytest
from click.testing import CliRunner

from tests.underwriting.models.sets import SPEC, rows, write
from underwriting import cli
from underwriting.cli.faults import EXIT_DIED, EXIT_UNUSABLE_INPUT, told_as_exit_codes
from underwriting.models.evaluation_tasks import EvaluationDied


@pytest.fixture
def run():
    """Run a command without a database or a clock: evaluating a set needs neither."""
    root = click.Group(commands={command.name: command for command in cli.COMMANDS})

    def call(*arguments: object):
        return CliRunner().invoke(root, [str(each) for each in arguments], obj=None)

    return call


@pytest.fixture
def files(tmp_path):
    """Write a spec, rows that teach and rows that judge, each with their second files."""
    (tmp_path / "own.toml").write_text(SPEC, encoding="utf-8")
    frame = rows(1_000)
    return {
        "own": tmp_path / "own.toml",
        "train": write(tmp_path / "a", frame.head(700)),
        "test": write(tmp_path / "b", frame.tail(300), "later.csv"),
        "out": tmp_path / "models",
    }


def judged(files, *more):
    return ("evaluate", "--spec", files["own"], "--train", files["train"], "--test", files["test"], *more)  # fmt: skip


def test_a_spec_trained_on_one_file_is_judged_by_another(run, files):
    told = json.loads(run(*judged(files, "--json")).stdout)

    assert told["model"]["n"] == told["scorecard"]["n"] == 240
    assert told["test"]["rows_without"] == {"people": 0, "loans": 0}
    assert told["test"]["rows_in_train"] == 0
    assert told["model"]["auc"] > 0.65
    for shown in (told["model"], told["scorecard"]):
        for name in ("auc", "ks", "brier", "log_loss", "ece", "psi", "mean_pd", "bad_rate"):
            low, high = shown[f"{name}_interval_95"]
            assert isinstance(shown[name], float)
            assert low <= shown[name] <= high
    assert told["label"] == "bad by a rule"
    assert told["protected_left_out"] == ["age"]
    assert told["memory_peak_mb"] > 0
    again = json.loads(run(*judged(files, "--json")).stdout)
    assert [again[key] for key in ("model", "scorecard", "chosen")] == [
        told[key] for key in ("model", "scorecard", "chosen")
    ]


def test_judged_rows_in_any_order_give_the_same_figures(run, files):
    first = json.loads(run(*judged(files, "--json")).stdout)
    lines = files["test"].read_text(encoding="utf-8").splitlines()
    files["test"].write_text("\n".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")

    second = json.loads(run(*judged(files, "--json")).stdout)

    assert [second[key] for key in ("model", "scorecard", "months")] == [
        first[key] for key in ("model", "scorecard", "months")
    ]


def test_rows_that_stand_in_both_files_are_warned_of(run, files):
    write(
        files["test"].parent, pl.concat([rows(1_000).tail(300), rows(1_000).head(10)]), "later.csv"
    )

    told = json.loads(run(*judged(files, "--json")).stdout)
    result = run(*judged(files))

    # Of the first ten rows two are of a kind that is not judged.
    assert told["test"]["rows_in_train"] == 8
    assert result.exit_code == 0
    assert "Warning: 8 of 248 judged loans also stand among those that taught" in result.stdout


def test_judged_loans_of_one_kind_have_no_ranking_and_all_other_figures(run, files):
    write(files["test"].parent, rows(1_000).tail(300).with_columns(bad=pl.lit("0")), "later.csv")

    told = json.loads(run(*judged(files, "--json")).stdout)
    result = run(*judged(files))

    assert (told["model"]["auc"], told["model"]["auc_interval_95"]) == (None, None)
    assert (told["model"]["ks"], told["scorecard"]["auc"]) == (None, None)
    assert told["model"]["bads"] == 0
    assert told["model"]["brier"] > 0
    assert result.exit_code == 0
    assert "the judged loans are all good, so there is no ranking: AUC and KS are undefined" in (
        result.stdout
    )
    assert "undefined" in result.stdout


def test_what_became_of_the_judging_loans_fits_nothing(run, files):
    first = json.loads(run(*judged(files, "--json")).stdout)
    lines = files["test"].read_text(encoding="utf-8").splitlines()
    turned = [lines[0], *(f"{line[:-1]}{1 - int(line[-1])}" for line in lines[1:])]
    files["test"].write_text("\n".join(turned), encoding="utf-8")

    second = json.loads(run(*judged(files, "--json")).stdout)

    assert second["chosen"] == first["chosen"]
    assert second["model"]["mean_pd"] == first["model"]["mean_pd"]
    assert second["model"]["auc"] == pytest.approx(1 - first["model"]["auc"], abs=2e-6)


def test_a_spec_is_judged_inside_its_training_file_and_told_what_leaving_out_costs(run, files):
    result = run(
        "evaluate",
        "--spec",
        files["own"],
        "--train",
        files["train"],
        "--splits",
        2,
        "--with-protected",
    )

    assert result.exit_code == 0, result.output
    assert "split 2 of 2 inside the training file, by time" in result.stdout
    assert "with protected" in result.stdout
    assert "Bad means bad by a rule." in result.stdout


def test_a_sets_model_is_kept_as_files(run, files):
    result = run("train", files["train"], "--spec", files["own"], "--out", files["out"], "--json")

    told = json.loads(result.stdout)
    folder = files["out"] / told["model"]
    assert told["status"] == "files only, serves nobody"
    assert json.loads((folder / "manifest.json").read_bytes())["serves"] is False
    assert (folder / "model.ubj").stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "{train}", "--spec", "{own}"], "kept as files alone"),
        (["train", "{train}", "--spec", "{own}", "--publish"], "is never published"),
        (["train", "{train}", "--spec", "{own}", "--seed", "3"], "its seed stands in the spec"),
        (
            ["train", "{train}", "--spec", "card_repayers", "--out", "{out}"],
            "go with the spec of a data set",
        ),
        (["train", "{train}", "--spec", "{own}", "--out", "{own}"], "cannot be written"),
        (["evaluate"], "name a kept MODEL and a FILE"),
        (["evaluate", "model"], "name a kept MODEL and a FILE"),
        (["evaluate", "model", "{train}", "--train", "{train}"], "without --train"),
        (["evaluate", "model", "{train}", "--test", "{test}"], "go with --spec"),
        (["evaluate", "--train", "{train}"], "--train needs --spec"),
        (["evaluate", "--spec", "nobody", "--train", "{train}"], "no training spec 'nobody'"),
        (["evaluate", "--spec", "card_repayers", "--train", "{train}"], "makes models of dossiers"),
        (
            ["evaluate", "--spec", "{own}", "--train", "{train}", "--test", "gone.csv"],
            "no file gone.csv",
        ),
        (["evaluate", "--spec", "gmsc", "--train", "{train}"], "lacks the target column"),
        (
            ["evaluate", "--spec", "{own}", "--train", "{train}", "--aux", "loans"],
            "--aux NAME=FILE",
        ),
        (
            ["evaluate", "--spec", "{own}", "--train", "{train}", "--aux", "x={own}"],
            "no second file named: x",
        ),
        (["evaluate", "--all", "{out}"], "has no folder with train.csv.gz of: gmsc"),
        (["evaluate", "--all", "{out}", "--spec", "gmsc"], "--all takes no --spec"),
    ],
)
def test_what_cannot_be_done_ends_with_a_reason_and_its_exit_code(run, files, arguments, says):
    result = run(*(each.format(**files) for each in arguments))

    assert result.exit_code == EXIT_UNUSABLE_INPUT
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_a_folder_of_sets_is_evaluated_by_our_specs_and_a_faulty_one_keeps_none_back(
    run, shared, tmp_path
):
    folder = tmp_path / "heloc"
    folder.mkdir()
    whole = pl.read_csv(shared("data/heloc/train.csv.gz"), infer_schema=False)
    whole.head(1_000).write_csv(folder / "train.csv.gz", compression="gzip")
    (tmp_path / "another").mkdir()
    (tmp_path / "gmsc").mkdir()
    (tmp_path / "gmsc" / "train.csv.gz").write_bytes(b"a,b\n1,2\n")

    result = run("evaluate", "--all", tmp_path, "--json")

    assert result.exit_code == EXIT_UNUSABLE_INPUT
    assert "gmsc: train.csv.gz lacks the target column" in result.stderr
    told = json.loads(result.stdout)
    (found,) = told["evaluations"]
    assert found["spec"] == "heloc"
    assert 0.7 < found["model"]["auc"] < 0.9
    (fault,) = told["faults"]
    assert fault["spec"] == "gmsc"
    assert "lacks the target column" in fault["fault"]


def test_a_dead_evaluation_has_its_own_exit_code(capsys):
    with pytest.raises(SystemExit) as ended, told_as_exit_codes():
        raise EvaluationDied("heloc: its process was killed")

    assert ended.value.code == EXIT_DIED
    assert capsys.readouterr().err == "heloc: its process was killed\n"
