"""Any number of open loans in the middle of their lives, made by the database itself.

Every loan is one that the house could have made: its instalments are those of its contract, what
fell due was paid on its day, and its position is what closing every day would have left. A few in
a hundred never paid and stand anywhere between one day and ten months past due.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg
from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

from disbursement import accounts, delinquency, funders, products, schedule
from disbursement.records.closing import Accrual, ClosedDay
from disbursement.records.funders import Funder, LicenceType
from disbursement.records.ledger import Account, Transfer
from disbursement.records.life import LoanEvent, LoanPosition
from disbursement.records.loans import Instalment, Loan, LoanStep
from disbursement.records.products import Product
from kernel import db
from kernel.events import Event
from kernel.money import Money
from kernel.rates import Rate

TABLES: Final = (
    Funder,
    Product,
    Loan,
    LoanStep,
    Instalment,
    LoanEvent,
    LoanPosition,
    Account,
    Transfer,
    ClosedDay,
    Accrual,
    Event,
)
DAY: Final = date(2026, 11, 20)
"""The first day that is closed; all before it are."""
MONTHS: Final = 12
RATE: Final = Rate.percent("12.00")
AGES_DAYS: Final = 330
"""Loans began on so many days in a row, the last of them the day before."""
NEVER_PAID_IN_100: Final = 4
PRINCIPALS: Final = tuple(Money(500_000 + 250_000 * step) for step in range(16))
FUNDERS: Final = ("hxcf", "ypcf")
_NEVER: Final = f"n % 100 < {NEVER_PAID_IN_100}"

_PLANS: Final = """
    CREATE UNLOGGED TABLE plan AS SELECT * FROM unnest(
        CAST(:variant AS int[]), CAST(:number AS int[]), CAST(:principal AS bigint[]),
        CAST(:interest AS bigint[]), CAST(:balance AS bigint[]))
        AS given (variant, number, principal, interest, balance)
"""
_SEEDS: Final = f"""
    CREATE UNLOGGED TABLE seed AS
    SELECT n, CAST(md5('loan' || n) AS uuid) AS id, n % {len(PRINCIPALS)} AS variant,
        n % {len(FUNDERS)} + 1 AS funder, {_NEVER} AS never_paid,
        CAST(:day AS date) - 1 - CAST(n * CAST(7919 AS bigint) % {AGES_DAYS} AS int) AS value_date
    FROM generate_series(1, :loans) AS n
"""
_LOANS: Final = """
    INSERT INTO loan (id, order_id, order_sha256, application_ref, debtor_ref, funder_id,
        product_id, months, annual_rate, penalty_rate, penalty_grace_days, penalty_day_basis,
        contract_sha256, signed_at, ceiling, status, placed_at, principal, begun_with, value_date,
        first_due, anchor_day, schedule_version)
    SELECT s.id, CAST(md5('order' || n) AS uuid), md5(CAST(n AS text)),
        CAST(md5('application' || n) AS uuid), CAST(md5('debtor' || n) AS uuid), f.id, p.id,
        :months, :rate, :rate * 1.5, 3, 360, md5('contract' || n), :at, a.fen, 'active', :at,
        a.fen, a.fen, s.value_date, CAST(s.value_date + interval '1 month' AS date),
        CAST(extract(day FROM s.value_date) AS int), 1
    FROM seed s
    JOIN unnest(CAST(:funders AS text[])) WITH ORDINALITY AS c (code, place) ON c.place = s.funder
    JOIN funder f ON f.code = c.code JOIN product p ON p.funder_id = f.id
    JOIN (SELECT variant, CAST(sum(principal) AS bigint) AS fen FROM plan GROUP BY variant) a
        ON a.variant = s.variant
"""
_INSTALMENTS: Final = """
    INSERT INTO instalment (id, loan_id, schedule_version, number, due_on, principal, interest,
        fees, balance)
    SELECT CAST(md5('instalment' || s.n || '/' || p.number) AS uuid), s.id, 1, p.number,
        CAST(s.value_date + p.number * interval '1 month' AS date), p.principal, p.interest, 0,
        p.balance
    FROM seed s JOIN plan p ON p.variant = s.variant ORDER BY s.n, p.number
