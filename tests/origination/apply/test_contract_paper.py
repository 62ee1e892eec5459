"""The contract on paper says what the debtor read, and is the same to the byte every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest

from kernel.clock import shanghai
from kernel.personal import PersonName
from origination import contract_paper
from origination.contract_paper import Paper
from origination.records.referrals import Locale
from tests.conftest import ROOT, TODAY
from tests.origination.apply.builders import NOON, Person
from tests.origination.apply.test_disclosure import line, shown, terms


def paper(**changes) -> Paper:
    told = shown(terms(line("28528.50", "28600.00"), line("3000.00", "3007.50", "8765")))
    return Paper(
        **{
            "number": "0123456789ABCDEF0123",
            "text": contract_paper.text(on=TODAY),
            "locale": Locale.ZH,
            "debtor": Person().name,
            "national_id": Person().national_id,
            "disclosure": json.loads(told.content),
            "disclosure_sha256": told.sha256,
            "read_from_at": NOON,
            "signed_at": NOON + timedelta(minutes=2),
            **changes,
        }
    )


def test_the_same_contract_is_the_same_bytes():
    first, again = contract_paper.render(paper()), contract_paper.render(paper())

    assert first.startswith(b"%PDF-")
    assert first == again


def test_the_same_contract_is_the_same_bytes_in_another_process():
    here = hashlib.sha256(contract_paper.render(paper())).hexdigest()
    program = (
        "import hashlib;"
        "from origination import contract_paper;"
        "from tests.origination.apply.test_contract_paper import paper;"
        "print(hashlib.sha256(contract_paper.render(paper())).hexdigest())"
    )

    there = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "America/Lima"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()

    assert there == here


def test_another_second_of_signing_is_another_paper():
    later = paper(signed_at=NOON + timedelta(minutes=2, seconds=1))

    assert contract_paper.render(paper()) != contract_paper.render(later)


def test_the_clauses_name_every_figure_the_debtor_read():
    words = contract_paper.everything_printed(paper())

    # 28,600.00 + 3,007.50 = 31,607.50 at 12 %, penalty 12 % × 1.5 = 18 %.
    for figure in ("31,607.50", "12.00%", "12.68%", "18.00%", "8765", "4321", "没有任何其他费用"):
        assert figure in words


def test_the_id_number_is_printed_masked_and_no_card_number_at_all():
    words = contract_paper.everything_printed(paper())

    assert Person().national_id.masked in words
    assert Person().national_id.plain not in words
    assert "钱" not in words or "622" not in words


def test_english_comes_with_the_chinese_text_that_prevails():
    words = contract_paper.everything_printed(paper(locale=Locale.EN))

    assert "no other charge" in words
    assert "没有任何其他费用" in words


def test_no_blank_is_left_unfilled():
    for locale in Locale:
        assert "{" not in contract_paper.everything_printed(paper(locale=locale))


@pytest.mark.parametrize("locale", list(Locale))
def test_every_character_of_the_contract_can_be_shown(locale):
    words = contract_paper.everything_printed(paper(locale=locale))

    assert contract_paper.missing_glyphs(words) == 0


def test_a_name_the_font_cannot_show_is_noticed():
    rare = replace(paper(), debtor=PersonName.parse("张䶮"))

    assert contract_paper.missing_glyphs(contract_paper.everything_printed(rare)) == 1


def test_the_figures_can_be_found_again_in_the_pdf():
    content = contract_paper.render(paper())

    assert b"/ToUnicode" in content
    assert b"20261120" in content


def test_no_clauses_no_contract():
    with pytest.raises(LookupError):
        contract_paper.text(on=date(2026, 7, 31))


def test_a_plan_of_five_years_still_fits_on_its_pages():
    long = shown(terms(months=60, value_date=date(2027, 1, 31)))

    content = contract_paper.render(
        paper(disclosure=json.loads(long.content), signed_at=shanghai(date(2027, 1, 31), 9))
    )

    assert content.count(b"/Type /Page\n") >= 3
