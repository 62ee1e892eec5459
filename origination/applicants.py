"""Who may act on an application, and how one takes hold of it."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from sqlalchemy.orm import Session

from kernel.actors import Actor, Role
from kernel.refusals import Refused
from origination.records.applications import Application


class NoSuchApplication(Refused):
    """There is no such application, or none that the caller may see."""

    status = HTTPStatus.NOT_FOUND
    code = "no_such_application"
    title = "There is no such application"
    title_zh = "没有找到该申请"


class OnlyTheDebtor(Refused):
    """Only the debtor himself may do this."""

    status = HTTPStatus.FORBIDDEN
    code = "only_the_debtor"
    title = "Only the applicant himself may do this"
    title_zh = "只能由申请人本人操作"


def get(session: Session, application_id: UUID) -> Application:
    """Find an application.

    Raises:
        NoSuchApplication: there is none.
    """
    found = session.get(Application, application_id)
    if found is None:
        raise NoSuchApplication()
    return found


def lock(session: Session, application: Application) -> None:
    """Hold an application to the end of the transaction and read it anew."""
    session.refresh(application, with_for_update=True)


def require_debtor(application: Application, by: Actor) -> None:
    """Go on only for the debtor himself.

    He is known by the debtor's identity, or by the referral whose link he came through: a session
    that began before his identity was proven goes on afterwards.

    Raises:
        OnlyTheDebtor: an agency, a member of staff or another debtor acts.
    """
    own = {str(application.debtor_id), str(application.referral_id)}
    if by.role is not Role.DEBTOR or by.id not in own:
        raise OnlyTheDebtor()
