"""One debtor who uses the real pages: he opens links, fills forms in and reads his messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

import requests
from sqlalchemy import select

from demo.debtors import CONTRACT_CODE, LINK, SIGN_IN_CODE, Applicant, address
from demo.people import Person
from demo.town import Town
from kernel import sealing
from kernel.actors import Actor, Role
from kernel.db import transaction
from origination.records.applications import Application
from origination.records.debtors import Debtor

WAIT_SECONDS: Final = 30
CONSENTS_AFTER_IDENTITY: Final = 4


class PageDiffers(RuntimeError):
    """A page did not lead where the story goes on."""


class Telephone:
    """A browser without scripts for one person."""

    def __init__(self, site: str, town: Town, person: Person) -> None:
        self._site = site.rstrip("/")
        self._town = town
        self.person = person
        self._http = requests.Session()
        self._http.trust_env = False
        self._page = ""
        self._path = "/"
        self.pages_seen = 0

    def apply(self, *, number: int) -> Applicant:
        """Walk from the invitation to the submitted application."""
        self._open(f"/i/{self._town.wait_for_message(self.person, LINK)}")
        self._send(answer="start")
        self._send(mobile=self.person.mobile.plain)
        code = self._town.wait_for_message(self.person, SIGN_IN_CODE)
        self._send("/code", code=code)
        self._send(answer="agree")
        self._send(name=self.person.name.plain, national_id=self.person.national_id.plain)
        for _ in range(CONSENTS_AFTER_IDENTITY):
            self._send(answer="agree")
        self._send(answer="refuse")
        self._enter_cards()
        self._enter_budget()
        self._send()
        if not self._path.startswith("/apply/waiting"):
            raise PageDiffers(f"submitting led to {self._path}")
        return self._applicant(number)

    def begin_reading(self) -> bool:
        """Come back, signing in again if need be, and open the offer, if there is one."""
        self._open("/resume")
        if self._path == "/resume":
            self._send(mobile=self.person.mobile.plain)
            code = self._town.wait_for_message(self.person, SIGN_IN_CODE)
            self._send("/code", code=code)
        self._open("/my")
        return self._path == "/offer"

    def sign(self) -> None:
        """Read the contract and sign it by the code that comes to the telephone."""
        self._open("/contract")
        self._send("/contract/code")
        code = self._town.wait_for_message(self.person, CONTRACT_CODE)
        self._send("/contract/sign", code=code)
        if self._path not in {"/contract/signed", "/progress"}:
            raise PageDiffers(f"signing led to {self._path}")

    def _enter_cards(self) -> None:
        for position, card in enumerate(self.person.cards):
            if position:
                self._open("/apply/cards/add")
            self._send(number=card.number.plain, bank=card.issuer_code)
        self._open("/apply/income")

    def _enter_budget(self) -> None:
        income = self.person.monthly_income
        assert income is not None, "the one who uses the pages has an income"
        self._send(
            income_source="salary",
            monthly_income=str(income),
            employment_months=str(self.person.employment_months),
        )
        self._send(essential_costs=str(self.person.essential_costs))

    def _open(self, path: str) -> None:
        self._land(self._http.get(self._site + path, timeout=WAIT_SECONDS))

    def _send(self, action: str = "", **typed: str) -> None:
        fields = _form(self._page, action)
        url = self._site + (action or self._path)
        self._land(self._http.post(url, data={**fields, **typed}, timeout=WAIT_SECONDS))

    def _land(self, reply: requests.Response) -> None:
        self._page = reply.text
        self._path = urlsplit(reply.url).path
        self.pages_seen += 1
        if reply.status_code >= 400:
            heading = re.search(r"<h1[^>]*>(.*?)</h1>", self._page, re.DOTALL)
            told = re.sub(r"<[^>]+>|\s+", " ", heading[1]).strip() if heading else ""
            raise PageDiffers(f"{self._path} answered {reply.status_code}: {told}")

    def _applicant(self, number: int) -> Applicant:
        index = sealing.blind_index(self.person.national_id)
        with transaction() as session:
            application, debtor_id = session.execute(
                select(Application, Debtor.id)
                .join(Debtor, Debtor.id == Application.debtor_id)
                .where(Debtor.national_id_index == index)
            ).one()
        return Applicant(
            person=self.person,
            referral_id=application.referral_id,
            application_id=application.id,
            actor=Actor(Role.DEBTOR, str(debtor_id)),
            address=address(number),
        )


@dataclass(slots=True)
class _Form:
    action: str
    fields: dict[str, str]


class _Reader(HTMLParser):
    """Collect the forms of a page with the fields a browser would send untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(_Form(found.get("action", ""), {}))
            self._is_inside = True
        elif tag == "input" and self._is_inside and _is_sent(found):
            self.forms[-1].fields[found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False


def _is_sent(field: Mapping[str, str]) -> bool:
    chosen = field.get("type") not in {"radio", "checkbox"} or "checked" in field
    return chosen and "name" in field


def _form(page: str, action: str) -> dict[str, str]:
    reader = _Reader()
    reader.feed(page)
    for form in reader.forms:
        if form.action == action:
            return form.fields
    raise PageDiffers(f"the page has no form that goes to {action or 'itself'}")
