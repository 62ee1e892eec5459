WITH plan AS MATERIALIZED (
    -- What the instalments in force say of each loan on the day.
    SELECT p.ctid AS at, p.loan_id, p.overdue_since AS was_overdue, p.bucket AS was_bucket,
        p.is_accruing AS was_accruing, p.earned, l.order_id, l.application_ref, l.principal AS lent,
        l.penalty_grace_days AS grace, f.code AS funder, i.due[1] AS number,
        coalesce(i.due[2], 0) AS principal, coalesce(i.due[3], 0) AS interest,
        coalesce(i.due[4], 0) AS fees, %(day)s::date + i.next[2]::int AS next_due,
        i.next[3] AS next_interest,
        CASE WHEN i.dues = 0 THEN p.earning_since ELSE %(day)s END AS open_since, a.*
    -- Locked rows still lie where they were locked.
    FROM unnest(%(ids)s::uuid[], %(places)s::tid[]) AS chunk (id, place)
    JOIN loan_position p ON p.ctid = chunk.place
        AND p.loan_id IS NOT DISTINCT FROM chunk.id
    JOIN loan l ON l.id = p.loan_id
    JOIN funder f ON f.id = l.funder_id
    CROSS JOIN LATERAL (
        -- The one that falls due and the one after it, in one look at the loan's instalments.
        SELECT count(*) FILTER (WHERE due_on = %(day)s) AS dues,
            min(ARRAY[number, principal, interest, fees]) FILTER (WHERE due_on = %(day)s) AS due,
            min(ARRAY[number, due_on - %(day)s, interest]) FILTER (WHERE due_on > %(day)s) AS next
        FROM instalment
        WHERE loan_id = l.id AND schedule_version = l.schedule_version AND due_on >= %(day)s) i
    CROSS JOIN LATERAL (
        -- Overdue principal, the days since it fell due, the rate: half-up by instalment.
        SELECT coalesce(sum(interest), 0)::bigint AS open_interest,
            coalesce(sum(div(2 * principal * l.penalty_rate * (%(day)s - due_on)
                    + l.penalty_day_basis, 2 * l.penalty_day_basis))
                FILTER (WHERE %(day)s - due_on > l.penalty_grace_days), 0)::bigint
                AS penalty_by_now,
            coalesce(sum(div(2 * principal * l.penalty_rate * (p.closed_through - due_on)
                    + l.penalty_day_basis, 2 * l.penalty_day_basis))
                FILTER (WHERE p.closed_through - due_on > l.penalty_grace_days), 0)::bigint
                AS penalty_before
        FROM instalment
        WHERE p.overdue_since IS NOT NULL AND loan_id = l.id
            AND schedule_version = l.schedule_version
            AND due_on BETWEEN p.overdue_since AND %(day)s) a
    WHERE l.status = %(active)s AND i.dues <= 1
      AND (i.due[2] + i.due[3] + i.due[4] > 0 OR i.next IS NOT NULL
        OR p.overdue_since IS NOT NULL)
      AND NOT EXISTS (SELECT FROM account WHERE code = 'loan_credit/' || l.id::text)
      AND NOT EXISTS (SELECT FROM loan_event e
        WHERE e.loan_id = l.id AND e.kind IN ('charged', 're_aged'))
      -- What was learned of since then counts as well, whatever day it is dated: money of an
      -- earlier day may have paid a part of the instalment.
      AND CASE WHEN p.overdue_since IS NULL THEN true ELSE NOT EXISTS (SELECT FROM loan_event e
        WHERE e.loan_id = l.id AND (e."on" >= p.overdue_since
          OR (e.recorded_at AT TIME ZONE 'Asia/Shanghai')::date >= p.overdue_since)) END
), late AS (
    -- Within the days of grace a loan counts as not overdue.
    SELECT plan.*, since,
        CASE WHEN %(day)s - since > grace THEN %(day)s - since ELSE 0 END AS days,
        %(day)s - since <= grace AS in_grace
    FROM plan, LATERAL (SELECT CASE WHEN was_overdue IS NOT NULL THEN was_overdue
        WHEN principal + interest + fees > 0 THEN %(day)s::date END AS since) s
), standing AS MATERIALIZED (
    SELECT late.*,
        (%(buckets)s::text[])[width_bucket(days, %(bucket_days)s::int[])] AS bucket,
        (%(grades)s::text[])[width_bucket(days, %(grade_days)s::int[])] AS grade,
        was_accruing AND days <= %(non_accrual_over)s AS accrues,
        least(next_due, CASE WHEN in_grace THEN since + grace + 1
            ELSE since + (%(turns)s::int[])[width_bucket(days, %(turns)s::int[]) + 1] END)
            AS next_on
    FROM late
    -- A loan whose income runs again is none of these.
    WHERE was_accruing OR days > %(accrues_again_at)s
), moved AS (
    UPDATE loan_position p SET closed_through = %(day)s, next_on = s.next_on,
        overdue_since = s.since, bucket = s.bucket, grade = s.grade, is_accruing = s.accrues,
        earned = p.earned + CASE WHEN s.was_accruing THEN s.interest ELSE 0 END,
        earning_since = CASE WHEN s.accrues AND s.next_interest > 0 THEN s.open_since
            ELSE %(day)s END,
        earning = CASE WHEN s.accrues THEN coalesce(s.next_interest, 0) ELSE 0 END,
        earning_until = CASE WHEN s.accrues AND s.next_interest > 0 THEN s.next_due
            ELSE %(day)s END
    FROM standing s WHERE p.ctid = s.at
), told AS (
    INSERT INTO event (kind, subject, body, at)
    SELECT 'loan.due', loan_id, jsonb_build_object('order_id', order_id,
        'application_ref', application_ref, 'principal', (lent / 100.0)::numeric(20, 2)::text,
        'number', number::text, 'due_on', %(day)s::date::text,
        'amount', ((principal + interest + fees) / 100.0)::numeric(20, 2)::text), %(at)s
    FROM standing WHERE principal + interest + fees > 0
    UNION ALL
    SELECT CASE WHEN bucket = 'M0' THEN 'loan.caught_up' ELSE 'loan.overdue' END, loan_id,
        jsonb_build_object('order_id', order_id, 'application_ref', application_ref,
        'principal', (lent / 100.0)::numeric(20, 2)::text, 'bucket', bucket, 'was', was_bucket,
        'days_past_due', coalesce(%(day)s - since, 0)::text,
        'overdue_since', coalesce(since::text, ''), 'is_worse',
        (array_position(%(buckets)s::text[], bucket)
            > array_position(%(buckets)s::text[], was_bucket::text))::text), %(at)s
    FROM standing WHERE bucket <> was_bucket
)
-- What is to be posted, as `loan_flows` has it, by kind and funder; then what is counted only.
SELECT funder, reason, debit, credit, string_agg(loan_id::text, ',') AS loans,
    string_agg(fen::text, ',') AS amounts, sum(fen)::bigint AS fen,
    string_agg(debit || '/' || loan_id, ',') FILTER (WHERE debit LIKE 'loan%%' AND a.code IS NULL
        AND NOT (earned > 0 AND debit = 'loan_interest')) AS unopened
