"""Assessments: one decision for one dossier, and the record from which it can be retold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import quotes
from kernel import events, ids
from kernel.actors import Actor
from kernel.clock import business_day, require_aware
from kernel.money import ZERO, Money
from kernel.refusals import Refused
from underwriting import (
    better_off,
    budget,
    canonical,
    ceilings,
    decisions,
    dossier,
    fraud,
    profit,
    reasons,
    routing,
    rules,
    terms,
    weighing,
)
from underwriting.budget import Income
from underwriting.ceilings import Footing
from underwriting.decisions import ChosenCard, Decision, Outcome, Scorer
from underwriting.dossier import CardDebt, Dossier
from underwriting.features import catalogue
from underwriting.features.declaration import Figures
from underwriting.fraud import Hit
from underwriting.inquiries import Answer, Gathered
from underwriting.policy import Policy
from underwriting.policy_rules import Action, Band
from underwriting.profit import Prospect
from underwriting.reasons import Reason
from underwriting.records.assessments import Assessment, SourceAnswer
from underwriting.rules import LeftOut
from underwriting.terms import Found, Plan
from underwriting.workings import Inputs, Workings

OF_THE_SCORE: Final = frozenset({Reason.RISK_LIMIT, Reason.PRICE_LIMIT})
"""A limit cut for one of these was cut by the score, so what weighed in it is told."""


class NoSuchAssessment(Refused):
    """No assessment has this identity."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_assessment"
    title = "There is no such assessment"
    title_zh = "评估记录不存在"


@dataclass(frozen=True, slots=True)
class _Case:
    """One dossier under one policy while it is decided."""

    dossier: Dossier
    policy: Policy
    income: Income
    cards: tuple[CardDebt, ...]
    """Those that can be cleared."""
    left_out: tuple[LeftOut, ...]
    to_review: tuple[Reason, ...]
    workings: Workings | None
    """None under a policy of the first form."""


@dataclass(frozen=True, slots=True)
class _Score:
    """What the model said."""

    model_id: str
    pd: Decimal
    band: Band | None
    weights: tuple[tuple[str, Decimal], ...] = ()

    def marks(self) -> dict[str, Any]:
        """Give what of it stands in a decision."""
        return {
            "model_id": self.model_id,
            "pd": self.pd,
            "band": None if self.band is None else self.band.name,
            "contributions": self.weights,
        }


def decide(dossier_: Dossier, policy: Policy, scorer: Scorer) -> Decision:
    """Decide on a dossier: rules, score, price, limit, cards, comparison, reasons.

    The same dossier, policy and scorer give the same bytes. What declines is said before what asks
    for a person; where both are found the decline stands.
    """
    income = budget.counted_income(dossier_, policy.income)
    findings = rules.screen(dossier_, policy, income)
    hits = () if policy.added is None else fraud.look(dossier_, policy.added.fraud)
    cards, left_out = rules.sort_cards(dossier_, cards_max=policy.limit.cards_max)
    found = [(finding.reason, finding.action) for finding in findings]
    found += [(hit.reason, hit.action) for hit in hits]
    declines = [reason for reason, action in found if action is Action.DECLINE]
    to_review = tuple(reason for reason, action in found if action is Action.REVIEW)
    workings = _begun(dossier_, policy, hits)
    case = _Case(dossier_, policy, income, cards, left_out, to_review, workings)
    if not cards:
        declines.extend(card.reason for card in left_out)
        declines = declines or [Reason.CARD_WITHOUT_DEBT]
    if declines:
        return _answer(case, Outcome.DECLINE, declines)
    if not dossier_.has_bureau_file:
        return _answer(case, Outcome.REVIEW, to_review)
    return _scored(case, catalogue.figures(dossier_, monthly_income=income.monthly), scorer)


def _begun(dossier_: Dossier, policy: Policy, hits: tuple[Hit, ...]) -> Workings | None:
    if policy.added is None:
        return None
    return Workings(costs=budget.essential_costs(dossier_, policy.added.costs), fraud=hits)


