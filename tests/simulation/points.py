"""Where a worker may die, by the names K1 to K12 that the catalogue of faults gives them."""

from __future__ import annotations

from typing import Final

from tests.simulation.hub import At, Worker

_STEPS: Final = frozenset({"payout_step", "debit_step"})


def point_of(worker: Worker) -> str:
    """Name the point at which a worker stands."""
    if worker.role in {"payout-send", "debit-send"}:
        return _of_sending(worker)
    has_file = "statement_file" in worker.tables or "statement_file" in worker.what
    for name, is_there in (
        ("K9 notice kept", worker.role == "notice" and worker.at is At.COMMITTED),
        ("K8 notice heard", worker.role == "notice"),
        ("K10 file import", worker.role == "reconcile-day" and has_file),
        ("K11 closing a day", worker.role == "end-of-day"),
        ("K11 mid batch", worker.role.startswith("payout-batch")),
        ("K12 four eyes", worker.role.startswith(("resolve", "decide", "call off"))),
        ("K7 booked, no schedule", _is_between_booking_and_schedule(worker)),
        (f"{worker.role}, asking", worker.at is At.CALL),
        (f"{worker.role}, answered", worker.at is At.REPLY),
    ):
        if is_there:
            return name
    return worker.role


def _is_between_booking_and_schedule(worker: Worker) -> bool:
    """Tell whether an outcome is in the ledger and nothing is committed: the schedule comes last."""
    is_booking = "transfer" in worker.tables and not _STEPS.isdisjoint(worker.tables)
    return is_booking and worker.at in {At.STATEMENT, At.COMMIT}


def _of_sending(worker: Worker) -> str:
    what, tables = worker.what, worker.tables
    is_about_pay = what.startswith(("pay ", "debit "))
    has_number = "transfer" in tables or "debit_step" in tables
    for name, is_there in (
        ("K2 number committed, nothing sent", worker.at is At.CALL and is_about_pay),
        ("K3 bytes partly sent", worker.at is At.REPLY and what.endswith("in half")),
        ("K4 sent, reply not read", worker.at is At.REPLY and is_about_pay),
        ("K2 number committed, nothing sent", worker.at is At.COMMITTED and has_number),
        ("K7 booked, no schedule", "instalment" in tables or "instalment" in what),
        ("K6 outcome stored, not booked", "channel_evidence" in tables),
        ("K5 reply read, not stored", worker.has_paid and not tables),
    ):
        if is_there:
            return name
    return "K1 number not committed"
