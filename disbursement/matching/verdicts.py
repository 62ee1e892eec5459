"""Judging one row that does not agree in everything: what differs, and whether a person must look.

A row is what the join of both tables gives: the leg's columns, and the channel's with `_c` where
both have one of that name; the leg's are None when there is no leg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from disbursement.matching.fees import FeeTerms
from disbursement.matching.flows import PAYOUT, Flow
from disbursement.matching.kinds import BreakKind, Difference
from disbursement.matching.tables import Stand
from kernel.money import Money

Seen = Mapping[str, Any]


def payment(seen: Seen, *, day: date, terms: FeeTerms, flow: Flow = PAYOUT) -> Iterator[Difference]:
    """Judge a payment row of the file of a settlement day."""
    stranger = _not_ours(seen)
    if stranger is not None:
        yield stranger
        return
    yield from _content(seen)
    yield from _fee(seen, terms, flow)
    if not seen["earliest"] <= day <= seen["latest"]:
        yield row(BreakKind.CUTOFF, seen, f"expected on {seen['expected']}, settled on {day}")
    elif seen["expected"] != day:
        what = f"expected on {seen['expected']}, settled on {day}, which is soon enough"
        yield row(BreakKind.CUTOFF, seen, what, needs_person=False)
    if seen["stand"] == Stand.UNDECIDED:
        what = "undecided in the books, paid by the channel's file"
        yield row(BreakKind.STATUS, seen, what, needs_person=False)


def returned(seen: Seen) -> Iterator[Difference]:
    """Judge a return row; a return is also the word that the payment had been made."""
    if seen["leg"] is None:
        yield row(BreakKind.RETURN_UNKNOWN, seen, "returned by the channel, not in the books")
    elif seen["is_returned_earlier"]:
        yield row(BreakKind.RE_PRESENTED, seen, "its return was listed in an earlier file")
    elif not seen["is_single"]:
        yield row(BreakKind.RE_PRESENTED, seen, "its return is listed more than once")
    elif seen["stand"] == Stand.FAILED:
        yield row(BreakKind.RETURN_UNKNOWN, seen, "returned, but it failed in the books")
    else:
        what = "the money came back after the payment"
        came_back = row(BreakKind.RETURNED, seen, what, needs_person=False)
        yield from tuple(_content(seen)) or (came_back,)


def absent(seen: Seen, *, day: date) -> Difference | None:
    """Judge a leg that no file has: is it late, undecided, or was there nothing to have?"""
    if seen["stand"] == Stand.UNDECIDED and seen["expected"] <= day:
        kind, what = BreakKind.UNRESOLVED, "undecided in the books, in no file yet"
    elif seen["stand"] in {Stand.PAID, Stand.RETURNED} and seen["overdue"] <= day:
        kind, what = BreakKind.OURS_ONLY, "paid by the books, in no file"
    else:
        return None
    return Difference(
        kind=kind, subject=seen["order_no"], detail=what, leg=seen["leg"], ours=Money(seen["fen"])
    )


def unknown(seen: Seen) -> Difference:
    """Judge a row that is neither a payment nor a return."""
    return row(BreakKind.UNKNOWN_ROW, seen, "neither a payment nor a return")


def row(
    kind: BreakKind,
    seen: Seen,
    detail: str,
    *,
    sums: tuple[Money, Money] | None = None,
    needs_person: bool = True,
) -> Difference:
    """Name a difference that a row of the file shows; `sums` are ours and theirs."""
    leg = seen.get("leg")
    theirs = Money(seen["fen_c"])
    ours = None if leg is None else Money(seen["fen"])
    return Difference(
        kind=kind,
        subject=f"{seen['order_no'] or '-'}/{seen['reference_c']}",
        detail=detail,
        needs_person=needs_person,
        leg=leg,
        row=seen["row"],
        ours=sums[0] if sums else ours,
        theirs=sums[1] if sums else theirs,
    )


def _not_ours(seen: Seen) -> Difference | None:
    """Say why a payment row cannot be the payment of a leg, if so."""
    if seen["leg"] is None:
        return row(BreakKind.CHANNEL_ONLY, seen, "paid by the channel, not in the books")
    if seen["stand"] == Stand.FAILED:
        return row(BreakKind.STATUS, seen, "failed in the books, paid by the channel")
    if seen["is_returned_earlier"]:
        return row(BreakKind.RE_PRESENTED, seen, "paid again after it was returned")
    if seen["earlier"] is not None:
        is_same = seen["earlier"] == seen["reference_c"]
        kind = BreakKind.DUPLICATE_ROW if is_same else BreakKind.PAID_TWICE
        return row(kind, seen, "an earlier file has this order as paid")
    if not seen["is_single"]:
        kind = BreakKind.PAID_TWICE if seen["is_own_reference"] else BreakKind.DUPLICATE_ROW
        return row(kind, seen, "the file has this order more than once")
    return None


def _content(seen: Seen) -> Iterator[Difference]:
    if seen["fen"] != seen["fen_c"]:
        yield row(BreakKind.AMOUNT, seen, "the channel has another amount")
    if seen["card"] != seen["card_c"]:
        yield row(BreakKind.PAYEE, seen, "the channel has another card")


def _fee(seen: Seen, terms: FeeTerms, flow: Flow) -> Iterator[Difference]:
    amount, fee = Money(seen["fen_c"]), Money(seen["fee"])
    net, due = Money(flow.sign * seen["net"]), amount - Money(flow.sign * fee.fen)
    if net != due:
        what = "the net sum is not the amount and its fee"
        yield row(BreakKind.NET_OF_FEE, seen, what, sums=(due, net))
    if fee != terms.fee(amount):
        yield row(BreakKind.FEE, seen, "not the agreed fee", sums=(terms.fee(amount), fee))