"""
_PAID: Final = """
    INSERT INTO loan_event (id, loan_id, number, kind, "on", body, actor, recorded_at)
    SELECT CAST(md5('paid' || s.n || '/' || i.number) AS uuid), s.id, i.number, 'repaid', i.due_on,
        jsonb_build_object('amount', CAST((i.principal + i.interest) / 100.0 AS numeric(20, 2))::text),
        'system:bench', CAST(i.due_on AS timestamptz)
    FROM seed s JOIN instalment i ON i.loan_id = s.id
    WHERE NOT s.never_paid AND i.due_on < :day ORDER BY i.due_on, i.loan_id
"""
_POSITIONS: Final = """
    INSERT INTO loan_position (loan_id, product_id, closed_through, next_on, overdue_since, bucket,
        grade, is_accruing, earned, earning_since, earning, earning_until, written_off_on)
    SELECT s.id, l.product_id,
        greatest(coalesce(o.fallen_on, s.value_date - 1),
            r.since + (CAST(:turns AS int[]))[width_bucket(d.late, CAST(:turns AS int[]))]),
        least(o.due_on, CASE WHEN d.late = 0 THEN r.since + l.penalty_grace_days + 1
            ELSE r.since + (CAST(:turns AS int[]))[width_bucket(d.late, CAST(:turns AS int[])) + 1]
            END),
        r.since, (CAST(:buckets AS text[]))[width_bucket(d.late, CAST(:bucket_days AS int[]))],
        (CAST(:grades AS text[]))[width_bucket(d.late, CAST(:grade_days AS int[]))],
        a.accrues, coalesce(CASE WHEN s.never_paid THEN o.earned_in_time ELSE o.earned END, 0),
        CASE WHEN a.accrues THEN coalesce(o.fallen_on, s.value_date) ELSE o.fallen_on END,
        CASE WHEN a.accrues THEN o.interest ELSE 0 END,
        CASE WHEN a.accrues THEN o.due_on ELSE o.fallen_on END, NULL
    FROM seed s JOIN loan l ON l.id = s.id
    CROSS JOIN LATERAL (SELECT max(due_on) FILTER (WHERE due_on < :day) AS fallen_on,
        min(due_on) FILTER (WHERE due_on >= :day) AS due_on,
        CAST(sum(interest) FILTER (WHERE due_on < :day) AS bigint) AS earned,
        CAST(sum(interest) FILTER (WHERE due_on < :day AND due_on <= l.first_due + :accrues_to)
            AS bigint) AS earned_in_time,
        (array_agg(interest ORDER BY number) FILTER (WHERE due_on >= :day))[1] AS interest
        FROM instalment WHERE loan_id = s.id) o
    CROSS JOIN LATERAL (SELECT CASE WHEN s.never_paid AND l.first_due < :day
        THEN l.first_due END AS since) r
    CROSS JOIN LATERAL (SELECT CASE WHEN CAST(:day AS date) - 1 - r.since > l.penalty_grace_days
        THEN CAST(:day AS date) - 1 - r.since ELSE 0 END AS late) d
    CROSS JOIN LATERAL (SELECT d.late <= :accrues_to AS accrues) a
"""
_EARNED: Final = """
    INSERT INTO accrual (day, product_id, funder_id, amount, earned, transfer_id)
    SELECT CAST(:day AS date) - 1, l.product_id, l.funder_id, 0, sum(p.earned + (2 * p.earning
        * (CAST(:day AS date) - 1 - p.earning_since) + (p.earning_until - p.earning_since))
        / greatest(2 * (p.earning_until - p.earning_since), 1)), NULL
    FROM loan_position p JOIN loan l ON l.id = p.loan_id GROUP BY l.product_id, l.funder_id
