"""The agencies' door: signed JSON to refer cases and to ask for the state of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from flask import url_for
from marshmallow import Schema, fields
from sqlalchemy.orm import Session
from typing_extensions import override

from kernel.db import transaction
from kernel.refusals import FieldFault, Refused
from kernel.web.access import actor, agencies_only, agency_id
from kernel.web.api import Blueprint
from kernel.web.around import now
from kernel.web.bodies import takes
from kernel.web.fields import InstantField
from kernel.web.idempotency import idempotent
from origination import agencies, agency_states, referral_forms, referrals
from origination.agencies import AgencySuspended, UnknownAgency
from origination.records.referrals import HardshipReason, Locale, Referral
from origination.records.webhooks import AgencyState
from origination.referral_forms import (
    CASE_NO_MAX,
    COUNT_MAX,
    NOTE_MAX,
    PROOF_MAX,
    ReferralFaulty,
    ReferralIn,
)

BATCH_MAX: Final = 200
BATCH_BYTES_MAX: Final = 512 * 1024

blueprint = Blueprint(
    "referrals",
    __name__,
    url_prefix="/v1/referrals",
    description="Refer debtors who are willing to repay and cannot at once",
)


class CountsSchema(Schema):
    """Counts that show the will to repay; at least one but `promises_made` is above zero."""

    promises_made = fields.Integer(metadata={"minimum": 0, "maximum": COUNT_MAX})
    promises_kept = fields.Integer(metadata={"minimum": 0, "maximum": COUNT_MAX})
    partial_payments_90d = fields.Integer(metadata={"minimum": 0, "maximum": COUNT_MAX})
    inbound_contacts_90d = fields.Integer(metadata={"minimum": 0, "maximum": COUNT_MAX})


class ReferralSchema(Schema):
    """One case; ID numbers, full card numbers and mail addresses are refused anywhere in it."""

    case_no = fields.String(
        required=True, metadata={"maxLength": CASE_NO_MAX, "examples": ["BC-2026-000123"]}
    )
    mobile = fields.String(required=True, metadata={"examples": ["13900000001"]})
    masked_name = fields.String(required=True, metadata={"examples": ["张**"]})
    card_bin = fields.String(required=True, metadata={"pattern": "^[0-9]{6,8}$"})
    card_last4 = fields.String(required=True, metadata={"pattern": "^[0-9]{4}$"})
    hardship_reason = fields.Enum(HardshipReason, by_value=True, required=True)
    hardship_since = fields.Date()
    willingness = fields.Nested(CountsSchema, required=True)
    contact_consent_at = fields.AwareDateTime(required=True)
    contact_consent_proof = fields.String(required=True, metadata={"maxLength": PROOF_MAX})
    locale = fields.Enum(Locale, by_value=True, load_default=Locale.ZH)
    collector_no = fields.String(
        metadata={
            "maxLength": CASE_NO_MAX,
            "description": "your own number of whoever refers the case, never a name",
        }
    )
    stated_balance = fields.String(
        metadata={"examples": ["12000.00"], "description": "in yuan, as your papers say"}
    )
    hardship_note = fields.String(
        metadata={
            "maxLength": NOTE_MAX,
            "description": "the hardship in words; compared with other cases and not kept",
        }
    )

    @override
    def load(self, data: Any, **_: Any) -> ReferralIn:
        """Read by the one reader that files are read by too; the fields above describe it."""
        return referral_forms.parse(data)


class BatchSchema(Schema):
    """Up to 200 cases; a faulty one does not hold the others back."""

    referrals = fields.List(
        fields.Nested(ReferralSchema),
        required=True,
        metadata={"minItems": 1, "maxItems": BATCH_MAX},
    )

    @override
    def load(self, data: Any, **_: Any) -> Sequence[object]:
        """Read the envelope; the cases are read one by one."""
        unknown = [] if not isinstance(data, Mapping) else [n for n in data if n != "referrals"]
        cases = data.get("referrals") if isinstance(data, Mapping) else None
        if not isinstance(cases, list) or not 1 <= len(cases) <= BATCH_MAX or unknown:
            raise ReferralFaulty(
                (FieldFault("/referrals", f"send one list of 1 to {BATCH_MAX} cases, alone"),)
            )
        return cases


class CaseView(Schema):
    """What an agency may know of its own case."""

    case_no = fields.String(required=True)
    state = fields.Enum(AgencyState, by_value=True, required=True)
    received_at = InstantField(required=True)


class FaultView(Schema):
    """One faulty place."""

    pointer = fields.String(required=True)
    detail = fields.String(required=True)


class ResultView(Schema):
    """What came of one case of a batch."""

    position = fields.Integer(required=True, metadata={"description": "0-based place in the list"})
    outcome = fields.String(required=True, metadata={"enum": ["created", "existing", "refused"]})
    case_no = fields.String(metadata={"description": "missing where the case was refused"})
    state = fields.Enum(AgencyState, by_value=True)
    code = fields.String(metadata={"description": "kind of the refusal"})
    title = fields.String()
    errors = fields.List(fields.Nested(FaultView))


class BatchView(Schema):
    """What came of each case, in the order sent."""

    results = fields.List(fields.Nested(ResultView), required=True)


@blueprint.post("")
@idempotent
@agencies_only
@blueprint.arguments(ReferralSchema)
@blueprint.response(201, CaseView)
@blueprint.alt_response(200, schema=CaseView, description="the same case was referred before")
@blueprint.alt_response(403, description="the agency is suspended")
@blueprint.alt_response(409, description="the case has other content, or the card waits already")
@blueprint.alt_response(422, description="faults, each with its place and remedy")
def receive(form: ReferralIn, *, session: Session) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Refer one case. The same case with the same content is the one we have."""
    received = referrals.receive(session, agency_id(), form, by=actor(), at=now())
    where = url_for("referrals.show", case_no=received.referral.case_no)
    status = 201 if received.created else 200
    return _shown(session, received.referral), status, {"Location": where}


