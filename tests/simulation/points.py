"""Where a worker may die, by the names K1 to K12 that the catalogue of faults gives them."""

from __future__ import annotations

from tests.simulation.hub import At, Worker


def point_of(worker: Worker) -> str:
    """Name the point at which a worker stands."""
    if worker.role == "payout-send":
        return _of_sending(worker)
    if worker.role == "notice":
        return "K9 notice kept" if worker.at is At.COMMITTED else "K8 notice heard"
    if worker.role == "reconcile-day":
        has_file = "statement_file" in worker.tables or "statement_file" in worker.what
        return "K10 file import" if has_file else "reconciling"
    if worker.role.startswith("resolve"):
        return "K12 four eyes"
    if worker.at in {At.CALL, At.REPLY}:
        return f"{worker.role}, {'asking' if worker.at is At.CALL else 'answered'}"
    return worker.role


def _of_sending(worker: Worker) -> str:
    what, tables = worker.what, worker.tables
    is_about_pay = what.startswith("pay ")
    for name, is_there in (
        ("K2 number committed, nothing sent", worker.at is At.CALL and is_about_pay),
        ("K4 sent, reply not read", worker.at is At.REPLY and is_about_pay),
        ("K2 number committed, nothing sent", worker.at is At.COMMITTED and "transfer" in tables),
        ("K7 booked, no schedule", "instalment" in tables or "instalment" in what),
        ("K6 outcome stored, not booked", "channel_evidence" in tables),
        ("K5 reply read, not stored", worker.has_paid and not tables),
    ):
        if is_there:
            return name
    return "K1 number not committed"
