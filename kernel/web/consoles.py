"""What every console of the staff shares: who is there, where one may go, what was refused.

A floor's console is a blueprint that `furnish` gives its sections; its templates extend
`console.html`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from kernel.actors import Actor, Role
from kernel.records import Staff
from kernel.refusals import Refused
from kernel.web.access import signed_in_staff
from kernel.web.around import say

STAFF_MAX: Final = 1_000
NOT_OF_THE_FILTERS: Final = frozenset({"after", "format", "done", "lang"})

Words = tuple[str, str]
"""A word in Chinese and in English."""
WordsOf = Mapping[type[StrEnum], Mapping[Any, Words]]

ROLES: Final[Mapping[Role, Words]] = {
    Role.FINANCE_MAKER: ("财务制单", "Finance maker"),
    Role.FINANCE_CHECKER: ("财务复核", "Finance checker"),
    Role.RISK_OFFICER: ("风控", "Risk officer"),
    Role.OPERATOR: ("运维", "Operator"),
    Role.AGENCY: ("机构", "Agency"),
    Role.DEBTOR: ("债务人", "Debtor"),
    Role.SYSTEM: ("系统", "System"),
    Role.COUNTERPARTY: ("合作方", "Counterparty"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One entry of a console's navigation."""

    key: str
    endpoint: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class People:
    """The staff by name; whoever else acted is shown by what he is."""

    by_id: Mapping[str, Staff]

    def name(self, actor: str | None) -> str:
        """Name an actor, written as ``role:id`` or as the id of a person alone."""
        if not actor:
            return ""
        role, found, identity = actor.partition(":")
        person = self.by_id.get(identity if found else actor)
        if person is not None:
            return person.display_name
        if not found or role not in set(Role):
            return actor
        if role == Role.SYSTEM:
            return f"{say(*ROLES[Role.SYSTEM])} · {identity}"
        if role in {Role.DEBTOR, Role.AGENCY, Role.COUNTERPARTY}:
            return say(*ROLES[Role(role)])
        return identity

    def of_roles(self, roles: frozenset[Role]) -> list[tuple[str, str]]:
        """List id and name of those who work in one of these roles, for a pick list."""
        return sorted(
            (
                (identity, f"{one.display_name}（{say(*ROLES[one.role])}）")
                for identity, one in self.by_id.items()
                if one.role in roles and one.active
            ),
            key=lambda pair: pair[1],
        )

    def actor(self, identity: str) -> Actor | None:
        """Give a person who works here as an actor; None when there is nobody of this id."""
        person = self.by_id.get(identity)
        return Actor(person.role, identity) if person is not None and person.active else None


def people(session: Session) -> People:
    """Read who works, or worked, here."""
    found = session.scalars(select(Staff).order_by(Staff.hired_at.desc()).limit(STAFF_MAX))
    return People({str(one.id): one for one in found})


def furnish(blueprint: Blueprint, sections: Sequence[Section], words: WordsOf) -> None:
    """Give the templates of a console its sections, who is signed in, and its words."""

    def word(member: StrEnum) -> str:
        return say(*words[type(member)][member])

    def known() -> dict[str, Any]:
        person = signed_in_staff()
        return {
            "sections": sections,
            "person": person,
            "person_role": say(*ROLES[person.role]) if person is not None else "",
            "word": word,
            "here": here,
        }

    blueprint.context_processor(known)


def here(**changes: str | None) -> str:
    """Give the address of this list with its filters, and some of them changed."""
    kept = {k: v for k, v in request.args.items() if k not in NOT_OF_THE_FILTERS and v}
    values = {k: v for k, v in {**kept, **changes}.items() if v}
    assert request.endpoint is not None
    return url_for(request.endpoint, **{**(request.view_args or {}), **values})


def tried(session: Session, verb: Callable[[], object]) -> Refused | None:
    """Run a verb and give back its refusal, with nothing done, to be shown where it was asked.

    Raises:
        Refused: what was asked about does not exist.
    """
    try:
        with session.begin_nested():
            verb()
    except Refused as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            raise
        session.expire_all()
        return refused
    return None
