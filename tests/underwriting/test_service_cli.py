"""A person at the terminal publishes by the gate, lets models challenge, and goes back."""

from __future__ import annotations

import json

import click
import polars as pl
import pytest
from click.testing import CliRunner

from kernel import config, db
from kernel.actors import Role
from kernel.clock import SetClock
from kernel.surroundings import build
from tests.kernel import web_builders as people
from tests.underwriting import builders as make
from tests.underwriting import contenders, exploring
from tests.underwriting.contenders import strong, weak
from tests.underwriting.models.rows import SPEC
from tests.underwriting.test_exploration import recorded
from tests.underwriting.test_review_queue import START, hours, in_review
from underwriting import cli
from underwriting.cli import faults, queues
from underwriting.models import registry

CLOCK = SetClock(make.AT)


@pytest.fixture
def run(database):
    """Run a command as the composition root would; a password answers any prompt."""
    root = click.Group(commands={command.name: command for command in cli.COMMANDS})
    settings = config.read({"DAICHANG_ENV": "test"})

    def call(*arguments: object, at=make.AT):
        return CliRunner().invoke(
            root,
            [str(each) for each in arguments],
            obj=build(settings, SetClock(at)),
            input=f"{people.PASSWORD}\n",
        )

    return call


@pytest.fixture
def models(run) -> tuple[str, str]:
    """Keep a weak and a strong model, the weak one in service."""
    with db.transaction() as session:
        names = tuple(contenders.kept(session, each).name for each in (weak(), strong()))
    assert run("publish", names[0], "--reason", "the first").exit_code == 0
    return names


@pytest.fixture
def newer(tmp_path):
    """Write loans that are later than what both learnt from."""
    frame = contenders.later().rename({
        "inquiries_12m": "inq", "card_utilisation_pct": "util", "debt_to_income_pct": "dti",
        "annual_income": "income", "target": "bad",
    })  # fmt: skip
    empty = [pl.lit(None, dtype=pl.String).alias(name) for name in ("work", "second_borrower")]
    frame.with_columns(pl.lit("card").alias("kind"), *empty).write_csv(tmp_path / "newer.csv")
    (tmp_path / "own.toml").write_text(SPEC, encoding="utf-8")
    return tmp_path / "newer.csv", "--spec", tmp_path / "own.toml"


def officer(login: str) -> None:
    people.hire(CLOCK, login=login, role=Role.RISK_OFFICER)


def serving() -> str:
    with db.transaction() as session:
        return registry.champion(session).name


