"""Pages of payouts: the queue, one payout with its history, and what staff may do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf
from sqlalchemy.orm import Session

from disbursement import approvals, contradictions, holding, issuing_banks, payouts
from disbursement.records.channels import Verdict
from disbursement.records.payouts import LegStatus
from disbursement.web import channel_desk, payout_list
from disbursement.web.channel_desk import WAITS
from disbursement.web.payout_list import QUEUE_WORDS, PayoutRow, Queue, Wanted
from disbursement.web.words import ADVICE, WORDS
from kernel.actors import Role
from kernel.clock import SHANGHAI, business_day
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import consoles, forms, lists
from kernel.web.access import actor, allow
from kernel.web.around import language, now, say
from kernel.web.idempotency import once_per_form

FINANCE: Final = (Role.FINANCE_MAKER, Role.FINANCE_CHECKER)
APPROVALS_MAX: Final = 9

DONE: Final = {
    "approved": ("已审批，本笔付款的审批次数已满，将自动发送。", "Approved; it will now be sent."),
    "one_more": ("您的审批已记录，还须另一人审批。", "Your approval is kept; one more is needed."),
    "held": ("已暂停，在恢复之前不会发送。", "Held back; it is not sent until released."),
    "released": ("已恢复，系统将继续处理。", "Released; the system goes on with it."),
    "one_more_call_off": (
        "撤销申请已记录，须另一人同意；在此之前不会发送。",
        "Your word is kept; another person must agree. Until then it is not sent.",
    ),
    "called_off": ("两人意见一致，该笔付款已撤销。", "Two persons agree; it is called off."),
    "ruled": ("两人意见一致，已按裁定入账。", "Two persons agree; it is booked as decided."),
    "one_more_ruling": (
        "您的核实结论已记录，还须另一人作出相同结论。",
        "Your word is kept; another person must say the same.",
    ),
    "planned": ("已重新发起，这是新的付款，需重新审批。", "This is the new payment; approve it."),
}

VERDICTS: Final = {
    Verdict.WAS_PAID: ("实际已付", "It was paid after all"),
    Verdict.WAS_NOT_PAID: ("实际未付", "It was not paid"),
    Verdict.BOOKS_STAND: ("以账本为准", "The books stand"),
}
SAY_WHAT: Final = {
    "verdict": ("请选择核实结论", "Choose what you found out"),
    "reason": ("请填写核实情况（500 字以内）", "Say what you found out, in at most 500 characters"),
}


class RulingForm(Schema):
    """What one person found out about a payout that the channel contradicted itself about."""

    verdict = fields.String(required=True, validate=OneOf([one.value for one in Verdict]))
    reason = fields.String(required=True, validate=Length(1, contradictions.REASON_CHARACTERS_MAX))


blueprint = Blueprint("payouts", __name__, url_prefix="/payouts")


@blueprint.get("")
@allow(*FINANCE)
def queue() -> ResponseReturnValue:
    """List payouts by the filters of the address."""
    filters = lists.Filters()
    wanted = _wanted(filters)
    if lists.wants_csv():
        return lists.reply(_export(wanted))
    with transaction() as session:
        part = _read(wanted)(session, lists.after(), lists.PAGE_ROWS)
        counts = payout_list.counts(session)
        desk = channel_desk.read(session, at=now())
    page = render_template(
        "disbursement/payouts.html",
        section="payouts",
        part=part,
        counts=counts,
        wanted=wanted,
        queues=QUEUE_WORDS,
        filters=filters.filled(),
        issuers=_issuers(),
        states=payout_list.state_options(),
        issuer=issuer_name,
        desk=desk,
        channel_word=channel_desk.channel_name,
        age=channel_desk.age,
    )
    return page, filters.status


@blueprint.get("/<uuid:leg_id>")
@allow(*FINANCE)
def payout(leg_id: UUID) -> ResponseReturnValue:
    """Show one payout whole."""
    with transaction() as session:
        return _page(session, leg_id)


@blueprint.post("/<uuid:leg_id>/approve")
@allow(*FINANCE)
@once_per_form
def approve(leg_id: UUID, session: Session) -> ResponseReturnValue:
    """Give the signed-in person's approval."""
    refused = consoles.tried(
        session, lambda: approvals.approve(session, leg_id, by=actor(), at=now())
    )
    if refused is not None:
        return _page(session, leg_id, refused), refused.status
    is_whole = payout_list.whole(session, leg_id, at=now()).leg.status is LegStatus.APPROVED
    return _to(leg_id, "approved" if is_whole else "one_more")


@blueprint.post("/<uuid:leg_id>/hold")
@allow(*FINANCE)
@once_per_form
def hold(leg_id: UUID, session: Session) -> ResponseReturnValue:
    """Hold the payout back."""
    reason = request.form.get("reason", "")
    return _acted(
        session,
        leg_id,
        lambda: holding.park(session, leg_id, reason=reason, by=actor(), at=now()),
        "held",
    )


@blueprint.post("/<uuid:leg_id>/release")
@allow(*FINANCE)
@once_per_form
def release(leg_id: UUID, session: Session) -> ResponseReturnValue:
    """Let a parked payout go on."""
    return _acted(
        session, leg_id, lambda: payouts.unpark(session, leg_id, by=actor(), at=now()), "released"
    )


