"""Contracts: signed once, by the debtor, after reading, with a code of his own; then money may go."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from disbursement import borrowers, loans
from disbursement.orders import LegOrder, LoanOrder
from kernel import events, ids, moves, sealing
from kernel.actors import Actor
from kernel.clock import business_day
from kernel.personal import Mobile
from kernel.rates import Rate
from kernel.refusals import Refused
from origination import applicants, codes, consents, contract_paper, offers, requotes
from origination.codes import CodeAnswer, CodeSent, CodeUse
from origination.records.applications import (
    APPLICATION_MOVES,
    Application,
    ApplicationCard,
    ApplicationStatus,
)
from origination.records.codes import CodePurpose, NetworkAddress, OneTimeCode
from origination.records.contracts import Contract, Paper
from origination.records.debtors import Debtor
from origination.records.offers import OFFER_MOVES, Offer, OfferStatus

CODE_GOOD_FOR: Final = timedelta(minutes=10)
"""How long an accepted code may wait for the signature it was entered for."""
_BEFORE_SIGNING: Final = frozenset({ApplicationStatus.OFFERED, ApplicationStatus.REQUOTE})


class NotReadYet(Refused):
    """The offer was not open long enough to be read."""

    status = HTTPStatus.CONFLICT
    code = "not_read_yet"
    title = "Please read the offer before you sign"
    title_zh = "请先阅读方案全文再签署"

    def __init__(self, seconds_left: int) -> None:
        super().__init__(f"{seconds_left} seconds of reading time are left")
        self.seconds_left = seconds_left


class CodeNeeded(Refused):
    """No code for this very offer was entered just now."""

    status = HTTPStatus.FORBIDDEN
    code = "signing_code_needed"
    title = "Enter the code that was sent to you for this contract"
    title_zh = "请输入为本合同发送的短信验证码"


class SignedAlready(Refused):
    """The offer is signed; it is not signed twice."""

    status = HTTPStatus.CONFLICT
    code = "signed_already"
    title = "This contract is signed already"
    title_zh = "该合同已签署"


class GlyphMissing(Refused):
    """The contract holds a character that its font cannot show, so it would not say what it says."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "glyph_missing"
    title = "A character of your name cannot be printed; our staff will help you to sign"
    title_zh = "您的姓名含有暂无法打印的汉字，请联系客服协助签署"


