"""Exploration: a few whom the score alone declines are lent to all the same, at a capped loss.

Only so is anything learnt of those who are declined. The policy's [exploration] says how many, up
to what probability of default, how much each and how much a month; by default nobody. What declines
for another reason than the score (hard rules, fraud, law, what he can afford, being better off)
declines here as well, for the same rules decide again with nothing changed but the last band.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kernel import events
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.money import ZERO, Money
from underwriting import assessments, lots, profit
from underwriting.decisions import Decision, Outcome, Scorer
from underwriting.dossier import Dossier
from underwriting.inquiries import Gathered
from underwriting.lots import Grant
from underwriting.policy import Policy
from underwriting.policy_rules import RiskCell
from underwriting.profit import Prospect
from underwriting.records.assessments import Assessment
from underwriting.records.service import ExplorationLot, ExplorationMonth

BAND: Final = "exploration"
"""What the decision calls the band that the policy does not have."""
_WHOLE: Final = Decimal(1)
_NEGLIGIBLE: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the approvals at random of one month came to."""

    month: date
    drawn: int
    granted: int
    principal: Money
    loss: Money
    """If every one of them defaulted at once."""


@dataclass(frozen=True, slots=True)
class Explored:
    """An approval at random, before the month's budget is asked."""

    decision: Decision
    loss_max_month: Money


def explore(
    dossier: Dossier, policy: Policy, scorer: Scorer, decision: Decision, *, place: int
) -> Explored | None:
    """Give the approval that a lot means for a decline; None where there is none. Pure.

    The budget is not asked here; see `record`.
    """
    rules = policy.exploration
    if not lots.is_drawn(place, rules.share) or not _is_for_score_alone(decision, policy):
        return None
    widened = approve(dossier, policy, scorer, place=place, share=rules.share)
    if widened.outcome is not Outcome.APPROVE:
        return None
    return Explored(replace(widened, route=decision.route), rules.loss_max_month)


def approve(
    dossier: Dossier, policy: Policy, scorer: Scorer, *, place: int, share: Decimal
) -> Decision:
    """Decide as if the last band reached as far as [exploration] does. Pure.

    The price is the last band's and the amount small. That such a loan is expected to cost money is
    no reason against it here, so the ceilings of risk and profit are lifted; what is kept of the
    expected profit is worked out by the policy's own figures.
    """
    assert policy.added is not None, "only the second form has a budget"
    rules, last = policy.exploration, policy.bands[-1]
    cells = policy.added.cells
    widened = replace(
        policy,
        bands=(*policy.bands, replace(last, name=BAND, pd_max=max(last.pd_max, rules.pd_max))),
        added=replace(
            policy.added,
            cells=(*cells, RiskCell(name=BAND, bound_max=_WHOLE,
                                    income_multiple=cells[-1].income_multiple)),
            profit=replace(
                policy.added.profit,
                loss_given_default=_NEGLIGIBLE,
                reload=Decimal(0),
                burden_gain=Decimal(0),
            ),
        ),
    )  # fmt: skip
    most = min(dossier.lender.principal_max, rules.principal_max)
    capped = replace(dossier, lender=replace(dossier.lender, principal_max=most))
    made = assessments.decide(capped, widened, scorer)
    loss = charged(made.principal, policy)
    grant = Grant(place=place, share=share, loss=loss)
    return replace(_by_the_policys_own_figures(made, policy), grant=grant)


