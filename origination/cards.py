"""Cards of an application: the debtor alone enters the full number, and a number stands once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from disbursement import issuing_banks
from disbursement.issuing_banks import CardHint, CardKind
from kernel import ids, moves
from kernel.actors import Actor
from kernel.personal import CardNumber
from kernel.refusals import Refused
from kernel.sealing import blind_index, seal
from origination import applicants
from origination.records.applications import (
    APPLICATION_MOVES,
    Application,
    ApplicationCard,
    ApplicationStatus,
)

CARDS_MAX: Final = 12
"""Which cards to clear is chosen exactly; beyond a dozen the choice would take too long."""
MAY_CHANGE: Final = frozenset(
    {
        ApplicationStatus.CONSENTED,
        ApplicationStatus.CARDS_ENTERED,
        ApplicationStatus.BUDGET_ENTERED,
    }
)


class DebitCardRefused(Refused):
    """The card is a debit card: there is no debt on it to clear."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "debit_card"
    title = "This is a debit card; enter the credit card whose debt is to be cleared"
    title_zh = "这是借记卡（储蓄卡），请填写要偿还欠款的信用卡卡号"


class CardInUse(Refused):
    """The card stands in a live application already; which one is not told."""

    status = HTTPStatus.CONFLICT
    code = "card_in_use"
    title = "This card stands in an application already"
    title_zh = "该卡已在办理中的申请里"


class TooManyCards(Refused):
    """The application holds as many cards as it may."""

    status = HTTPStatus.CONFLICT
    code = "too_many_cards"
    title = f"An application holds at most {CARDS_MAX} cards"
    title_zh = f"一次申请最多填写{CARDS_MAX}张卡"


class UnknownIssuer(Refused):
    """The bank chosen for the card is none we know."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "unknown_issuer"
    title = "Choose the card's bank from the list"
    title_zh = "请从列表中选择发卡银行"


class NoSuchCard(Refused):
    """The application has no such card."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_card"
    title = "There is no such card in this application"
    title_zh = "申请中没有这张卡"


def enter(
    session: Session,
    application: Application,
    number: CardNumber,
    *,
    stated_issuer: str | None = None,
    by: Actor,
    at: datetime,
) -> ApplicationCard:
    """Add a card; the same number again in the same application is the card that is there.

    A number nobody recognises, or whose check digit disagrees, is kept for verification: the
    issuer is asked later. `stated_issuer` is the bank the debtor chose himself.

    Raises:
        OnlyTheDebtor: an agency or a member of staff types the number.
        MoveRefused: consents are missing, or the application was submitted.
        DebitCardRefused: its first digits are a debit card's.
        UnknownIssuer: the chosen bank is not on the list.
        CardInUse: another live application holds it.
        TooManyCards: twelve are entered already.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    _require_changeable(application, "hold another card")
    hint = _hint(number, stated_issuer)
    entered = listed(session, application)
    index = blind_index(number)
    known = next((card for card in entered if card.number_index == index), None)
    if known is not None:
        return known
    if len(entered) >= CARDS_MAX:
        raise TooManyCards()
    card = _made(application, number, hint, stated_issuer=stated_issuer, at=at)
    card.position = _next_position(session, application)
    _hold(session, card)
    application.touched_at = at
    if application.status is ApplicationStatus.CONSENTED:
        moves.advance(
            session,
            application,
            ApplicationStatus.CARDS_ENTERED,
            table=APPLICATION_MOVES,
            by=by,
            at=at,
        )
    return card


def remove(
    session: Session, application: Application, card_id: UUID, *, by: Actor, at: datetime
) -> None:
    """Take a card out of an application that is not submitted yet.

    Raises:
        OnlyTheDebtor: somebody else tries.
        MoveRefused: the application was submitted or is closed.
        NoSuchCard: the application has no such card.
    """
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    _require_changeable(application, "lose a card")
    card = next((c for c in listed(session, application) if c.id == card_id), None)
    if card is None:
        raise NoSuchCard()
    card.removed_at = at
    card.live = False
    application.touched_at = at
    session.flush()


def listed(session: Session, application: Application) -> Sequence[ApplicationCard]:
    """List the cards that stand in an application, in the order they were entered."""
    return session.scalars(
        select(ApplicationCard)
        .where(
            ApplicationCard.application_id == application.id,
            ApplicationCard.removed_at.is_(None),
        )
        .order_by(ApplicationCard.position)
    ).all()


def hold_again(session: Session, application: Application) -> None:
    """Hold the cards of a closed application once more, as for a review after a decline.

    Raises:
        CardInUse: one of them stands in another application meanwhile.
    """
    for card in listed(session, application):
        _hold(session, card)


def release(session: Session, application: Application) -> None:
    """Let the cards of a closed application stand in another one."""
    for card in listed(session, application):
        card.live = False
    session.flush()


def _require_changeable(application: Application, wanted: str) -> None:
    if application.status not in MAY_CHANGE:
        raise moves.MoveRefused("application", application.status, wanted)


def _hint(number: CardNumber, stated_issuer: str | None) -> CardHint:
    hint = issuing_banks.recognise(number)
    if hint.kind is CardKind.DEBIT:
        raise DebitCardRefused()
    if stated_issuer is not None and stated_issuer not in issuing_banks.codes():
        raise UnknownIssuer()
    return hint


def _made(
    application: Application,
    number: CardNumber,
    hint: CardHint,
    *,
    stated_issuer: str | None,
    at: datetime,
) -> ApplicationCard:
    contradicted = stated_issuer is not None and hint.issuer_code not in {None, stated_issuer}
    return ApplicationCard(
        id=ids.new(),
        application_id=application.id,
        number=seal(number),
        number_index=blind_index(number),
        bin=number.plain[:6],
        last4=number.last4,
        issuer_code=hint.issuer_code or stated_issuer,
        kind=hint.kind,
        passes_luhn=hint.luhn_ok,
        needs_verification=hint.needs_verification or contradicted,
        entered_at=at,
        live=False,
    )


def _next_position(session: Session, application: Application) -> int:
    last = session.scalar(
        select(func.max(ApplicationCard.position)).where(
            ApplicationCard.application_id == application.id
        )
    )
    return 0 if last is None else last + 1


def _hold(session: Session, card: ApplicationCard) -> None:
    """Write a live card; the index decides a race that no look-up could."""
    try:
        with session.begin_nested():
            card.live = True
            session.add(card)
            session.flush()
    except IntegrityError as fault:
        if "uq_application_card_number_live" not in str(fault.orig):
            raise
        raise CardInUse() from None