class NoSuchContract(Refused):
    """Nothing was signed."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_contract"
    title = "There is no signed contract"
    title_zh = "没有已签署的合同"


def send_code(
    session: Session,
    application: Application,
    *,
    address: NetworkAddress,
    by: Actor,
    at: datetime,
) -> CodeSent:
    """Send the debtor a code that signs his open offer and nothing else.

    Raises:
        OnlyTheDebtor: somebody else asks for it.
        NoSuchOffer: none is open.
        OfferExpired: its time is over.
        TooManyCodes: it was asked for too often.
    """
    applicants.require_debtor(application, by)
    offer = offers.current(session, application)
    offers.require_open(offer, at=at)
    return codes.send(
        session,
        _mobile(session, application, by=by, at=at),
        _use(offer),
        address=address,
        locale=application.locale,
        at=at,
    )


def check_code(
    session: Session, application: Application, entered: str, *, by: Actor, at: datetime
) -> CodeAnswer:
    """Try the code for the open offer; whatever comes of it must be committed.

    Nothing is tried, and no try is lost, while the offer could not be signed anyway.

    Raises:
        OnlyTheDebtor: somebody else tries.
        CodeMalformed: it is not six digits.
        NotReadYet: the reading time is not over.
        SignedAlready: the offer is signed.
        NoSuchOffer: none is open.
        OfferExpired: its time is over.
    """
    offer = _signable(session, application, by=by, at=at)
    mobile = _mobile(session, application, by=by, at=at)
    return codes.check(session, mobile, entered, use=_use(offer), at=at)


def sign(
    session: Session,
    application: Application,
    *,
    evidence: Mapping[str, str],
    by: Actor,
    at: datetime,
) -> Contract:
    """Sign the open offer and hand the loan down, in one transaction.

    Raises:
        OnlyTheDebtor: somebody else tries to sign.
        SignedAlready: it is signed.
        NoSuchOffer: none is open.
        OfferExpired: its time is over.
        NotReadYet: the reading time is not over.
        CodeNeeded: no code for this offer was accepted within the last ten minutes.
        ConsentMissing: a consent without which nobody may go on was taken back.
        EvidenceRefused: the evidence is too long or holds long runs of digits.
        GlyphMissing: the paper could not show every character.
        Refused: the order breaks a rule of `loans.place`.
    """
    offer = _signable(session, application, by=by, at=at)
    consents.require(session, application, needed=consents.NEEDED_TO_DECIDE)
    consents.require_plain(evidence)
    code = _accepted_code(session, application, offer, at=at)
    paper = _paper(session, application, offer, by=by, at=at)
    if contract_paper.missing_glyphs(contract_paper.everything_printed(paper)):
        raise GlyphMissing()
    contract = _written(application, offer, code, paper, evidence=evidence)
    session.add(contract)
    session.flush()
    _move_on(session, application, offer, by=by, at=at)
    if application.loan_id is None:
        _place(session, application, offer, contract, by=by, at=at)
    else:
        requotes.signed(session, offer, contract, loan_id=application.loan_id, by=by, at=at)
    events.append(
        session,
        "offer.signed",
        subject=application.id,
        at=at,
        body={"offer_id": str(offer.id), "contract_sha256": contract.sha256},
    )
    return contract


def latest(session: Session, application: Application) -> Contract:
    """Give the contract that was signed last.

    Raises:
        NoSuchContract: none was signed.
    """
    found = session.scalars(
        select(Contract)
        .where(Contract.application_id == application.id)
        .order_by(Contract.signed_at.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NoSuchContract()
    return found


def pdf(session: Session, contract: Contract, *, by: Actor, at: datetime) -> bytes:
    """Open a signed contract, leaving an audit row, and see that it is the one that was signed."""
    paper = sealing.reveal(
        session, contract.pdf, subject=contract.id, purpose="show the contract", by=by, at=at
    )
    content = paper.pdf
    assert hashlib.sha256(content).hexdigest() == contract.sha256, "the contract was changed"
    return content


def _signable(session: Session, application: Application, *, by: Actor, at: datetime) -> Offer:
    applicants.require_debtor(application, by)
    applicants.lock(session, application)
    newest = offers.latest(session, application)
    if newest is not None and newest.status is OfferStatus.SIGNED:
        raise SignedAlready()
    offer = offers.current(session, application)
    session.refresh(offer, with_for_update=True)
    offers.require_open(offer, at=at)
    if application.status not in _BEFORE_SIGNING:
        raise moves.MoveRefused("application", application.status, ApplicationStatus.SIGNED)
    _require_read(offer, at=at)
    return offer


def _require_read(offer: Offer, *, at: datetime) -> None:
    wanted = offers.reading_seconds(at)
    read = 0 if offer.read_from_at is None else int((at - offer.read_from_at).total_seconds())
    if offer.read_from_at is None or read < wanted:
        raise NotReadYet(wanted - read)


def _use(offer: Offer) -> CodeUse:
    return CodeUse(purpose=CodePurpose.SIGN_CONTRACT, subject_id=offer.id)


def _mobile(session: Session, application: Application, *, by: Actor, at: datetime) -> Mobile:
    debtor = session.get_one(Debtor, application.debtor_id)
    return sealing.reveal(
        session, debtor.mobile, subject=debtor.id, purpose="sign by code", by=by, at=at
    )


def _accepted_code(
    session: Session, application: Application, offer: Offer, *, at: datetime
) -> UUID:
    debtor = session.get_one(Debtor, application.debtor_id)
    used = session.scalar(
        select(OneTimeCode.id)
        .where(
            OneTimeCode.purpose == CodePurpose.SIGN_CONTRACT,
            OneTimeCode.subject_id == offer.id,
            OneTimeCode.mobile_index == debtor.mobile_index,
            OneTimeCode.used_at >= at - CODE_GOOD_FOR,
            OneTimeCode.used_at <= at,
        )
        .order_by(OneTimeCode.used_at.desc())
        .limit(1)
    )
    if used is None:
        raise CodeNeeded()
    return used


def _paper(
    session: Session, application: Application, offer: Offer, *, by: Actor, at: datetime
) -> contract_paper.Paper:
    debtor = session.get_one(Debtor, application.debtor_id)
    assert offer.read_from_at is not None, "an offer is read before it is signed"
    purpose = "write the contract"
    return contract_paper.Paper(
        number=offer.id.hex[:20].upper(),
        text=contract_paper.text(on=business_day(at)),
        locale=application.locale,
        debtor=sealing.reveal(
            session, debtor.name, subject=debtor.id, purpose=purpose, by=by, at=at
        ),
        national_id=sealing.reveal(
            session, debtor.national_id, subject=debtor.id, purpose=purpose, by=by, at=at
        ),
        disclosure=offers.shown(offer),
        disclosure_sha256=offer.disclosure_sha256,
        read_from_at=offer.read_from_at,
        signed_at=at,
    )


def _written(
    application: Application,
    offer: Offer,
    code: UUID,
    paper: contract_paper.Paper,
    *,
    evidence: Mapping[str, str],
) -> Contract:
    content = contract_paper.render(paper)
    return Contract(
        id=ids.derived(offer.id, "contract"),
        offer_id=offer.id,
        application_id=application.id,
        pdf=sealing.seal(Paper.of(content)),
        sha256=hashlib.sha256(content).hexdigest(),
        template_version=paper.text.version,
        locale=application.locale,
        code_id=code,
        evidence={
            **evidence,
            "disclosure_sha256": paper.disclosure_sha256,
            "read_from_at": paper.read_from_at.isoformat(),
        },
        order_id=ids.derived(application.id, "order"),
        signed_at=paper.signed_at,
    )


def _move_on(
    session: Session, application: Application, offer: Offer, *, by: Actor, at: datetime
) -> None:
    before = session.scalars(
        select(Offer).where(
            Offer.application_id == application.id, Offer.status == OfferStatus.SIGNED
        )
    )
    for replaced in before:
        moves.advance(session, replaced, OfferStatus.SUPERSEDED, table=OFFER_MOVES, by=by, at=at)
    moves.advance(session, offer, OfferStatus.SIGNED, table=OFFER_MOVES, by=by, at=at)
    moves.advance(
        session, application, ApplicationStatus.SIGNED, table=APPLICATION_MOVES, by=by, at=at
    )


def _place(
    session: Session,
    application: Application,
    offer: Offer,
    contract: Contract,
    *,
    by: Actor,
    at: datetime,
) -> None:
    assert application.debtor_id is not None, "an offer is made to a known debtor"
    debtor = session.get_one(Debtor, application.debtor_id)
    entered = {
        card.id: card
        for card in session.scalars(
            select(ApplicationCard).where(ApplicationCard.application_id == application.id)
        )
    }
    order = LoanOrder(
        order_id=contract.order_id,
        application_ref=application.id,
        debtor_ref=debtor.id,
        funder_code=offer.funder_code,
        product_code=offer.product_code,
        product_version=offer.product_version,
        months=offer.months,
        annual_rate=Rate(offer.annual_rate),
        legs=tuple(
            LegOrder(
                card_ref=card.card_id,
                issuer_code=card.issuer_code,
                card=entered[card.card_id].number,
                payee=debtor.name,
                ceiling=card.ceiling,
            )
            for card in offers.covered(session, offer)
        ),
        contract_sha256=contract.sha256,
        signed_at=at,
        penalty=offers.penalty(offer),
    )
    borrowers.keep(session, debtor.id, name=debtor.name, national_id=debtor.national_id, at=at)
    application.loan_id = loans.place(session, order, by=by, at=at).id
    session.flush()
