"""The difference that a day or an event makes to a loan, as amounts between ledger accounts.

Accounts of the loan show what its schedule says: principal owed; interest, penalty and fees that
fell due and are not paid; money that waits. Their counterparts depend on how the loan counts:
while it accrues, what falls due comes out of accrued interest; in non-accrual it is owed but no
income until it is paid; written off, nothing of it is shown and whatever comes in is a recovery.
Sources: 财金〔2002〕5号 (interest overdue more than 90 days leaves income, and is income again when
it is paid), 财金〔2017〕90号 (written off in the books, the claim stands: 账销案存).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from uuid import UUID

from disbursement import accounts
from disbursement.allocation import Part
from disbursement.schedule.figures import RECEIVABLE, Figures


class Counting(Enum):
    """How a loan's interest counts in the books."""

    ACCRUING = auto()
    SUSPENDED = auto()
    """Owed, but no income until it is paid."""
    WRITTEN_OFF = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One amount from a credited to a debited account; `fen` is above zero."""

    debit: str
    credit: str
    fen: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The accounts that one loan touches."""

    loan_id: UUID
    funder: str

    def receivable(self, part: Part) -> str:
        """Name the loan's account of what is owed of a part."""
        return _RECEIVABLES[part](self.loan_id)

    @property
    def credit(self) -> str:
        """Name the loan's account of money that waits."""
        return accounts.loan_credit(self.loan_id)


def differences(
    before: Figures,
    after: Figures,
    books: Books,
    *,
    counting: Counting,
    source: str | None = None,
) -> list[Flow]:
    """List what moves between two readings of a loan that counts the same way in both.

    `source` is the account into which the money came that the second reading has more of, or out
    of which it went again. What was paid out to the cards, or came back from them, is booked with
    the payouts and moves nothing here.
    """
    cash = after.came_in - before.came_in
    assert cash == 0 or source is not None, "money comes from somewhere"
    if counting is Counting.WRITTEN_OFF:
        return list(_recovered(before, after, books, cash=cash, source=source))
    flows = [
        *_fallen_due(before, after, books, counting),
        *_waived(before, after, books, counting),
        *_paid(before, after, books, cash=cash, source=source),
    ]
    if counting is Counting.SUSPENDED:
        flows += _earned_at_last(before, after, books)
    return flows


def recounted(figures: Figures, books: Books, *, was: Counting, becomes: Counting) -> list[Flow]:
    """List what moves when a loan begins to count otherwise, its schedule staying as it is."""
    if was is becomes:
        return []
    suspended = accounts.interest_suspended(books.funder)
    interest, penalty = figures.open(Part.INTEREST), figures.open(Part.PENALTY)
    match becomes:
        case Counting.WRITTEN_OFF:
            return _given_up(figures, books, was=was)
        case Counting.SUSPENDED:
            return [
                *_flow(accounts.interest_income(books.funder), suspended, interest, "suspended"),
                *_flow(accounts.penalty_income(books.funder), suspended, penalty, "suspended"),
            ]
        case Counting.ACCRUING:
            return [
                *_flow(suspended, accounts.interest_income(books.funder), interest, "resumed"),
                *_flow(suspended, accounts.penalty_income(books.funder), penalty, "resumed"),
            ]


def _fallen_due(
    before: Figures, after: Figures, books: Books, counting: Counting
) -> Iterator[Flow]:
    suspended = accounts.interest_suspended(books.funder)
    is_suspended = counting is Counting.SUSPENDED
    against = {
        Part.FEES: accounts.fee_income(books.funder),
        Part.PENALTY: suspended if is_suspended else accounts.penalty_income(books.funder),
        Part.INTEREST: suspended if is_suspended else accounts.interest_accrued(books.funder),
    }
    for part in RECEIVABLE:
        fen = after.due[part] - before.due[part]
        yield from _flow(books.receivable(part), against[part], fen, f"{part}_due")


