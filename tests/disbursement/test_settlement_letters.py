"""A letter of settlement: for a settled loan alone, kept by its hash, void when the loan opens again."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from disbursement import borrowers, loans, settlement_letters, settlement_paper
from disbursement.records.loans import LoanStatus
from disbursement.settlement_letters import (
    LetterUnprintable,
    NoSuchLetter,
    NotSettled,
    Standing,
)
from disbursement.settlement_paper import Paper
from kernel.actors import Actor, Role
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money
from kernel.personal import NationalId, PersonName
from kernel.sealing import seal
from tests.disbursement import builders as make
from tests.disbursement.running import BY, NOON, running

DEBTOR = Actor(Role.DEBTOR, "debtor-1")
LATER = NOON + timedelta(days=40)


def known(name: str = make.NAME) -> None:
    """Keep the borrower of every loan that the builders make."""
    with transaction() as session:
        borrowers.keep(
            session,
            UUID(int=1002),
            name=seal(PersonName(name)),
            national_id=seal(NationalId(make.national_id(1))),
            at=NOON,
        )


def settle(loan_id, *, at=LATER) -> None:
    with transaction() as session:
        loan = loans.lock(session, loan_id)
        loans.close(session, loan, LoanStatus.SETTLED, reason="paid", by=BY, at=at)


@pytest.fixture
def settled(database):
    """A loan of 8,000 yuan that was paid and then settled, with its borrower known."""
    loan = running()
    known()
    settle(loan.loan_id)
    return loan


def issue(loan, *, at=LATER):
    with transaction() as session:
        return settlement_letters.issue(session, loan.loan_id, by=DEBTOR, at=at)


def pdf(letter) -> bytes:
    with transaction() as session:
        return settlement_letters.pdf(session, letter, by=DEBTOR, at=LATER)


def paper(**changed) -> Paper:
    return replace(
        Paper(
            number="JQ20261230ABCDEF",
            text=settlement_paper.text(on=date(2026, 12, 30)),
            lender="华信消费金融",
            name=PersonName(make.NAME),
            national_id_masked="110***********0019",
            loan_id=UUID(int=5),
            contract_sha256="ab" * 32,
            principal=Money.yuan("8000.00"),
            value_date=date(2026, 11, 20),
            settled_on=date(2026, 12, 30),
            cards=("招商银行 0012",),
            issued_on=date(2026, 12, 30),
            issued_at=shanghai(date(2026, 12, 30), 12),
        ),
        **changed,
    )


def test_the_letter_of_a_settled_loan_is_issued_once(settled):
    first, again = issue(settled), issue(settled, at=LATER + timedelta(days=3))

    assert first.number == again.number
    assert first.settled_on == date(2026, 12, 30)
    assert hashlib.sha256(pdf(first)).hexdigest() == first.sha256
    assert pdf(first).startswith(b"%PDF")


def test_a_letter_says_what_the_lender_owes_back_and_nothing_of_it_where_nothing_is_owed():
    owing, plain = paper(left_over=Money.yuan("1250.00")), paper()

    for language, words in (("zh", "1,250.00 元"), ("en", "1,250.00 yuan")):
        said = settlement_paper.sentences(owing, language)
        assert [one for one in said if words in one]
        assert len(said) == len(settlement_paper.sentences(plain, language)) + 1
    assert owing.check != plain.check


def test_a_loan_that_runs_has_no_letter(database):
    loan = running()
    known()

    with pytest.raises(NotSettled):
        issue(loan)
    with pytest.raises(NoSuchLetter), transaction() as session:
        settlement_letters.of_loan(session, loan.loan_id)


def test_a_borrower_who_is_not_known_gets_no_letter_with_a_gap(database):
    loan = running()
    settle(loan.loan_id)

    with pytest.raises(LetterUnprintable):
        issue(loan)


def test_a_name_that_cannot_be_printed_gets_no_letter_without_it(database):
    loan = running()
    known("张\U00020bb7")
    settle(loan.loan_id)

    with pytest.raises(LetterUnprintable):
        issue(loan)


def test_anybody_can_check_a_letter_by_what_stands_on_it(settled):
    letter = issue(settled)

    with transaction() as session:
        by_words = settlement_letters.check(session, letter.number.lower(), letter.check_code)
        by_bytes = settlement_letters.check_file(session, pdf(letter))

    assert (by_words[0].id, by_words[1]) == (letter.id, Standing.STANDS)
    assert (by_bytes[0].id, by_bytes[1]) == (letter.id, Standing.STANDS)


@pytest.mark.parametrize("code", ["", "0" * 16, "Ä"], ids=["none", "another", "not of the kind"])
def test_a_wrong_code_finds_no_letter(settled, code):
    letter = issue(settled)

    with pytest.raises(NoSuchLetter), transaction() as session:
        settlement_letters.check(session, letter.number, code)


def test_a_changed_file_is_no_letter_of_ours(settled):
    content = pdf(issue(settled))

    with pytest.raises(NoSuchLetter), transaction() as session:
        settlement_letters.check_file(session, content.replace(b"%%EOF", b"%%EOG"))


def test_every_look_at_a_letter_leaves_a_row(settled):
    pdf(issue(settled))

    with transaction() as session:
        rows = session.execute(text("SELECT actor, kind, purpose FROM reveal ORDER BY at, id"))
        seen = {tuple(row) for row in rows}
    assert (str(DEBTOR), "settlement_letter", "show the letter") in seen
    assert (str(DEBTOR), "national_id", settlement_letters.PURPOSE) in seen


def test_the_same_facts_are_the_same_bytes_in_another_process():
    here = hashlib.sha256(settlement_paper.render(paper())).hexdigest()

    there = subprocess.run(
        [
            sys.executable,
            "-c",
            "import hashlib;"
            "from disbursement import settlement_paper;"
            "from tests.disbursement.test_settlement_letters import paper;"
            "print(hashlib.sha256(settlement_paper.render(paper())).hexdigest())",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    assert here == there


@pytest.mark.parametrize(
    "changed",
    [
        {"principal": Money.yuan("8000.01")},
        {"settled_on": date(2026, 12, 29)},
        {"name": PersonName("测试乙")},
    ],
)
def test_another_fact_is_another_code_and_another_paper(changed):
    other = paper(**changed)

    assert other.check != paper().check
    assert settlement_paper.render(other) != settlement_paper.render(paper())


def test_both_languages_say_everything_and_leave_no_blank():
    words = settlement_paper.everything_printed(paper())

    assert "{" not in words
    for said in ("8,000.00", make.NAME, "2026-12-30", "招商银行 0012", paper().check):
        assert words.count(said) >= 2, said
    assert make.national_id(1) not in words
