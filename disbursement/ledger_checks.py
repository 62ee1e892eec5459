"""What must hold between the rows of the ledger, and between them and the payouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from disbursement import accounts, entry_checks

DIFFERENCES_MAX: Final = 100
"""How many differences of one kind are named; the first ones tell where to look."""

_REFS: Final = """
    AND {row}.event_ref IN (
        SELECT unnest(CAST(:loans AS uuid[]))
        UNION ALL SELECT id FROM payout_leg WHERE loan_id = ANY(:loans)
        UNION ALL SELECT id FROM loan_event WHERE loan_id = ANY(:loans))
"""

# Each check: what is said of a row that breaks it, the query that finds such rows, and the
# condition that holds it to some loans.
_CHECKS: Final = (
    (
        "resolution {id} does not fit what it resolves",
        """
        SELECT r.id FROM transfer r LEFT JOIN transfer p ON p.id = r.resolves
        WHERE r.resolves IS NOT NULL AND (p.id IS NULL OR p.state <> 'pending' OR r.amount > p.amount
           OR (r.state = 'voided' AND r.amount <> p.amount)
           OR (r.debit_id, r.credit_id, r.event_ref) <> (p.debit_id, p.credit_id, p.event_ref))
        """,
        _REFS.format(row="r"),
    ),
    (
        "reversal {id} does not fit what it reverses",
        """
        SELECT r.id FROM transfer r LEFT JOIN transfer o ON o.id = r.reverses
        WHERE r.reverses IS NOT NULL AND (o.id IS NULL OR o.state <> 'posted' OR r.amount <> o.amount
           OR (r.debit_id, r.credit_id, r.event_ref) <> (o.credit_id, o.debit_id, o.event_ref))
        """,
        _REFS.format(row="r"),
    ),
    (
        "account {id} is below its floor",
        """
        SELECT a.code AS id FROM account a
        LEFT JOIN LATERAL (SELECT sum(amount) AS fen FROM transfer
            WHERE debit_id = a.id AND state = 'posted') d ON true
        LEFT JOIN LATERAL (SELECT sum(amount) AS fen FROM transfer
            WHERE credit_id = a.id AND state = 'posted') c ON true
        WHERE a.floor = 'not_below_zero'
          AND CASE WHEN a.kind IN ('asset', 'expense') THEN 1 ELSE -1 END
              * (coalesce(d.fen, 0) - coalesce(c.fen, 0)) < 0
        """,
        """
        AND a.code IN (SELECT first || loan FROM unnest(CAST(:loans AS uuid[])) AS loan,
            unnest(ARRAY['loan_principal/', 'loan_credit/']) AS first)
        """,
    ),
    (
        "leg {id} and its entries disagree on what the debtor owes",
        """
        SELECT l.id FROM payout_leg l
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN t.debit_id = a.id THEN t.amount ELSE -t.amount END) AS fen
            FROM account a JOIN transfer t
              ON a.id IN (t.debit_id, t.credit_id) AND t.event_ref = l.id AND t.state = 'posted'
            WHERE a.code = 'loan_principal/' || l.loan_id) owed ON true
        WHERE coalesce(owed.fen, 0) <> CASE
            WHEN l.status IN ('paid', 'matched', 'payoff_verified') THEN l.amount ELSE 0 END
        """,
        "AND l.loan_id = ANY(:loans)",
    ),
    (
        "leg {id} and its entries disagree on what is set aside",
        """
        SELECT l.id FROM payout_leg l
        LEFT JOIN LATERAL (
            SELECT sum(t.amount) AS fen FROM transfer t
            WHERE t.event_ref = l.id AND t.state = 'pending'
              AND NOT EXISTS (SELECT 1 FROM transfer r WHERE r.resolves = t.id)) held ON true
        WHERE coalesce(held.fen, 0) <> CASE
            WHEN l.status IN ('submitted', 'accepted', 'unknown') THEN l.amount ELSE 0 END
        """,
        "AND l.loan_id = ANY(:loans)",
    ),
    (
        "loan {id} is not booked at what was paid",
        """
        SELECT n.id FROM loan n
        LEFT JOIN LATERAL (SELECT sum(amount) AS fen FROM payout_leg l WHERE l.loan_id = n.id
            AND l.status IN ('paid', 'matched', 'payoff_verified')) paid ON true
        WHERE ((n.status IN ('active', 'settled', 'written_off')
               AND n.principal <> coalesce(paid.fen, 0))
           OR (n.status IN ('cancelled', 'undone')
               AND (n.principal <> 0 OR coalesce(paid.fen, 0) <> 0)))
        """,
        "AND n.id = ANY(:loans)",
    ),
    (
        "{id} does not hold what was collected and is not cleared",
        """
        SELECT a.code AS id FROM account a
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN t.debit_id = a.id THEN t.amount ELSE -t.amount END) AS fen
            FROM transfer t WHERE a.id IN (t.debit_id, t.credit_id) AND t.state = 'posted') held
            ON true
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN o.status = 'paid' THEN o.amount ELSE 0 END
                - coalesce(cleared.fen, 0)) AS fen
            FROM debit_order o LEFT JOIN LATERAL (
                SELECT sum(CASE m.kind WHEN 'collected' THEN m.amount ELSE -m.amount END) AS fen
                FROM matched_row m WHERE m.debit_id = o.id) cleared ON true
            WHERE a.code = 'collection/' || o.channel) due ON true
        WHERE a.code LIKE 'collection/%' AND coalesce(held.fen, 0) <> coalesce(due.fen, 0)
        """,
        "AND false",  # one account for all loans
    ),
    (
        "{id} does not hold what nobody could be found for",
        """
        SELECT 'suspense/' || f.code AS id FROM funder f
        LEFT JOIN account a ON a.code = 'suspense/' || f.code
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN t.credit_id = a.id THEN t.amount ELSE -t.amount END) AS fen
            FROM transfer t WHERE a.id IN (t.debit_id, t.credit_id) AND t.state = 'posted') held
            ON true
        WHERE coalesce(held.fen, 0) <> coalesce((
                SELECT sum(i.amount) FROM incoming_transfer i
                WHERE i.funder_code = f.code AND i.status IN ('suspense', 'proposed')), 0)
            + coalesce((
                SELECT sum(o.amount) FROM debit_order o JOIN loan n ON n.id = o.loan_id
                WHERE n.funder_id = f.id AND o.in_suspense AND o.status = 'paid'), 0)
        """,
        "AND false",
    ),
)

_UNCHARTED: Final = text(
    f"""
    SELECT code FROM account WHERE NOT EXISTS (
        SELECT 1 FROM unnest(CAST(:first AS text[]), CAST(:kind AS text[]), CAST(:floor AS text[]),
            CAST(:limitable AS boolean[])) AS chart (first, kind, floor, limitable)
        WHERE split_part(account.code, '/', 1) = chart.first AND account.kind = chart.kind
          AND (account.floor = chart.floor OR chart.limitable))
    LIMIT {DIFFERENCES_MAX}
    """  # noqa: S608 - a number of our own
)


def differences(session: Session, *, loan_ids: Sequence[UUID] | None = None) -> list[str]:
    """Name where the rows break a rule, everywhere or for some loans; nothing is right."""
    found: list[str] = []
    for sentence, query, scope in (*_CHECKS, *entry_checks.CHECKS):
        wanted = f"{query} {'' if loan_ids is None else scope} LIMIT {DIFFERENCES_MAX}"
        rows = session.scalars(text(wanted), {} if loan_ids is None else {"loans": list(loan_ids)})
        found.extend(sentence.format(id=row) for row in rows)
    if loan_ids is None:
        found.extend(
            f"account {code} is not as the chart has it"
            for code in session.scalars(_UNCHARTED, accounts.chart_columns())
        )
    return found
