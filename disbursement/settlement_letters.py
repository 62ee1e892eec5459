"""Letters of settlement: issued for a settled loan alone, kept by their hash, checked by anybody."""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import borrowers, issuing_banks, legs, loans, servicing, settlement_paper
from disbursement.records.funders import Funder
from disbursement.records.letters import LetterPaper, LoanLetter
from disbursement.records.loans import Loan, LoanStatus, LoanStep
from disbursement.records.payouts import PayoutLeg
from disbursement.settlement_paper import Paper
from kernel import ids, printing, sealing
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.money import Money
from kernel.refusals import Refused

PURPOSE: Final = "write the letter of settlement"


class NotSettled(Refused):
    """The loan is not settled, so nobody can certify that it is."""

    status = HTTPStatus.CONFLICT
    code = "loan_not_settled"
    title = "The loan is not settled"
    title_zh = "贷款尚未结清"


class LetterUnprintable(Refused):
    """The letter holds a character that its typeface cannot show, or the borrower is not known."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "letter_unprintable"
    title = "The letter cannot be printed as it must read; our staff will write it"
    title_zh = "证明暂无法自动打印，请联系工作人员出具"


class NoSuchLetter(Refused):
    """No letter of settlement has this number, or none was issued for the loan."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_letter"
    title = "There is no such letter of settlement"
    title_zh = "没有该结清证明"


class Standing(StrEnum):
    """What a letter is worth today."""

    STANDS = "stands"
    VOID = "void"
    """It was issued, and the loan was opened again since."""


def issue(session: Session, loan_id: UUID, *, by: Actor, at: datetime) -> LoanLetter:
    """Issue the letter of a settled loan; asked again, it is the letter that is there.

    Raises:
        NoSuchLoan: there is none.
        NotSettled: something is owed, or nothing was ever lent.
        LetterUnprintable: the paper could not show every character, or the borrower is unknown.
    """
    loan = loans.lock(session, loan_id)
    steps = _settlings(session, loan)
    if loan.status is not LoanStatus.SETTLED:
        raise NotSettled(f"the loan is {loan.status}")
    letter_id = ids.derived(loan.id, "letter of settlement", len(steps))
    known = session.get(LoanLetter, letter_id)
    if known is not None:
        return known
    number = f"JQ{business_day(at):%Y%m%d}{letter_id.hex[:12].upper()}"
    paper = _paper(session, loan, number, settled_on=business_day(steps[-1].at), by=by, at=at)
    if printing.missing_glyphs(settlement_paper.everything_printed(paper)):
        raise LetterUnprintable("a character of the name is not in the typeface")
    content = settlement_paper.render(paper)
    letter = LoanLetter(
        id=letter_id,
        loan_id=loan.id,
        settling=len(steps),
        number=number,
        pdf=sealing.seal(LetterPaper.of(content)),
        sha256=hashlib.sha256(content).hexdigest(),
        check_code=paper.check,
        template_version=paper.text.version,
        settled_on=paper.settled_on,
        issued_at=at,
        issued_by=str(by),
    )
    session.add(letter)
    session.flush()
    return letter


def of_loan(session: Session, loan_id: UUID) -> LoanLetter:
    """Give the latest letter of a loan.

    Raises:
        NoSuchLetter: none was issued.
    """
    found = session.scalar(
        select(LoanLetter)
        .where(LoanLetter.loan_id == loan_id)
        .order_by(LoanLetter.settling.desc())
        .limit(1)
    )
    if found is None:
        raise NoSuchLetter(f"none was issued for loan {loan_id}")
    return found


def pdf(session: Session, letter: LoanLetter, *, by: Actor, at: datetime) -> bytes:
    """Open a letter, leaving an audit row, and see that it is the one that was issued."""
    paper = sealing.reveal(
        session, letter.pdf, subject=letter.id, purpose="show the letter", by=by, at=at
    )
    content = paper.pdf
    assert hashlib.sha256(content).hexdigest() == letter.sha256, "the letter was changed"
    return content


def standing(session: Session, letter: LoanLetter) -> Standing:
    """Tell whether a letter still says the truth."""
    loan = loans.get(session, letter.loan_id)
    newest = letter.settling == len(_settlings(session, loan))
    return Standing.STANDS if newest and loan.status is LoanStatus.SETTLED else Standing.VOID


def check(session: Session, number: str, check_code: str) -> tuple[LoanLetter, Standing]:
    """Find a letter by what stands on it and tell what it is worth; nothing personal comes back.

    Raises:
        NoSuchLetter: number and verification code belong to no letter.
    """
    found = session.scalar(select(LoanLetter).where(LoanLetter.number == number.strip().upper()))
    given = check_code.strip().upper()
    if found is None or not hmac.compare_digest(found.check_code.encode(), given.encode()):
        raise NoSuchLetter("number and code belong to no letter")
    return found, standing(session, found)


def check_file(session: Session, content: bytes) -> tuple[LoanLetter, Standing]:
    """Find the letter of which this is the file, byte for byte.

    Raises:
        NoSuchLetter: no letter has these bytes, so it was changed or is not ours.
    """
    digest = hashlib.sha256(content).hexdigest()
    found = session.scalar(select(LoanLetter).where(LoanLetter.sha256 == digest))
    if found is None:
        raise NoSuchLetter("no letter has these bytes")
    return found, standing(session, found)


def _paper(
    session: Session, loan: Loan, number: str, *, settled_on: date, by: Actor, at: datetime
) -> Paper:
    live = [leg for leg in legs.of_loan(session, loan.id) if leg.status in legs.LIVE]
    known = borrowers.reveal(
        session, loan.debtor_ref, subject=loan.id, purpose=PURPOSE, by=by, at=at
    )
    if known is None:
        raise LetterUnprintable("the borrower of the loan is not known by name and number")
    assert loan.value_date is not None, "a settled loan has begun"
    return Paper(
        number=number,
        text=settlement_paper.text(on=business_day(at)),
        lender=session.get_one(Funder, loan.funder_id).name,
        name=known.name,
        national_id_masked=known.national_id.masked,
        loan_id=loan.id,
        contract_sha256=loan.contract_sha256,
        principal=Money.total(leg.amount for leg in live if leg.amount is not None),
        value_date=loan.value_date,
        settled_on=settled_on,
        cards=tuple(_card(leg) for leg in live),
        issued_on=business_day(at),
        issued_at=at,
        left_over=servicing.owed(session, loan.id, on=business_day(at)).credit,
    )


def _card(leg: PayoutLeg) -> str:
    bank = issuing_banks.banks().get(leg.issuer_code)
    return f"{leg.issuer_code if bank is None else bank.name_zh} {leg.card_masked[-4:]}"


def _settlings(session: Session, loan: Loan) -> list[LoanStep]:
    return list(
        session.scalars(
            select(LoanStep)
            .where(LoanStep.subject_id == loan.id, LoanStep.to_status == LoanStatus.SETTLED)
            .order_by(LoanStep.position)
        )
    )