"""


def make(engine: Engine, loans: int) -> None:
    """Fill a database with so many open loans, as they stand on the evening before `DAY`."""
    db.bind(engine)
    at = datetime.combine(DAY, datetime.min.time(), UTC)
    with db.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        for code in FUNDERS:
            funders.add(
                session,
                code=code,
                name=code,
                licence=LicenceType.CONSUMER_FINANCE,
                issuer_code=None,
                at=at,
            )
            products.publish(
                session,
                funder_code=code,
                months=(MONTHS,),
                principal_min=PRINCIPALS[0],
                principal_max=PRINCIPALS[-1],
                at=at,
            )
        names = (accounts.interest_accrued, accounts.interest_income, accounts.penalty_income)
        shared = [name(code) for code in FUNDERS for name in (*names, accounts.interest_suspended)]
        accounts.open_all(session, shared, at=at)
        session.add(
            ClosedDay(day=DAY - timedelta(days=1), opened_at=at, closed_at=at, loans=0, figures={})
        )
    with engine.begin() as connection:
        # Nothing to check: the rows agree by how they are made.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        _fill(connection, loans, at)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


def _fill(connection: Connection, loans: int, at: datetime) -> None:
    limits = delinquency.policy(on=DAY)
    given = {
        "day": DAY,
        "at": at,
        "loans": loans,
        "months": MONTHS,
        "rate": RATE.annual,
        "funders": list(FUNDERS),
        "turns": list(limits.turns),
        "buckets": list(limits.buckets),
        "bucket_days": list(limits.bucket_days),
        "grades": list(limits.grades),
        "grade_days": list(limits.grade_days),
        "accrues_to": limits.non_accrual_over_days,
    }
    connection.execute(text(_PLANS), _plans())
    for statement in (_SEEDS, _LOANS):
        connection.execute(text(statement), given)
    with _without_indexes(connection, ("instalment",)):
        connection.execute(text(_INSTALMENTS))
    connection.execute(text("ANALYZE instalment"))
    with _without_indexes(connection, ("loan_event", "loan_position")):
        connection.execute(text(_PAID), given)
        connection.execute(text(_POSITIONS), given)
    connection.execute(text(_EARNED), given)
    _open_accounts(connection, at)


def _plans() -> dict[str, list[int]]:
    """Give the instalments of each principal; they are the same on all dates."""
    columns: dict[str, list[int]] = {
        name: [] for name in ("variant", "number", "principal", "interest", "balance")
    }
    for variant, principal in enumerate(PRINCIPALS):
        made = schedule.annuity(
            principal, annual_rate=RATE, months=MONTHS, value_date=date(2026, 1, 15)
        )
        for row in made.rows:
            cells = (variant, row.number, row.principal_fen, row.interest_fen, row.balance_fen)
            for name, cell in zip(columns, cells, strict=True):
                columns[name].append(cell)
    return columns


def _open_accounts(connection: Connection, at: datetime) -> None:
    """Open the accounts to which something fell due; their identities are Python's to make."""
    query = text("SELECT CAST(id AS text) FROM loan WHERE first_due < :day")
    codes = [f"loan_interest/{loan_id}" for loan_id in connection.scalars(query, {"day": DAY})]
    found = connection.connection.driver_connection
    assert isinstance(found, psycopg.Connection)
    with (
        found.cursor() as cursor,
        cursor.copy("COPY account (id, code, kind, floor, opened_at) FROM STDIN") as copy,
    ):
        for code, identity in zip(codes, accounts.identities_hex(codes), strict=True):
            copy.write_row((identity, code, "asset", "none", at))


@contextmanager
def _without_indexes(connection: Connection, tables: Sequence[str]) -> Iterator[None]:
    """Fill some tables without their indexes and make those again: random keys are slow else."""
    kept = connection.execute(
        text(
            """
            SELECT CAST(i.indrelid AS regclass) AS of, CAST(i.indexrelid AS regclass) AS name,
                c.conname AS key, pg_get_indexdef(i.indexrelid) AS made,
                pg_get_constraintdef(c.oid) AS constrained
            FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid
                AND c.conrelid = i.indrelid
            WHERE CAST(CAST(i.indrelid AS regclass) AS text) = ANY (:tables)
            """
        ),
        {"tables": list(tables)},
    ).all()
    for row in kept:
        drop = f"ALTER TABLE {row.of} DROP CONSTRAINT {row.key}"
        connection.execute(text(drop if row.key else f"DROP INDEX {row.name}"))
    yield
    for row in kept:
        add = f"ALTER TABLE {row.of} ADD CONSTRAINT {row.key} {row.constrained}"
        connection.execute(text(add if row.key else row.made))
