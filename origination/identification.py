"""The edge of proving an identity: count the try, ask the partner, keep the answer."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from kernel.db import transaction
from kernel.outbound import Garbled, NoAnswer
from kernel.refusals import Refused
from kernel.surroundings import Surroundings
from origination import debtors
from origination.debtors import Entered
from origination.partners import IdentityCheck, PartnerRefused
from origination.records.debtors import Debtor
from origination.records.referrals import Referral


class IdentityCheckSilent(Refused):
    """The partner gave no usable answer; nothing entered is lost."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "identity_check_silent"
    title = "Your identity cannot be checked at the moment: please try again in a few minutes"
    title_zh = "身份核验暂时无法完成，请几分钟后再试"


def identify(surroundings: Surroundings, referral_id: UUID, entered: Entered) -> Debtor:
    """Prove who a person is, with the partner's call between two transactions.

    Raises:
        IdentityFaulty: an element is not right.
        TooManyIdentityTries: too often today.
        IdentityNotConfirmed: the partner does not confirm.
        IdentityCheckSilent: the partner gave no usable answer.
        InvitationOver: the invitation is over.
    """
    identity = debtors.read(entered)
    with transaction() as session:
        referral = session.get_one(Referral, referral_id)
        made = debtors.prepare(session, referral, identity, at=surroundings.clock.now())
    try:
        answer = IdentityCheck(surroundings.outbound["identity"]).check(identity)
    except (NoAnswer, Garbled, PartnerRefused):
        raise IdentityCheckSilent() from None
    with transaction() as session:
        debtor = debtors.record(session, made.id, identity, answer, at=surroundings.clock.now())
    return debtors.require(debtor)
