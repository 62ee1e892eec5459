"""A town of made-up decisions, links and loans, written straight into the tables by the row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from disbursement.delinquency import Bucket, Grade
from disbursement.records.life import LoanPosition
from disbursement.records.loans import Loan, LoanStatus, LoanStep
from kernel import ids
from kernel.clock import shanghai
from kernel.money import ZERO, Money
from tests.disbursement import builders as below
from underwriting.decisions import Outcome
from underwriting.graph import sights
from underwriting.inquiries import LinkKind, ReferredCase, SharedKey
from underwriting.records.assessments import Assessment
from underwriting.records.models import ModelRecord, ModelStatus, ModelStep
from underwriting.watched import AgeBand, Group, Sex
from underwriting.watching import cases

MODEL = "town-1"
DAY = date(2026, 11, 20)
"""The day that is watched."""
NOW = shanghai(DAY + timedelta(days=1), 1)


def ref(number: int) -> UUID:
    return UUID(int=number)


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def key(kind: str, value: str) -> SharedKey:
    return SharedKey(kind=LinkKind(kind), digest=digest(value))


def serve(session: Session, *, since: date) -> None:
    """Put a model into service whose artifact nobody opens."""
    model = ModelRecord(
        id=ids.new(),
        name=MODEL,
        status=ModelStatus.SERVING,
        artifact=b"",
        manifest="{}",
        manifest_sha256="",
        registered_at=shanghai(since),
    )
    session.add(model)
    session.flush()
    session.add(
        ModelStep(
            id=ids.new(),
            subject_id=model.id,
            position=0,
            from_status=None,
            to_status=ModelStatus.SERVING,
            actor="test",
            reason="",
            at=shanghai(since),
            latest=True,
        )
    )
    session.flush()


def decision(
    number: int,
    on: date,
    *,
    pd: float | None = 0.15,
    limit: str | None = "10000.00",
    figures: Mapping[str, float | None] | None = None,
) -> dict[str, object]:
    """Make the row of a decision; without a limit it is a decline."""
    told = {name: None if v is None else str(v) for name, v in (figures or {}).items()}
    return {
        "id": ids.new(),
        "application_ref": ref(number),
        "as_of": shanghai(on, 10),
        "outcome": Outcome.DECLINE if limit is None else Outcome.APPROVE,
        "policy_version": "2026-08",
        "model_name": MODEL if pd is not None else None,
        "pd": None if pd is None else Decimal(f"{pd:.6f}"),
        "dossier": json.dumps({"figures": told}),
        "dossier_sha256": "",
        "decision": json.dumps({"limit": limit or "0.00"}),
        "decision_sha256": "",
        "decided_by": "test",
        "decided_at": shanghai(on, 10),
    }


def decide(session: Session, rows: Iterable[dict[str, object]]) -> None:
    session.execute(insert(Assessment), list(rows))


def refer(
    session: Session,
    number: int,
    on: date,
    *keys: SharedKey,
    agency: str = "north",
    stated: str | None = None,
    text: bytes | None = None,
    sex: Sex = Sex.FEMALE,
    age: AgeBand = AgeBand.FROM_25,
) -> None:
    """Keep what one application shares and what its agency said; everybody is another person."""
    at = shanghai(on, 10)
    case = ReferredCase(
        agency=agency,
        stated_balance=None if stated is None else Money.yuan(stated),
        stated_card_ref=None if stated is None else ref(number),
        hardship_signature=text,
    )
    cases.keep(session, ref(number), case, Group(sex=sex, age_band=age), at=at)
    own = (key("national_id", f"id{number}"), key("agency", agency), *keys)
    sights.note(session, ref(number), own, at=at)


def lend(
    session: Session,
    number: int,
    began: date,
    *,
    months: int = 6,
    overdue_since: date | None = None,
    written_off: date | None = None,
    known_at: datetime | None = None,
) -> None:
    """Make the loan of an application as it stands now, without any of its books."""
    funder, product = _lender(session)
    loan = Loan(
        id=ref(10_000_000 + number),
        order_id=ref(number),
        order_sha256="",
        application_ref=ref(number),
        debtor_ref=ref(number),
        funder_id=funder,
        product_id=product,
        months=months,
        annual_rate=Decimal("0.12"),
        penalty_rate=Decimal("0.18"),
        penalty_grace_days=0,
        penalty_day_basis=360,
        contract_sha256="",
        signed_at=shanghai(began, 9),
        ceiling=Money(100),
        status=LoanStatus.ACTIVE,
        placed_at=shanghai(began, 9),
        principal=Money(100),
        begun_with=Money(100),
        value_date=began,
        first_due=began,
        anchor_day=1,
        schedule_version=1,
    )
    session.add(loan)
    session.flush()
    session.add(_position(loan, overdue_since=overdue_since, written_off=written_off))
    session.flush()
    stand(session, number, LoanStatus.ACTIVE, at=known_at or shanghai(began, 9))


def stand(session: Session, number: int, to: LoanStatus, *, at: datetime) -> None:
    """Let the loan of an application stand otherwise from a moment on, without any of its books."""
    loan = session.get_one(Loan, ref(10_000_000 + number))
    earlier = LoanStep.subject_id == loan.id
    session.execute(update(LoanStep).where(earlier).values(latest=False))
    position = session.scalar(select(func.count()).select_from(LoanStep).where(earlier)) or 0
    session.add(
        LoanStep(
            id=ids.new(),
            subject_id=loan.id,
            position=position,
            from_status=loan.status if position else None,
            to_status=to,
            actor="test",
            reason="",
            at=at,
            latest=True,
        )
    )
    loan.status = to
    session.flush()


def _position(loan: Loan, *, overdue_since: date | None, written_off: date | None) -> LoanPosition:
    began = loan.value_date
    return LoanPosition(
        loan_id=loan.id,
        product_id=loan.product_id,
        closed_through=began,
        next_on=None,
        overdue_since=overdue_since,
        bucket=Bucket.M0,
        grade=Grade.NORMAL,
        is_accruing=True,
        earned=ZERO,
        earning_since=began,
        earning=ZERO,
        earning_until=began,
        written_off_on=written_off,
    )


def _lender(session: Session) -> tuple[UUID, UUID]:
    known = session.info.get("lender")
    if known is None:
        funder, product = below.lender(session)
        known = session.info["lender"] = (funder.id, product.id)
    return known


def at(day: date, hour: int = 10) -> datetime:
    return shanghai(day, hour)
