"""Mandates: a debtor names his own debit card and lets the lender collect from it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from sqlalchemy.orm import Session

from disbursement import debit_orders, issuing_banks, loans, repayment_cards
from disbursement.issuing_banks import CardKind
from disbursement.records.debits import DebitStatus, RepaymentCard
from disbursement.records.funders import Funder
from kernel import events, ids, sealing
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.personal import CardNumber
from kernel.refusals import Refused
from origination import applicants, consents
from origination.records.applications import Application
from origination.records.debtors import Debtor
from origination.records.mandates import Mandate
from origination.records.referrals import Locale
from underwriting.graph import sights
from underwriting.inquiries import LinkKind, SharedKey

TEXTS: Final = Path(__file__).parent / "mandate_text.toml"


class NotADebitCard(Refused):
    """The card looks like a credit card; a loan is not repaid by borrowing on a card."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "not_a_debit_card"
    title = "Enter a debit card of your own, not a credit card"
    title_zh = "请填写您本人名下的借记卡（储蓄卡），不能是信用卡"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateText:
    """One version of the words."""

    version: str
    in_force: date
    words: Mapping[str, Any]


def words(
    session: Session, application: Application, *, locale: Locale, on: date
) -> tuple[str, str]:
    """Give the version and the words of a mandate, as a debtor reads them.

    Raises:
        NoSuchLoan: nothing was signed.
    """
    assert application.loan_id is not None, "a mandate is about a loan"
    loan = loans.get(session, application.loan_id)
    lender = session.get_one(Funder, loan.funder_id).name
    text = _text(on=on)
    return text.version, text.words[locale.value].format(
        lender=lender, loan=str(loan.id)[:8].upper()
    )


def give(
    session: Session,
    application: Application,
    card: CardNumber,
    *,
    evidence: Mapping[str, str],
    locale: Locale,
    by: Actor,
    at: datetime,
) -> RepaymentCard:
    """Bind a debit card to be collected from, by the mandate that was read on the page.

    Raises:
        OnlyTheDebtor: somebody else names it.
        NotADebitCard: it looks like a credit card.
        EvidenceRefused: the evidence is too long or holds long runs of digits.
    """
    applicants.require_debtor(application, by)
    consents.require_plain(evidence)
    if issuing_banks.recognise(card).kind is CardKind.CREDIT:
        raise NotADebitCard()
    debtor = session.get_one(Debtor, application.debtor_id)
    version, said = words(session, application, locale=locale, on=business_day(at))
    digest = hashlib.sha256(said.encode()).hexdigest()
    purpose = "bind a repayment card"
    name = sealing.reveal(session, debtor.name, subject=debtor.id, purpose=purpose, by=by, at=at)
    bound = debit_orders.bind_card(
        session, debtor_ref=debtor.id, card=card, name=name, mandate_sha256=digest, by=by, at=at
    )
    repaid_from = SharedKey(kind=LinkKind.REPAYMENT_CARD, digest=sealing.blind_index(card))
    sights.note(session, application.id, [repaid_from], at=at)
    session.add(
        Mandate(
            id=ids.new(),
            application_id=application.id,
            repayment_card_ref=bound.id,
            text_version=version,
            locale=locale,
            words=said,
            sha256=digest,
            evidence=dict(evidence),
            given_at=at,
        )
    )
    session.flush()
    return bound


def end(session: Session, application: Application, *, by: Actor, at: datetime) -> None:
    """End the debtor's mandate: what was not sent yet is called off, and nothing more is collected.

    Raises:
        OnlyTheDebtor: somebody else ends it.
    """
    applicants.require_debtor(application, by)
    assert application.loan_id is not None, "a mandate is about a loan"
    loan = loans.lock(session, application.loan_id)
    for order in debit_orders.of_loan(session, loan.id):
        if order.status is DebitStatus.PLANNED:
            debit_orders.cancel(session, order.id, reason="the mandate ended", by=by, at=at)
    ended = repayment_cards.end(session, loan.debtor_ref, at=at)
    if ended is not None:
        body = {"card_id": str(ended.id), "by": str(by)}
        events.append(session, "repayment_card.ended", subject=loan.debtor_ref, at=at, body=body)


def _text(*, on: date) -> MandateText:
    for candidate in reversed(_texts()):
        if candidate.in_force <= on:
            return candidate
    raise LookupError(f"no words of a mandate were in force on {on}")


@cache
def _texts() -> tuple[MandateText, ...]:
    parsed = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    return tuple(
        MandateText(version=row["version"], in_force=row["in_force"], words=row)
        for row in sorted(parsed["version"], key=lambda row: row["in_force"])
    )
