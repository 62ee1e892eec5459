"""What must hold between entries and what they stand for: payments, payouts, days and decisions.

The sums of `ledger_checks` cannot see an amount that was booked on another day, or came out of
another account, than whoever booked it was told. Each check is a sentence about a row that breaks
it, the query that finds such rows, and the condition that holds it to some loans.
"""

from __future__ import annotations

from typing import Final

_EVENT: Final = "AND e.loan_id = ANY(:loans)"
_NEVER: Final = "AND false"
"""Of a check of what all loans share."""
_AGREED: Final = (
    "'charged', 'waived', 're_aged', 'rate_changed', 'paused', 'written_off', 'reversed'"
)
"""What two persons decide; a payment alone is taken back by one."""

CHECKS: Final = (
    (
        "payment {id} and its entries disagree on the account of its money",
        """
        SELECT e.id || ' of loan ' || e.loan_id AS id FROM loan_event e
        LEFT JOIN loan_event o
          ON o.id = CASE WHEN e.kind = 'reversed' THEN CAST(e.body->>'event_id' AS uuid) END
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN t.debit_id = a.id THEN t.amount ELSE -t.amount END) AS fen
            FROM account a JOIN transfer t
              ON a.id IN (t.debit_id, t.credit_id) AND t.event_ref = e.id AND t.reason = 'paid'
            WHERE a.code = e.body->>'source') came ON true
        WHERE (e.kind IN ('repaid', 'prepaid', 'paid_off', 'recovered')
               OR o.kind IN ('repaid', 'prepaid', 'paid_off', 'recovered'))
          AND coalesce(came.fen, 0) <> CASE
            WHEN o.id IS NULL THEN 1 ELSE -1 END * (coalesce(o.body, e.body)->>'amount')::numeric * 100
        """,
        _EVENT,
    ),
    (
        "entry {id} has another day than the event it was booked for",
        """
        SELECT t.id || ' of loan ' || e.loan_id AS id
        FROM loan_event e JOIN transfer t ON t.event_ref = e.id
        WHERE t.value_date <> e."on"
          AND (t.reason IN ('paid', 'written_off', 'suspended', 'resumed')
            OR t.reason ~ '_(due|waived|earned)$')
        """,
        _EVENT,
    ),
    (
        "entry {id} has another day than the payout it was booked for",
        """
        SELECT t.id || ' of loan ' || l.loan_id AS id
        FROM payout_leg l JOIN transfer t ON t.event_ref = l.id AND t.state = 'posted'
        WHERE t.value_date <> CASE t.reason WHEN 'payout' THEN l.value_date
            WHEN 'payout_returned' THEN l.returned_on END
        """,
        "AND l.loan_id = ANY(:loans)",
    ),
    (
        "collection {id} is paid and not booked on its loan",
        """
        SELECT o.id || ' of loan ' || o.loan_id AS id FROM debit_order o
        WHERE o.status = 'paid' AND NOT o.in_suspense AND NOT EXISTS (
            SELECT FROM loan_event e WHERE e.id = o.id AND e.loan_id = o.loan_id
              AND (e.body->>'amount')::numeric * 100 = o.amount)
        """,
        "AND o.loan_id = ANY(:loans)",
    ),
    (
        "incoming transfer {id} is not booked on its loan",
        """
        SELECT i.id || ' of loan ' || i.loan_id AS id FROM incoming_transfer i
        WHERE i.status IN ('matched', 'assigned') AND NOT EXISTS (
            SELECT FROM loan_event e WHERE e.id = i.id AND e.loan_id = i.loan_id
              AND (e.body->>'amount')::numeric * 100 = i.amount)
        """,
        "AND i.loan_id = ANY(:loans)",
    ),
    (
        "loan {id} is given up on a day of which no event tells",
        """
        SELECT p.loan_id AS id FROM loan_position p
        WHERE p.written_off_on IS NOT NULL AND NOT EXISTS (
            SELECT FROM loan_event e WHERE e.loan_id = p.loan_id AND e.kind = 'written_off'
              AND e."on" = p.written_off_on)
        """,
        "AND p.loan_id = ANY(:loans)",
    ),
    (
        "event {id} is not what two persons agreed on",
        f"""
        SELECT e.id || ' of loan ' || e.loan_id AS id FROM loan_event e
        LEFT JOIN loan_event o
          ON o.id = CASE WHEN e.kind = 'reversed' THEN CAST(e.body->>'event_id' AS uuid) END
          AND o.loan_id = e.loan_id
        WHERE e.kind IN ({_AGREED})
          AND coalesce(o.kind, '') NOT IN ('repaid', 'prepaid', 'paid_off', 'recovered')
          AND NOT EXISTS (
            SELECT FROM amendment a
            JOIN amendment_step s ON s.subject_id = a.id AND s.to_status = 'confirmed'
            WHERE a.id = e.id AND a.loan_id = e.loan_id AND a.kind = e.kind AND a."on" = e."on"
              AND a.status = 'confirmed' AND e.body @> a.body AND s.actor = e.actor
              AND split_part(s.actor, ':', 2) <> split_part(a.requested_by, ':', 2))
        """,  # noqa: S608 - kinds of our own
        _EVENT,
    ),
    (
        "request {id} is confirmed and not booked",
        """
        SELECT a.id || ' of loan ' || a.loan_id AS id FROM amendment a
        WHERE a.status = 'confirmed' AND NOT EXISTS (
            SELECT FROM loan_event e WHERE e.id = a.id AND e.loan_id = a.loan_id)
        """,
        "AND a.loan_id = ANY(:loans)",
    ),
    (
        "loan {id} has its position under another product",
        """
        SELECT p.loan_id AS id FROM loan_position p JOIN loan l ON l.id = p.loan_id
        WHERE p.product_id <> l.product_id
        """,
        "AND l.id = ANY(:loans)",
    ),
    (
        "the accrual of {id} is not what its entry or the day before says",
        """
        SELECT a.day || ' for product ' || a.product_id AS id FROM accrual a
        LEFT JOIN transfer t ON t.id = a.transfer_id
        LEFT JOIN account d ON d.id = t.debit_id
        LEFT JOIN accrual b ON b.product_id = a.product_id AND b.day = a.day - 1
        WHERE (a.amount <> a.earned - coalesce(b.earned, 0)
           OR a.amount <> coalesce(
                CASE WHEN d.code LIKE 'interest_accrued/%' THEN t.amount ELSE -t.amount END, 0)
           OR t.value_date <> a.day)
        """,
        _NEVER,
    ),
    (
        "business day {id} is not closed, and a later one is",
        """
        SELECT c.day - 1 AS id FROM closed_day c
        WHERE c.day > (SELECT min(day) FROM closed_day) AND NOT EXISTS (
            SELECT FROM closed_day b WHERE b.day = c.day - 1 AND b.closed_at IS NOT NULL)
        """,
        _NEVER,
    ),
)