FROM standing
CROSS JOIN LATERAL (VALUES
    ('fees_due', 'loan_fees', 'fee_income', fees),
    ('penalty_due', 'loan_penalty', CASE WHEN was_accruing THEN 'penalty_income'
        ELSE 'interest_suspended' END, penalty_by_now - penalty_before),
    ('interest_due', 'loan_interest', CASE WHEN was_accruing THEN 'interest_accrued'
        ELSE 'interest_suspended' END, interest),
    ('suspended', 'interest_income', 'interest_suspended',
        CASE WHEN was_accruing AND NOT accrues THEN open_interest ELSE 0 END),
    ('suspended', 'penalty_income', 'interest_suspended',
        CASE WHEN was_accruing AND NOT accrues THEN penalty_by_now ELSE 0 END)
) AS flow (reason, debit, credit, fen)
-- Where interest fell due before, its account is open.
LEFT JOIN account a ON a.code = CASE WHEN earned > 0 AND debit = 'loan_interest' THEN NULL
    ELSE debit || '/' || loan_id END
WHERE fen > 0 GROUP BY funder, reason, debit, credit
UNION ALL
SELECT NULL, kind, NULL, NULL, count(*)::text, NULL, sum(fen)::bigint, NULL
FROM standing
CROSS JOIN LATERAL (VALUES ('closed', 0), ('due', principal + interest + fees),
    ('moved', CASE WHEN bucket <> was_bucket THEN 1 END)) AS counted (kind, fen)
WHERE fen > 0 OR kind = 'closed' GROUP BY kind
