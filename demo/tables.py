"""The demo's figures as tables for a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from demo.crowds import Crowd
from demo.figures import FourSides, Lending, Payouts
from demo.month import Month
from kernel.money import Money
from underwriting.reasons import BOOK


def print_figures(
    console: Console,
    crowd: Crowd,
    *,
    counts: Mapping[str, int],
    lent: Lending,
    paid: Payouts,
    sides: FourSides,
) -> None:
    """Print what happened, what was decided, how the payments went and where the money is."""
    console.print(f"\n[bold]{len(crowd.people)} debtors from {crowd.source}[/bold]")
    for note in crowd.notes:
        console.print(f"  {note}")
    console.print(_happened(crowd, counts, lent))
    console.print(_declines(lent))
    console.print(_payments(paid))
    console.print(_money(sides))


def print_month(console: Console, month: Month) -> None:
    """Print what became of the loans in their first month."""
    table = Table(title="The month after")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_row("running loans, each with a repayment card", f"{month.loans:,}")
    table.add_row("collected, by the debit orders", _yuan(month.collected))
    table.add_row("collected, by the channel's own books", _yuan(month.collected_by_channel))
    table.add_row("paid off early", f"{month.settled:,}")
    table.add_row("late beyond the days of grace", f"{month.late:,}")
    table.add_row("business days closed", f"{month.days_closed:,}")
    table.add_row("interest earned in them", _yuan(month.interest))
    table.add_row("differences of the books worked out anew", f"{len(month.differences):,}")
    console.print(table)
    for difference in month.differences:
        console.print(f"  {difference}")


def _happened(crowd: Crowd, counts: Mapping[str, int], lent: Lending) -> Table:
    table = Table(title="From referral to loan")
    table.add_column("what")
    table.add_column("figure", justify="right")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    table.add_row("approved", f"{lent.approved:,}")
    table.add_row("declined", f"{lent.declined:,}")
    table.add_row("before a person", f"{lent.in_review:,}")
    table.add_row("average limit of approvals", _yuan(lent.limit_average))
    table.add_row("average loan offered", _yuan(lent.principal_average))
    table.add_row("average annual rate of approvals", f"{lent.rate_average} %")
    table.add_row(f"bad rate of approved ({crowd.outcome})", _percent(lent.bad_rate_approved))
    table.add_row(f"bad rate of declined ({crowd.outcome})", _percent(lent.bad_rate_declined))
    return table


def _declines(lent: Lending) -> Table:
    table = Table(title="Declined, by first reason")
    table.add_column("reason")
    table.add_column("debtors", justify="right")
    for reason, count in sorted(lent.reasons.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(BOOK[reason].en, f"{count:,}")
    return table


def _payments(paid: Payouts) -> Table:
    table = Table(title="Payments to card issuers")
    table.add_column("what")
    table.add_column("payments", justify="right")
    table.add_row("sent or planned", f"{paid.legs:,}")
    table.add_row("first answer left open whether the money went", f"{paid.unknown_at_first:,}")
    table.add_row("paid", f"{paid.paid:,}")
    table.add_row("refused, or never known to the channel", f"{paid.failed:,}")
    table.add_row("paid and later returned", f"{paid.returned:,}")
    return table


def _money(sides: FourSides) -> Table:
    table = Table(title="The same money on four sides")
    table.add_column("side")
    table.add_column("read from")
    table.add_column("yuan", justify="right")
    table.add_row("paid", "payout legs", _yuan(sides.paid))
    table.add_row("returned", "payout legs", _yuan(-sides.returned))
    table.add_row("paid less returned", "", _yuan(sides.paid - sides.returned))
    table.add_row("owed as principal", "ledger transfers", _yuan(sides.ledger))
    table.add_row("channel", "the channel's own books", _yuan(sides.channel))
    table.add_row("reconciled", "matched file rows and bank lines", _yuan(sides.reconciled))
    verdict = "they agree to the fen" if sides.agree else "THEY DO NOT AGREE"
    table.add_row(f"[bold]{verdict}[/bold]", "", "", end_section=True)
    return table


def _yuan(amount: Money) -> str:
    return f"¥{amount.grouped}"


def _percent(rate: Decimal | None) -> str:
    return "unknown" if rate is None else f"{rate * 100:.1f} %"