def charged(principal: Money, policy: Policy) -> Money:
    """Give what a loan takes of the month's budget: principal times loss, were it to default at once.

    A cap on expected losses would let more be lent the better the model believes it knows those of
    whom it knows least.
    """
    assert policy.added is not None, "only the second form has a budget"
    num, den = policy.added.profit.loss_given_default.as_integer_ratio()
    return Money(-(-principal.fen * num // den))


def record(
    session: Session,
    gathered: Gathered,
    decision: Decision,
    *,
    explored: Explored | None,
    by: Actor,
    at: datetime,
) -> Assessment:
    """Keep a decision, or the approval at random in its place where the month has budget left.

    Both are one transaction with the charge: who finds the budget spent leaves the decline, and the
    lot is kept either way. Appends `exploration.granted` or `exploration.over_budget`.
    """
    if explored is None:
        return assessments.record(session, gathered, decision, by=by, at=at)
    approval = explored.decision
    assert approval.grant is not None, "an approval at random holds its grant"
    assert approval.pd is not None, "it was scored"
    month, loss = business_day(at).replace(day=1), approval.grant.loss
    granted = _charge(session, month, loss, most=explored.loss_max_month)
    kept = assessments.record(session, gathered, approval if granted else decision, by=by, at=at)
    session.add(
        ExplorationLot(
            assessment_id=kept.id,
            application_ref=kept.application_ref,
            month=month,
            place=approval.grant.place,
            share=approval.grant.share,
            pd=approval.pd,
            principal=approval.principal,
            loss=loss,
            granted=granted,
            drawn_at=at,
        )
    )
    events.append(
        session,
        "exploration.granted" if granted else "exploration.over_budget",
        subject=kept.id,
        at=at,
        body={"month": month.isoformat(), "loss": str(loss)},
    )
    session.flush()
    return kept


def spent(session: Session, *, months: int) -> tuple[Spent, ...]:
    """List what the last months' approvals at random came to, the newest first."""
    granted = ExplorationLot.granted
    rows = session.execute(
        select(
            ExplorationLot.month,
            func.count().label("drawn"),
            func.count().filter(granted).label("granted"),
            func.sum(ExplorationLot.principal).filter(granted).label("principal"),
            func.sum(ExplorationLot.loss).filter(granted).label("loss"),
        )
        .group_by(ExplorationLot.month)
        .order_by(ExplorationLot.month.desc())
        .limit(months)
    )
    return tuple(
        Spent(
            month=row.month,
            drawn=row.drawn,
            granted=row.granted,
            principal=row.principal or ZERO,
            loss=row.loss or ZERO,
        )
        for row in rows
    )


def _is_for_score_alone(decision: Decision, policy: Policy) -> bool:
    """Tell whether a decline came from being above the last band, and not above [exploration]."""
    return (
        policy.added is not None
        and decision.outcome is Outcome.DECLINE
        and decision.pd is not None
        and policy.band(decision.pd) is None
        and decision.pd <= policy.exploration.pd_max
    )


def _by_the_policys_own_figures(made: Decision, policy: Policy) -> Decision:
    workings = made.workings
    if workings is None or workings.inputs is None or made.months is None:
        return made
    assert policy.added is not None, "only the second form keeps workings"
    assert made.pd is not None, "it was scored"
    assert made.instalment is not None, "an offer has an instalment"
    assert made.annual_rate is not None, "an offer has a price"
    expected = profit.expected(
        Prospect(
            pd=made.pd,
            income=made.counted_income,
            elsewhere=workings.inputs.elsewhere,
            lines=workings.inputs.lines,
            debts=workings.inputs.debts,
            rules=policy.added.profit,
        ),
        made.principal,
        instalment=made.instalment,
        annual_rate=made.annual_rate,
        months=made.months,
    )
    # What would raise an amount that was capped on purpose is no help to anybody.
    return replace(made, workings=replace(workings, expected=expected, change=None))


def _charge(session: Session, month: date, loss: Money, *, most: Money) -> bool:
    """Add to the month what still fits under its cap; the row is locked until the end."""
    session.execute(
        insert(ExplorationMonth).values(month=month, loss=ZERO, loans=0).on_conflict_do_nothing()
    )
    held = session.execute(
        select(ExplorationMonth.loss).where(ExplorationMonth.month == month).with_for_update()
    ).scalar_one()
    if held + loss > most:
        return False
    session.execute(
        update(ExplorationMonth)
        .where(ExplorationMonth.month == month)
        .values(loss=held + loss, loans=ExplorationMonth.loans + 1)
        .execution_options(synchronize_session=False)
    )
    return True
