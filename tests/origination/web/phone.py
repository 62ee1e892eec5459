"""A debtor's telephone for tests: it follows links, fills forms and reads its own messages."""

from __future__ import annotations

import json
import re
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask import Flask
from werkzeug.test import TestResponse

from tests.origination.apply.builders import Person


@dataclass
class Form:
    """One form of a page: where it goes and what it holds."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[dict[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(found.get("action", "")))
            self._inside = True
        elif not self._inside:
            return
        elif tag == "button":
            self.forms[-1].buttons.append(found)
        elif tag == "input" and "name" in found:
            ticked = found.get("type") not in {"radio", "checkbox"} or "checked" in found
            if ticked:
                self.forms[-1].fields[found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"


class Phone:
    """A browser without scripts, and the inbox of its number."""

    def __init__(self, app: Flask, sandbox: str, person: Person) -> None:
        self.client = app.test_client()
        self.sandbox = sandbox
        self.person = person
        self.page: TestResponse | None = None
        self.path = "/"

    @property
    def text(self) -> str:
        """The page that is open."""
        assert self.page is not None
        return self.page.text

    @property
    def status(self) -> int:
        """The status of the page that is open."""
        assert self.page is not None
        return self.page.status_code

    @property
    def heading(self) -> str:
        """The first heading of the page, without tags."""
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        assert found is not None, self.text
        return re.sub(r"<[^>]+>|\s+", "", found[1])

    @property
    def faults(self) -> list[str]:
        """The sentences of the error summary."""
        summary = re.search(r'class="error-summary".*?</div>', self.text, re.DOTALL)
        return re.findall(r'<a href="#[^"]+">(.*?)</a>', summary[0]) if summary else []

    def open(self, path: str) -> Phone:
        """Open a page and follow where it leads."""
        return self._landed(self.client.get(path, follow_redirects=True))

    def form(self, action: str = "") -> Form:
        """Find a form of the page by where it goes; by default the first of the page itself."""
        forms = _Forms()
        forms.feed(self.text)
        return next(form for form in forms.forms if form.action == action)

    def send(self, action: str = "", **typed: str) -> Phone:
        """Fill a form in and send it."""
        return self.post(action or self.path, {**self.form(action).fields, **typed})

    def post(self, path: str, fields: dict[str, str]) -> Phone:
        """Send fields as they are."""
        return self._landed(self.client.post(path, data=fields, follow_redirects=True))

    def messages(self) -> list[str]:
        """Read the messages of the number, newest first."""
        url = f"{self.sandbox}/sms/inbox/{self.person.mobile.plain}.json"
        with urllib.request.urlopen(url, timeout=5) as reply:
            return [message["text"] for message in json.load(reply)]

    def code(self, purpose: str = "登录") -> str:
        """Read the newest code for a purpose."""
        for words in self.messages():
            found = re.search(rf"验证码 (\d{{6}}).*仅用于{purpose}", words)
            if found:
                return found[1]
        raise AssertionError("no code came")

    def invitation(self) -> str:
        """Read the path of the invitation's link."""
        for words in self.messages():
            found = re.search(r"https?://[^/\s]+(/i/[\w-]+)", words)
            if found:
                return found[1]
        raise AssertionError("no invitation came")

    def _landed(self, page: TestResponse) -> Phone:
        self.page, self.path = page, page.request.path
        return self


def sign_in(phone: Phone) -> Phone:
    """Open the invitation and sign in through it."""
    phone.open(phone.invitation()).send(answer="start")
    phone.send(mobile=phone.person.mobile.plain)
    return phone.send("/code", code=phone.code())


def agree(phone: Phone) -> Phone:
    """Say yes to the consent of the page."""
    return phone.send(answer="agree")


def prove_identity(phone: Phone) -> Phone:
    """Agree to the check and prove who one is."""
    return agree(phone).send(
        name=phone.person.name.plain, national_id=phone.person.national_id.plain
    )


def consent(phone: Phone, *, marketing: str = "refuse") -> Phone:
    """Agree to each consent after the identity; say yes or no to the last."""
    for _ in range(4):
        agree(phone)
    return phone.send(answer=marketing)


def fill_in(phone: Phone) -> Phone:
    """Enter one card, the income and the costs."""
    phone.send(number=phone.person.card().plain)
    phone.open("/my")
    phone.send(income_source="salary", monthly_income="8000", employment_months="40")
    return phone.send(essential_costs="2500")


def to_check(phone: Phone) -> Phone:
    """Walk from the invitation to the page where everything is checked."""
    return fill_in(consent(prove_identity(sign_in(phone))))


def submit(phone: Phone) -> Phone:
    """Walk from the invitation to the answer's waiting room."""
    return to_check(phone).send()
