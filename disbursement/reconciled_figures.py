"""What a run over a day counted and summed: the channel's file, and what all sides agree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from disbursement.bank_comparing import BankSide
from disbursement.comparing import ItemSide
from disbursement.matching.flows import FLOWS, Flow
from disbursement.records.settlement import MatchedRow
from disbursement.statements.lines import LineKind
from kernel.money import ZERO, Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run counted and summed."""

    paid_rows: int
    paid: Money
    fees: Money
    returned_rows: int
    returned: Money
    """The channel's file up to here."""
    matched_paid_rows: int
    matched_paid: Money
    matched_returned_rows: int
    matched_returned: Money
    """What books, file and bank agree on."""
    waiting: int
    """Paid or collected orders that no file need have yet."""
    missing: tuple[str, ...]
    """Files that are not there, due or not: their kind, and their channel where it is another."""
    collected_rows: int
    collected: Money
    collection_fees: Money
    charged_back_rows: int
    charged_back: Money
    """Collections in the channel's file up to here."""
    matched_collected_rows: int
    matched_collected: Money
    matched_charged_back_rows: int
    matched_charged_back: Money
    transfers: int
    transferred: Money
    """What was transferred to the account, whosever it is."""

    def as_json(self) -> dict[str, Any]:
        """Give the figures by name; sums as text in yuan."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {k: str(v) if isinstance(v, Money) else v for k, v in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _FlowFigures:
    """What a run counted and summed for one way of the money."""

    rows: int
    amount: Money
    fees: Money
    back_rows: int
    back: Money
    matched_rows: int
    matched: Money
    matched_back_rows: int
    matched_back: Money


def count(
    session: Session,
    day: date,
    *,
    sides: Sequence[ItemSide],
    banks: Sequence[BankSide],
    missing: tuple[str, ...],
) -> Figures:
    """Count and sum what a run over a day found."""
    matched = {
        kind: (count, amount)
        for kind, count, amount in session.execute(
            select(MatchedRow.kind, func.count(), func.sum(MatchedRow.amount))
            .where(MatchedRow.day == day)
            .group_by(MatchedRow.kind)
        )
    }
    paid, collected = (_of_flow(flow, sides, matched) for flow in FLOWS)
    return Figures(
        paid_rows=paid.rows,
        paid=paid.amount,
        fees=paid.fees,
        returned_rows=paid.back_rows,
        returned=paid.back,
        matched_paid_rows=paid.matched_rows,
        matched_paid=paid.matched,
        matched_returned_rows=paid.matched_back_rows,
        matched_returned=paid.matched_back,
        waiting=sum(side.waiting for side in sides),
        missing=missing,
        collected_rows=collected.rows,
        collected=collected.amount,
        collection_fees=collected.fees,
        charged_back_rows=collected.back_rows,
        charged_back=collected.back,
        matched_collected_rows=collected.matched_rows,
        matched_collected=collected.matched,
        matched_charged_back_rows=collected.matched_back_rows,
        matched_charged_back=collected.matched_back,
        transfers=sum(len(bank.credited) for bank in banks),
        transferred=Money.total(Money(one.entry.fen) for bank in banks for one in bank.credited),
    )


def _of_flow(
    flow: Flow, sides: Sequence[ItemSide], matched: Mapping[LineKind, tuple[int, Money]]
) -> _FlowFigures:
    own = [one for one in sides if one.flow is flow]
    matched_rows, matched_sum = matched.get(flow.went, (0, ZERO))
    matched_back_rows, matched_back = matched.get(flow.came_back, (0, ZERO))
    return _FlowFigures(
        rows=sum(side.rows[LineKind.PAID] for side in own),
        amount=Money.total(side.expected.paid for side in own),
        fees=Money.total(side.expected.fees for side in own),
        back_rows=sum(side.rows[LineKind.RETURNED] for side in own),
        back=Money.total(side.expected.returned for side in own),
        matched_rows=matched_rows,
        matched=matched_sum,
        matched_back_rows=matched_back_rows,
        matched_back=matched_back,
    )