def _scored(case: _Case, figures: Figures, scorer: Scorer) -> Decision:
    pd = scorer.pd(figures)
    band = case.policy.band(pd)
    score = _Score(scorer.model_id, pd, band)
    case = _bounded(case, pd, scorer)
    if band is None:
        score = replace(score, weights=scorer.contributions(figures))
        found = _weighed(case, score, figures) or (Reason.RISK_TOO_HIGH,)
        return replace(_answer(case, Outcome.DECLINE, found), **score.marks())
    if band.annual_rate > case.dossier.lender.annual_cap:
        answer = _answer(case, Outcome.DECLINE, [Reason.NO_PRICE_UNDER_CAP])
        return replace(answer, **score.marks())
    asked = _asked(case, pd, band)
    search = terms.search(asked)
    why = (
        search.obstacles
        if search.plan is None
        else tuple(card.reason for card in search.plan.left_out)
    )
    if OF_THE_SCORE & set(why):
        score = replace(score, weights=scorer.contributions(figures))
    why = (*why, *_weighed(case, score, figures))
    answer = (
        _answer(case, Outcome.DECLINE, why)
        if search.plan is None
        else _planned(case, search.plan, band, why)
    )
    return replace(
        answer,
        **score.marks(),
        limit=search.limit.amount,
        binding=search.limit.binding,
        ceilings=search.limit.ceilings,
        workings=_worked_out(case, asked, search),
    )


def _bounded(case: _Case, pd: Decimal, scorer: Scorer) -> _Case:
    if case.workings is None:
        return case
    bound = max(pd, scorer.bound(pd))
    return replace(case, workings=replace(case.workings, pd_bound=bound))


def _weighed(case: _Case, score: _Score, figures: Figures) -> tuple[Reason, ...]:
    if case.workings is None:
        return reasons.by_weight(score.weights, catalogue.REASONS)
    return weighing.raised(score.weights, figures)


def _asked(case: _Case, pd: Decimal, band: Band) -> terms.Asked:
    told, rules_, workings = case.dossier, case.policy.budget, case.workings
    elsewhere = budget.debts_elsewhere(told, case.cards, rules_)
    costs = told.essential_costs if workings is None else workings.costs
    footing = None if workings is None else _footing(case, pd, band, elsewhere)
    multiple = ZERO
    if band.income_multiple is not None:
        multiple = case.income.monthly.times(band.income_multiple)
    return terms.Asked(
        cards=case.cards,
        lender=told.lender,
        policy=case.policy,
        annual_rate=band.annual_rate,
        risk_ceiling=multiple,
        room=budget.room(
            case.income.monthly, essential_costs=costs, elsewhere=elsewhere, rules=rules_
        ).for_loan,
        value_date=business_day(told.as_of),
        footing=footing,
    )


def _footing(case: _Case, pd: Decimal, band: Band, elsewhere: Money) -> Footing:
    policy, added, workings = case.policy, case.policy.added, case.workings
    assert added is not None, "only the second form has a footing"
    assert workings is not None, "the second form keeps workings"
    assert workings.pd_bound is not None, "it was scored"
    quotes = [card.quote for card in case.cards if card.quote is not None]
    return Footing(
        product_max=case.dossier.lender.principal_max,
        step=policy.limit.step,
        stated_income=None if case.income.is_verified else case.dossier.stated_monthly_income,
        haircut=policy.income.haircut_stated,
        costs=workings.costs,
        budget=policy.budget,
        annual_rate=band.annual_rate,
        pd_bound=workings.pd_bound,
        cell=added.cell(workings.pd_bound),
        widest=added.cells[-1],
        bands=policy.bands,
        prospect=Prospect(
            pd=pd,
            income=case.income.monthly,
            elsewhere=elsewhere,
            lines=Money.total(quote.credit_limit for quote in quotes),
            debts=Money.total(terms.ceiling(quote, policy) for quote in quotes),
            rules=added.profit,
        ),
    )


def _worked_out(case: _Case, asked: terms.Asked, search: Found) -> Workings | None:
    """Add what the limit rests on, what would change it, and where the loan is worse."""
    workings, footing, plan = case.workings, asked.footing, search.plan
    if workings is None or footing is None:
        return None
    told = replace(
        workings,
        inputs=Inputs(
            cell=None if footing.cell is None else footing.cell.name,
            months=search.months,
            elsewhere=footing.prospect.elsewhere,
            room=asked.room,
            lines=footing.prospect.lines,
            debts=footing.prospect.debts,
        ),
        change=ceilings.change(footing, search.months, search.limit),
    )
    if plan is None:
        return told
    return replace(
        told,
        expected=profit.expected(
            footing.prospect,
            plan.schedule.principal,
            instalment=plan.schedule.instalment,
            annual_rate=footing.annual_rate,
            months=plan.months,
        ),
        losing=better_off.losing(plan.comparison),
    )


