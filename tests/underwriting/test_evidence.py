"""Both models are judged on the same loans that neither learnt from, and what there is is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from sqlalchemy import insert, text

from kernel.clock import shanghai
from tests.underwriting import builders as make
from tests.underwriting import contenders
from tests.underwriting.contenders import strong, weak
from tests.underwriting.models.rows import loans
from tests.underwriting.watching import town
from underwriting import evidence
from underwriting.evidence import Contest, Kind, Side
from underwriting.models import probing, scoring
from underwriting.records.watching import LoanMark
from underwriting.watched import Mark

END = shanghai(date(2027, 12, 1), 9)
MATURED = date(2026, 6, 1)
"""The first day that neither model learnt from."""


def models() -> Contest:
    return Contest(*(Side(scoring.load(each), each.facts) for each in (weak(), strong())))


def lent(session, rows, *, began=MATURED, first=0) -> None:
    """Book the loans of a training frame as our own, with the dossier that each was decided on."""
    decided, marks = [], []
    for number, row in enumerate(rows, start=first):
        told = make.dossier(
            application_ref=town.ref(number),
            verified_monthly_income=make.yuan(f"{Decimal(str(row['annual_income'])) / 12:.2f}"),
            figures={
                name: None if row[name] is None else Decimal(str(row[name]))
                for name in ("inquiries_12m", "card_utilisation_pct", "debt_to_income_pct")
            },
        )
        plain = town.decision(number, date(2026, 5, 30))
        decided.append({**plain, "dossier": told.to_bytes().decode()})
        town.lend(session, number, began)
        if row["target"]:
            marks.append({
                "loan_id": town.ref(10_000_000 + number), "mark": Mark.LATE_90,
                "application_ref": town.ref(number), "on": date(2026, 12, 1), "noted_at": END,
            })  # fmt: skip
    town.decide(session, decided)
    if marks:
        session.execute(insert(LoanMark), marks)


def test_our_own_matured_loans_are_scored_by_both_as_they_were_decided(session):
    rows = loans(150, seed=31).rows(named=True)
    lent(session, rows)
    lent(session, rows[:9], began=date(2026, 5, 31), first=1_000)
    lent(session, rows[:9], began=date(2027, 9, 1), first=2_000)
    lent(session, rows[:1], first=3_000)
    session.execute(
        text("UPDATE loan SET status = 'undone' WHERE application_ref = :ref"),
        {"ref": town.ref(3_000)},
    )

    found = evidence.matured(session, models(), at=END)

    # Left out: what a model may have learnt from, what is not over, what was undone.
    bads = sum(row["target"] for row in rows)
    assert found.kind is Kind.MATURED
    assert "150 own loans have matured since 2026-06-01" in found.detail
    assert f"{bads} of them bad; approved loans alone" in found.detail
    assert found.verdict.loans == 150
    expected = scoring.load(strong()).probabilities(
        evidence.training.matrix(loans(150, seed=31), scoring.load(strong()).features)
    )
    assert found.verdict.challenger.mean_pd == pytest.approx(float(np.mean(expected)), abs=1e-6)
    assert found.to_plain()["verdict"]["challenger"]["bads"] == bads


def test_too_few_matured_loans_are_no_evidence(session):
    lent(session, loans(60, seed=32).rows(named=True))

    found = evidence.matured(session, models(), at=END)

    assert (found.kind, found.verdict, found.is_passed) == (Kind.NONE, None, False)
    assert "60 own loans have matured" in found.detail
    assert "asked are 100 with 20 bad and 20 good" in found.detail
    assert "own AUC when it was made: 0." in found.detail


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (loans(500), "0 loans of f.csv since 2026-06-01"),
        (contenders.later(500).drop("annual_income"), "the file lacks: annual_income"),
        (contenders.later(500).filter(pl.col("target") == 0), "both kinds of loan are needed"),
    ],
)
def test_a_file_that_judges_nothing_says_why(frame, said):
    found = evidence.of_file(frame, models(), name="f.csv")

    assert (found.kind, found.is_passed) == (Kind.NONE, False)
    assert said in found.detail


def test_a_model_older_than_its_recorded_scores_is_not_known_to_be_stable():
    told = models()
    facts = {name: value for name, value in told.challenger.facts.items() if name != "scores"}
    old = Contest(told.champion, replace(told.challenger, facts=facts))

    found = evidence.of_file(contenders.later(3000), old, name="f.csv")

    assert found.reasons == ("psi: not measured, asked is below 0.10",)


def test_a_sign_that_the_shipped_model_breaks_is_named():
    model, facts = scoring.load(strong()), strong().facts

    class Backwards:
        """The model with its probabilities the other way round."""

        features = model.features

        def probabilities(self, rows):
            return 1.0 - model.probabilities(rows)

    assert probing.broken_signs(model, facts) == ()
    assert set(probing.broken_signs(Backwards(), facts)) == set(model.features)
