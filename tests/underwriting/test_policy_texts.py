"""Policies as people read them: every section with its source, and every value that differs."""

from __future__ import annotations

import pytest

from underwriting import policy, policy_texts
from underwriting.policy import NoSuchPolicy


def test_every_policy_is_listed_with_the_hash_that_decisions_name():
    found = {each.version: each.sha256 for each in policy_texts.versions()}

    assert found["2026-08"] == policy.load("2026-08").sha256
    assert next(iter(found)) == policy.newest().version


def test_every_section_has_its_source_its_values_and_its_text():
    sections = {each.name: each for each in policy_texts.sections("2026-11")}

    assert all(each.source for name, each in sections.items() if name)
    assert ("band A · annual_rate", "9.00") in sections["price"].entries
    assert ("rule ring_large · more_than", "5") in sections["fraud"].entries
    assert "a family shares a telephone" in sections["fraud"].text
    assert "[profit]" not in sections["risk"].text


def test_together_the_texts_are_the_whole_file():
    sections = policy_texts.sections("2026-11")

    file = (policy.FOLDER / "2026-11.toml").read_text()
    told = "\n".join(each.text for each in sections)
    assert [line for line in told.splitlines() if line] == [
        line for line in file.splitlines() if line
    ]


def test_two_versions_differ_where_a_value_does():
    found = {
        (each.section, each.place): each for each in policy_texts.differences("2026-08", "2026-11")
    }

    added = found["cards", "order"]
    assert (added.before, added.after) == (None, "delinquent_first")
    assert ("budget", "debt_to_income_max") not in found
    assert policy_texts.differences("2026-11", "2026-11") == ()


def test_an_unknown_version_is_refused():
    with pytest.raises(NoSuchPolicy):
        policy_texts.sections("1999-01")
