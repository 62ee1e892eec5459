"""The reference by which a debtor's transfer is known: one for each loan, the same for ever."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement import loans
from disbursement.records.debits import RepaymentReference

LETTERS: Final = "123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without 0, I, L, O and U, which are misread; 31, a prime, so that the check letter sees it all."""
PREFIX: Final = "HK"
_LENGTH: Final = 12


def of(session: Session, loan_id: UUID, *, at: datetime) -> str:
    """Give the reference that a loan's debtor writes on a transfer, giving one out at first.

    Raises:
        NoSuchLoan: there is none.
    """
    loan = loans.get(session, loan_id)
    row = {"loan_id": loan.id, "reference": derived(loan_id), "given_at": at}
    session.execute(
        insert(RepaymentReference).values(row).on_conflict_do_nothing(index_elements=["loan_id"])
    )
    return session.get_one(RepaymentReference, loan_id).reference


def find(session: Session, reference: str) -> UUID | None:
    """Find the loan of a reference that was given out; it must be exactly that reference."""
    return session.scalar(
        select(RepaymentReference.loan_id).where(RepaymentReference.reference == reference)
    )


def derived(loan_id: UUID) -> str:
    """Derive a loan's reference: two letters, twelve of its hash and one letter to check them.

    >>> derived(UUID(int=1)) == derived(UUID(int=1)), len(derived(UUID(int=1)))
    (True, 15)
    """
    digest = hashlib.sha256(f"repayment/{loan_id}".encode()).digest()
    number = int.from_bytes(digest)
    body = "".join(LETTERS[number // 31**place % 31] for place in range(_LENGTH))
    return f"{PREFIX}{body}{_check_letter(body)}"


def is_well_formed(reference: str) -> bool:
    """Tell whether a text could be a reference of ours: a page may say so before it is used."""
    body = reference[len(PREFIX) : -1]
    return (
        reference.startswith(PREFIX)
        and len(body) == _LENGTH
        and set(body) <= set(LETTERS)
        and reference[-1] == _check_letter(body)
    )


def _check_letter(body: str) -> str:
    """Give the letter by which one mistyped letter, or two swapped, show (weights 1, 3, 5, ...)."""
    weighted = (LETTERS.index(letter) * (2 * n + 1) for n, letter in enumerate(body))
    return LETTERS[sum(weighted) % 31]