@blueprint.post("/batch")
@takes(bytes_max=BATCH_BYTES_MAX)
@idempotent
@agencies_only
@blueprint.arguments(BatchSchema)
@blueprint.response(200, BatchView)
@blueprint.alt_response(403, description="the agency is suspended")
@blueprint.alt_response(422, description="not one list of 1 to 200 cases")
def receive_batch(cases: Sequence[object], *, session: Session) -> dict[str, Any]:
    """Refer up to 200 cases. Each is taken or refused by itself."""
    agencies.lock_active(session, agency_id())
    return {"results": list(_results(session, cases))}


@blueprint.get("/<case_no>")
@agencies_only
@blueprint.response(200, CaseView)
@blueprint.alt_response(404, description="you have no such case")
def show(case_no: str) -> dict[str, Any]:
    """Tell the state of one of the agency's own cases."""
    with transaction() as session:
        return _shown(session, referrals.find(session, agency_id(), case_no))


def _results(session: Session, cases: Sequence[object]) -> Iterator[dict[str, Any]]:
    for position, case in enumerate(cases):
        try:
            form = referral_forms.parse(case)
            received = referrals.receive(session, agency_id(), form, by=actor(), at=now())
        except (AgencySuspended, UnknownAgency):
            raise
        except Refused as refused:
            yield _refusal(position, refused)
        else:
            outcome = "created" if received.created else "existing"
            yield {"position": position, "outcome": outcome, **_shown(session, received.referral)}


def _refusal(position: int, refused: Refused) -> dict[str, Any]:
    faults = refused.faults or (FieldFault("", refused.detail or refused.title),)
    return {
        "position": position,
        "outcome": "refused",
        "code": refused.code,
        "title": refused.title,
        "errors": [
            {"pointer": f"/referrals/{position}{fault.pointer}", "detail": fault.detail}
            for fault in faults
        ],
    }


def _shown(session: Session, referral: Referral) -> dict[str, Any]:
    return {
        "case_no": referral.case_no,
        "state": agency_states.present(session, referral, at=now()),
        "received_at": referral.received_at,
    }