def _waived(before: Figures, after: Figures, books: Books, counting: Counting) -> Iterator[Flow]:
    waiver = accounts.waiver(books.funder)
    for part in RECEIVABLE:
        was_income = counting is Counting.ACCRUING or part is Part.FEES
        against = waiver if was_income else accounts.interest_suspended(books.funder)
        fen = after.waived[part] - before.waived[part]
        yield from _flow(against, books.receivable(part), fen, f"{part}_waived")


def _paid(
    before: Figures, after: Figures, books: Books, *, cash: int, source: str | None
) -> Iterator[Flow]:
    to = [
        *((books.receivable(part), after.paid[part] - before.paid[part]) for part in _PAID_PARTS),
        (books.credit, after.credit - before.credit),
    ]
    yield from _matched(to, cash=cash, source=source)


def _earned_at_last(before: Figures, after: Figures, books: Books) -> Iterator[Flow]:
    """Count as income what was owed in suspense and has been paid."""
    suspended = accounts.interest_suspended(books.funder)
    for part, income in (
        (Part.PENALTY, accounts.penalty_income(books.funder)),
        (Part.INTEREST, accounts.interest_income(books.funder)),
    ):
        fen = after.paid[part] - before.paid[part]
        yield from _flow(suspended, income, fen, f"{part}_earned")


def _recovered(
    before: Figures, after: Figures, books: Books, *, cash: int, source: str | None
) -> Iterator[Flow]:
    paid = sum(after.paid.values()) - sum(before.paid.values())
    to = [
        (accounts.recovery_income(books.funder), paid),
        (books.credit, after.credit - before.credit),
    ]
    yield from _matched(to, cash=cash, source=source)
    # The payouts' own entries moved the principal; the books show none of it.
    write_off, principal = accounts.write_off(books.funder), accounts.loan_principal(books.loan_id)
    yield from _flow(write_off, principal, after.lent - before.lent, "written_off")


def _given_up(figures: Figures, books: Books, *, was: Counting) -> list[Flow]:
    loss = accounts.write_off(books.funder)
    never_income = accounts.interest_suspended(books.funder)
    against = {
        Part.FEES: loss,
        Part.PENALTY: never_income if was is Counting.SUSPENDED else loss,
        Part.INTEREST: never_income if was is Counting.SUSPENDED else loss,
    }
    flows = list(
        _flow(loss, accounts.loan_principal(books.loan_id), figures.principal, "written_off")
    )
    for part in RECEIVABLE:
        flows += _flow(against[part], books.receivable(part), figures.open(part), "written_off")
    return flows


def _matched(
    changes: Sequence[tuple[str, int]], *, cash: int, source: str | None
) -> Iterator[Flow]:
    """Match what a payment fills with what it comes from, both in the order of the waterfall."""
    givers = [(account, -fen) for account, fen in changes if fen < 0]
    takers = [(account, fen) for account, fen in changes if fen > 0]
    if source is not None and cash > 0:
        givers.insert(0, (source, cash))
    elif source is not None and cash < 0:
        takers.append((source, -cash))
    assert sum(fen for _, fen in givers) == sum(fen for _, fen in takers), "money is conserved"
    while givers and takers:
        (debit, has), (credit, wants) = givers[0], takers[0]
        fen = min(has, wants)
        yield Flow(debit=debit, credit=credit, fen=fen, reason="paid")
        givers[:1] = [(debit, has - fen)] if has > fen else []
        takers[:1] = [(credit, wants - fen)] if wants > fen else []


def _flow(debit: str, credit: str, fen: int, reason: str) -> Iterator[Flow]:
    """Give the flow of an amount that may be nothing, or run the other way round."""
    if fen > 0:
        yield Flow(debit=debit, credit=credit, fen=fen, reason=reason)
    elif fen < 0:
        yield Flow(debit=credit, credit=debit, fen=-fen, reason=reason)


_PAID_PARTS: Final = (*RECEIVABLE, Part.PRINCIPAL)

_RECEIVABLES: Final = {
    Part.FEES: accounts.loan_fees,
    Part.PENALTY: accounts.loan_penalty,
    Part.INTEREST: accounts.loan_interest,
    Part.PRINCIPAL: accounts.loan_principal,
}
