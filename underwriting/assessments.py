"""Assessments: one decision for one dossier, and the record from which it can be retold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import quotes
from kernel import events, ids
from kernel.actors import Actor
from kernel.clock import business_day, require_aware
from kernel.refusals import Refused
from underwriting import budget, canonical, decisions, dossier, reasons, rules, terms
from underwriting.budget import Income
from underwriting.decisions import ChosenCard, Decision, Outcome, Scorer
from underwriting.dossier import CardDebt, Dossier
from underwriting.features import catalogue
from underwriting.features.declaration import Figures
from underwriting.inquiries import Answer, Gathered
from underwriting.policy import Action, Band, Policy
from underwriting.reasons import Reason
from underwriting.records.assessments import Assessment, SourceAnswer
from underwriting.rules import LeftOut
from underwriting.terms import Plan


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


def decide(dossier_: Dossier, policy: Policy, scorer: Scorer) -> Decision:
    """Decide on a dossier: rules, score, price, limit, cards, comparison, reasons.

    The same dossier, policy and scorer give the same bytes. What declines is said before what asks
    for a person; where both are found the decline stands.
    """
    income = budget.counted_income(dossier_, policy.income)
    findings = rules.screen(dossier_, policy, income)
    cards, left_out = rules.sort_cards(dossier_, cards_max=policy.limit.cards_max)
    declines = [found.reason for found in findings if found.action is Action.DECLINE]
    to_review = tuple(found.reason for found in findings if found.action is Action.REVIEW)
    case = _Case(dossier_, policy, income, cards, left_out, to_review)
    if not cards:
        declines.extend(card.reason for card in left_out)
        declines = declines or [Reason.CARD_WITHOUT_DEBT]
    if declines:
        return _answer(case, Outcome.DECLINE, declines)
    if not dossier_.has_bureau_file:
        return _answer(case, Outcome.REVIEW, to_review)
    return _scored(case, catalogue.figures(dossier_, monthly_income=income.monthly), scorer)


def _scored(case: _Case, figures: Figures, scorer: Scorer) -> Decision:
    pd = scorer.pd(figures)
    band = case.policy.band(pd)
    if band is None:
        weights = scorer.contributions(figures)
        found = reasons.by_weight(weights, catalogue.REASONS) or (Reason.RISK_TOO_HIGH,)
        answer = _answer(case, Outcome.DECLINE, found)
        return replace(answer, model_id=scorer.model_id, pd=pd, contributions=weights)
    if band.annual_rate > case.dossier.lender.annual_cap:
        answer = _answer(case, Outcome.DECLINE, [Reason.NO_PRICE_UNDER_CAP])
        return replace(answer, model_id=scorer.model_id, pd=pd, band=band.name)
    search = terms.search(_asked(case, band))
    why = (
        search.obstacles
        if search.plan is None
        else tuple(card.reason for card in search.plan.left_out)
    )
    weights = scorer.contributions(figures) if Reason.RISK_LIMIT in why else ()
    why = (*why, *reasons.by_weight(weights, catalogue.REASONS))
    answer = (
        _answer(case, Outcome.DECLINE, why)
        if search.plan is None
        else _planned(case, search.plan, band, why)
    )
    return replace(
        answer,
        model_id=scorer.model_id,
        pd=pd,
        band=band.name,
        contributions=weights,
        limit=search.limit.amount,
        binding=search.limit.binding,
        ceilings=search.limit.ceilings,
    )


def _asked(case: _Case, band: Band) -> terms.Asked:
    rules_ = case.policy.budget
    elsewhere = budget.debts_elsewhere(case.dossier, case.cards, rules_)
    return terms.Asked(
        cards=case.cards,
        lender=case.dossier.lender,
        policy=case.policy,
        annual_rate=band.annual_rate,
        risk_ceiling=case.income.monthly.times(band.income_multiple),
        room=budget.room(
            case.income.monthly,
            essential_costs=case.dossier.essential_costs,
            elsewhere=elsewhere,
            rules=rules_,
        ).for_loan,
        value_date=business_day(case.dossier.as_of),
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
    )


def record(
    session: Session, gathered: Gathered, decision: Decision, *, by: Actor, at: datetime
) -> Assessment:
    """Keep a decision with its dossier, what the sources said and the issuers' quotes.

    Appends the fact `assessment.decided`.
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