def test_a_better_model_is_published_by_the_gate_and_the_one_before_comes_back(run, models, newer):
    published = run("publish", models[1], "--file", *newer, "--json")
    now = serving()
    back = run("roll-back", "--reason", "too many declines")

    assert published.exit_code == 0, published.output
    told = json.loads(published.stdout)
    assert (published.exit_code, told["passed"], told["status"]) == (0, True, "serving")
    assert (now, serving()) == (models[1], models[0])
    assert back.stdout.strip() == f"{models[0]} is in service instead of {models[1]}"
    listed = run("promotion", "list", "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in listed] == ["roll_back", "gate", "first"]


def test_the_gate_has_its_own_exit_code_and_says_why(run, models):
    held = run("publish", models[1])

    assert held.exit_code == faults.EXIT_GATE
    assert "0 own loans have matured" in held.stderr
    assert serving() == models[0]


def test_two_officers_sign_in_to_override_the_gate(run, models):
    officer("anne")
    officer("bert")
    override = ("publish", models[1], "--override", "--reason", "the law", "--json")

    asked = run(*override, "--as", "anne")
    request = json.loads(asked.stdout[asked.stdout.index("{") :])["request"]
    same = run("promotion", "confirm", request, "--as", "anne")
    other = run("promotion", "confirm", request, "--as", "bert")

    assert (same.exit_code, other.exit_code) == (faults.EXIT_NOTHING_FOUND, 0)
    assert serving() == models[1]
    assert run(*override).exit_code == 0, "it serves already, so nobody is asked"


def test_a_terminal_without_a_person_overrides_nothing(run, models):
    refused = run("publish", models[1], "--override", "--reason", "because")

    assert refused.exit_code == faults.EXIT_NOTHING_FOUND
    assert serving() == models[0]


def test_a_challenger_gets_its_share_by_two_officers_and_loses_it_by_one(run, models, newer):
    officer("anne")
    officer("bert")
    wish = ("challenger", "share", models[1], "12.5", "--reason", "to compare", "--file", *newer)
    run("challenger", "add", models[1], "--reason", "tuned")

    nobody = run(*wish)
    asked = run(*wish, "--json", "--as", "anne")
    wished = json.loads(asked.stdout[asked.stdout.index("{") :])
    request = wished["request"]
    before = json.loads(run("challenger", "show", "--json").stdout)
    same = run("challenger", "confirm", request, "--as", "anne")
    other = run("challenger", "confirm", request, "--as", "bert")
    after = json.loads(run("challenger", "show", "--json").stdout)
    stopped = run("challenger", "share", models[1], "0", "--reason", "to stop")
    retired = run("challenger", "retire", models[1], "--reason", "no better")

    assert (wished["evidence"]["verdict"]["loans"], wished["not_for_promotion"]) == (6000, [])
    assert (nobody.exit_code, same.exit_code) == (faults.EXIT_NOTHING_FOUND,) * 2
    assert (other.exit_code, stopped.exit_code, retired.exit_code) == (0, 0, 0)
    assert [each["request"] for each in before["asked"]] == [request]
    assert (before["deciding"], before["share"], after["asked"]) == (None, "0", [])
    assert (after["champion"], after["challengers"]) == (models[0], [models[1]])
    assert (after["deciding"], after["share"]) == (models[1], "0.125")
    assert after["failed"] == {models[1]: 0}
    assert f"{models[1]} decides on 12.5 % of the applications" in other.stdout


def test_a_share_without_known_loans_is_held_back_by_the_gate(run, models):
    officer("anne")
    run("challenger", "add", models[1], "--reason", "tuned")

    held = run("challenger", "share", models[1], "10", "--reason", "to compare", "--as", "anne")
    champions = run("challenger", "share", models[0], "10", "--reason", "to compare")

    assert held.exit_code == faults.EXIT_GATE
    assert "0 own loans have matured" in held.stderr
    assert champions.exit_code == faults.EXIT_NOTHING_FOUND


@pytest.mark.parametrize("percent", ["60", "ten", "-1", "NaN"])
def test_a_share_that_cannot_be_is_refused(run, models, percent):
    run("challenger", "add", models[1], "--reason", "tuned")

    refused = run("challenger", "share", "--reason", "x", "--", models[1], percent)

    assert refused.exit_code == faults.EXIT_NOTHING_FOUND
    assert "Traceback" not in refused.output


def test_what_was_spent_on_approvals_at_random_is_shown(run):
    nothing = run("exploration")
    with db.transaction() as session:
        recorded(session, exploring.rules())

    found = json.loads(run("exploration", "--json").stdout)["months"]

    assert nothing.exit_code == 0
    assert found == [
        {
            "month": "2026-11-01",
            "drawn": 1,
            "granted": 1,
            "principal": "3007.50",
            "loss": "1353.38",
        }
    ]


def test_reviews_are_shown_and_what_is_overdue_has_its_own_exit_code(run):
    with db.transaction() as session:
        kept = in_review(session, 1)

    in_time, late = (run("reviews", "--json", at=hours(count)) for count in (1, 80))

    told = json.loads(late.stdout)
    assert (in_time.exit_code, late.exit_code) == (0, queues.EXIT_OVERDUE)
    assert (told["open"], told["overdue"], told["share_in_time"]) == (1, 1, "0.0000")
    assert told["queue"][0]["assessment"] == str(kept.id)
    assert run("reviews", at=START).exit_code == 0


def test_a_model_that_serves_already_is_published_for_nothing(run, models):
    again = run("publish", models[0])

    assert again.exit_code == 0
    assert len(run("promotion", "list", "--json").stdout.splitlines()) == 1
