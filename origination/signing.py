"""The edge of signing: the try of the code is kept, whatever comes of it; then the contract."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from kernel.actors import Actor
from kernel.db import transaction
from kernel.surroundings import Surroundings
from origination import applicants, codes, contracts
from origination.records.contracts import Contract


def sign(
    surroundings: Surroundings,
    application_id: UUID,
    entered: str,
    *,
    evidence: Mapping[str, str],
    by: Actor,
) -> Contract:
    """Check the code in one transaction and sign in another, so that a wrong code costs a try.

    Raises:
        CodeWrong: the digits are not those of the latest code.
        CodeDead: there is no code to be entered any more.
        Refused: whatever `contracts.check_code` and `contracts.sign` refuse.
    """
    at = surroundings.clock.now()
    with transaction() as session:
        application = applicants.get(session, application_id)
        answer = contracts.check_code(session, application, entered, by=by, at=at)
    codes.require(answer)
    with transaction() as session:
        application = applicants.get(session, application_id)
        return contracts.sign(session, application, evidence=evidence, by=by, at=at)
