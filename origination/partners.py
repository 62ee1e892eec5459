"""The partners the front of the house calls: the SMS gateway and the identity check."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from kernel.outbound import Garbled, Outbound, Reply
from kernel.personal import Mobile
from origination.identities import Identity, IdentityAnswer
from origination.records.messages import MessageText

PARTNER_NUMBER_MAX: Final = 64


class PartnerRefused(Exception):
    """The partner answered, and its answer was no; the text holds its status alone."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the partner answered with status {status}")
        self.http_status = status


class SmsGateway:
    """The way to the SMS gateway."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def send(self, mobile: Mobile, text: MessageText, *, reference: str) -> str:
        """Hand a message over and give the gateway's number; one reference is one message.

        Raises:
            NoAnswer: nobody knows whether the gateway took it: send the same reference again.
            Garbled: the answer cannot be read: the same.
            PartnerRefused: the gateway did not take it.
        """
        reply = self._outbound.post_json(
            "/sms/messages",
            {"mobile": mobile.plain, "text": text.plain, "reference": reference},
        )
        return _number(_accepted(reply, HTTPStatus.ACCEPTED), "message_id")


class IdentityCheck:
    """The way to the identity partner."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def check(self, identity: Identity) -> IdentityAnswer:
        """Ask whether name, ID number, mobile and, where given, card belong to one person.

        Raises:
            NoAnswer: no whole answer came.
            Garbled: the answer cannot be read.
            PartnerRefused: the partner did not answer the question.
        """
        body = {
            "national_id": identity.national_id.plain,
            "name": identity.name.plain,
            "mobile": identity.mobile.plain,
        }
        if identity.card is not None:
            body["card_number"] = identity.card.plain
        answer = _accepted(self._outbound.post_json("/identity/checks", body), HTTPStatus.OK)
        return IdentityAnswer(
            check_no=_number(answer, "check_no"),
            matches=_flag(answer, "matches"),
            deceased=_flag(answer, "deceased"),
        )


def _accepted(reply: Reply, status: HTTPStatus) -> dict[str, Any]:
    if reply.status != status:
        raise PartnerRefused(reply.status)
    return reply.json()


def _number(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= PARTNER_NUMBER_MAX:
        raise Garbled(f"the answer has no {name}")
    return value


def _flag(answer: dict[str, Any], name: str) -> bool:
    value = answer.get(name)
    if not isinstance(value, bool):
        raise Garbled(f"the answer has no {name}")
    return value