@blueprint.post("/<uuid:leg_id>/call-off")
@allow(*FINANCE)
@once_per_form
def call_off(leg_id: UUID, session: Session) -> ResponseReturnValue:
    """Ask that the payout never be sent, or agree with the one who asked."""
    reason = request.form.get("reason", "")
    decided: list[bool] = []
    refused = consoles.tried(
        session,
        lambda: decided.append(
            holding.call_off(session, leg_id, reason=reason, by=actor(), at=now())
        ),
    )
    if refused is not None:
        return _page(session, leg_id, refused), refused.status
    return _to(leg_id, "called_off" if decided[0] else "one_more_call_off")


@blueprint.post("/<uuid:leg_id>/succeed")
@allow(*FINANCE)
@once_per_form
def succeed(leg_id: UUID, session: Session) -> ResponseReturnValue:
    """Plan a new payment after one that failed or came back."""
    made: list[UUID] = []
    refused = consoles.tried(
        session,
        lambda: made.append(payouts.succeed_leg(session, leg_id, by=actor(), at=now()).id),
    )
    if refused is not None:
        return _page(session, leg_id, refused), refused.status
    return _to(made[0], "planned")


@blueprint.post("/<uuid:leg_id>/rule")
@allow(*FINANCE)
@once_per_form
def rule(leg_id: UUID, session: Session) -> ResponseReturnValue:
    """Give the signed-in person's verdict on what a contradicted payout came to."""
    filled = forms.read(RulingForm(), SAY_WHAT)
    if not filled.is_good:
        return _page(session, leg_id, filled=filled), 422
    decided: list[bool] = []
    refused = consoles.tried(
        session,
        lambda: decided.append(
            contradictions.rule(
                session,
                leg_id,
                verdict=Verdict(filled.values["verdict"]),
                reason=filled.values["reason"],
                by=actor(),
                at=now(),
            )
        ),
    )
    if refused is not None:
        return _page(session, leg_id, refused), refused.status
    return _to(leg_id, "ruled" if decided[0] else "one_more_ruling")


def issuer_name(code: str) -> str:
    """Name a card issuer in the language of the page."""
    bank = issuing_banks.banks().get(code)
    return code if bank is None else say(bank.name_zh, bank.name)


def _acted(
    session: Session, leg_id: UUID, verb: Callable[[], object], done: str
) -> ResponseReturnValue:
    refused = consoles.tried(session, verb)
    if refused is not None:
        return _page(session, leg_id, refused), refused.status
    return _to(leg_id, done)


def _to(leg_id: UUID, done: str) -> ResponseReturnValue:
    return redirect(url_for(".payout", leg_id=leg_id, done=done), 303)


def _page(
    session: Session,
    leg_id: UUID,
    refused: Refused | None = None,
    *,
    filled: forms.Filled | None = None,
) -> str:
    found = payout_list.whole(session, leg_id, at=now())
    return render_template(
        "disbursement/payout.html",
        section="payouts",
        found=found,
        leg=found.leg,
        loan=found.loan,
        why_not=found.why_not_by(actor()),
        people=consoles.people(session),
        refused=refused,
        form=filled,
        verdicts=[(one.value, say(*words)) for one, words in VERDICTS.items()],
        rulings=contradictions.rulings(session, found.leg),
        verdict_word=lambda verdict: say(*VERDICTS[verdict]),
        channel_word=channel_desk.channel_name,
        call_off=holding.asked(session, found.leg),
        waits=WAITS,
        advice=ADVICE,
        done=DONE,
        issuer=issuer_name,
        status_word=lambda value: say(*WORDS[LegStatus][LegStatus(value)]),
    )


def _wanted(filters: lists.Filters) -> Wanted:
    return Wanted(
        queue=filters.one_of("queue", Queue) or Queue.TO_APPROVE,
        status=filters.one_of("status", LegStatus),
        issuer=filters.text("issuer"),
        least=filters.amount("least"),
        most=filters.amount("most"),
        approvals=filters.number("approvals", most=APPROVALS_MAX),
    )


def _read(wanted: Wanted) -> Callable[[Session, str | None, int], lists.Part[PayoutRow]]:
    on = business_day(now())
    return lambda session, after, limit: payout_list.listed(
        session, wanted, after=lists.place(after), limit=limit, on=on
    )


def _issuers() -> list[tuple[str, str]]:
    return [("", say("全部发卡行", "Any issuer"))] + [
        (code, issuer_name(code)) for code in issuing_banks.banks()
    ]


def _export(wanted: Wanted) -> lists.Export[PayoutRow]:
    language()
    return lists.Export(
        name="payouts",
        heading=(
            say("付款编号", "Payout"),
            say("落单时间", "Placed at"),
            say("发卡行", "Issuer"),
            say("卡号", "Card"),
            say("状态", "State"),
            say("发送金额", "Amount sent"),
            say("签约上限", "Ceiling"),
            say("已审批", "Approvals"),
            say("需审批", "Needed"),
            say("订单号", "Order number"),
            say("贷款编号", "Loan"),
        ),
        read=_read(wanted),
        line=lambda row: (
            row.id,
            row.placed_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
            issuer_name(row.issuer_code),
            row.card_masked,
            say(*WORDS[LegStatus][row.status]),
            row.amount,
            row.ceiling,
            row.approvals_given,
            row.approvals_needed,
            row.order_no,
            row.loan_id,
        ),
    )