def _planned(case: _Case, plan: Plan, band: Band, why: Sequence[Reason]) -> Decision:
    answer = _answer(
        case,
        Outcome.REVIEW if case.to_review else Outcome.APPROVE,
        case.to_review or why,
    )
    return replace(
        answer,
        left_out=(*case.left_out, *plan.left_out),
        chosen=tuple(
            ChosenCard(card_ref=card.card_ref, amount=card.amount, ceiling=card.ceiling)
            for card in plan.chosen
        ),
        principal=plan.schedule.principal,
        months=plan.months,
        annual_rate=band.annual_rate,
        instalment=plan.schedule.instalment,
        total_interest=plan.schedule.total_interest,
        comparison=plan.comparison,
    )


def _answer(case: _Case, outcome: Outcome, why: Sequence[Reason]) -> Decision:
    return Decision(
        application_ref=case.dossier.application_ref,
        as_of=case.dossier.as_of,
        outcome=outcome,
        reasons=reasons.first_few(why),
        policy_version=case.policy.version,
        policy_sha256=case.policy.sha256,
        counted_income=case.income.monthly,
        income_is_verified=case.income.is_verified,
        left_out=case.left_out,
        workings=case.workings,
    )


def record(
    session: Session, gathered: Gathered, decision: Decision, *, by: Actor, at: datetime
) -> Assessment:
    """Keep a decision with its dossier, what the sources said and the issuers' quotes.

    Appends the fact `assessment.decided`, and `challenger.failed` where the champion had to decide
    in a challenger's place.
    """
    spelled, decided = gathered.dossier.to_bytes(), decision.to_bytes()
    kept = Assessment(
        id=ids.new(),
        application_ref=decision.application_ref,
        as_of=decision.as_of,
        outcome=decision.outcome,
        policy_version=decision.policy_version,
        model_name=decision.model_id,
        pd=decision.pd,
        dossier=spelled.decode(),
        dossier_sha256=canonical.sha256(spelled),
        decision=decided.decode(),
        decision_sha256=canonical.sha256(decided),
        decided_by=str(by),
        decided_at=require_aware(at),
    )
    session.add(kept)
    session.flush()
    session.add_all(_kept_answer(kept.id, answer) for answer in gathered.evidence)
    for quoted in gathered.quotes:
        quotes.record(
            session,
            card_ref=quoted.card_ref,
            issuer_code=quoted.issuer_code,
            quoted=quoted.payoff,
            at=at,
        )
    events.append(
        session,
        "assessment.decided",
        subject=kept.id,
        at=at,
        body={
            "application_ref": str(decision.application_ref),
            "outcome": decision.outcome.value,
        },
    )
    routing.tell_failure(session, kept.id, decision.route, at=at)
    session.flush()
    return kept


def _kept_answer(assessment_id: UUID, answer: Answer) -> SourceAnswer:
    return SourceAnswer(
        id=ids.new(),
        assessment_id=assessment_id,
        source=answer.source,
        reference=answer.reference,
        body=answer.body.decode(),
        sha256=canonical.sha256(answer.body),
        asked_at=answer.asked_at,
    )


def get(session: Session, assessment_id: UUID) -> Assessment:
    """Find an assessment.

    Raises:
        NoSuchAssessment: there is none.
    """
    found = session.get(Assessment, assessment_id)
    if found is None:
        raise NoSuchAssessment(f"there is no assessment {assessment_id}")
    return found


def latest(session: Session, application_ref: UUID) -> Assessment | None:
    """Find the newest assessment of an application."""
    return session.scalar(
        select(Assessment)
        .where(Assessment.application_ref == application_ref)
        .order_by(Assessment.decided_at.desc(), Assessment.id.desc())
        .limit(1)
    )


def decision_of(assessment: Assessment) -> Decision:
    """Read the decision of a recorded assessment."""
    return decisions.from_bytes(assessment.decision.encode())


def dossier_of(assessment: Assessment) -> Dossier:
    """Read the dossier of a recorded assessment."""
    return dossier.from_bytes(assessment.dossier.encode())
