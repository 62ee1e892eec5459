"""A debtor who goes the whole way by the verbs behind the pages, with his telephone in hand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import requests

from kernel.actors import Actor
from kernel.clock import business_day
from kernel.db import transaction
from kernel.money import Money
from kernel.personal import CardNumber
from origination import (
    applicants,
    applications,
    budgets,
    cards,
    codes,
    consents,
    contracts,
    front_jobs,
    identification,
    invitations,
    offers,
    returning,
    signing,
)
from origination.budgets import Budget
from origination.debtors import Entered
from origination.records.applications import Application, ApplicationStatus, IncomeSource
from origination.records.codes import NetworkAddress
from origination.records.consents import REQUIRED, Purpose
from origination.records.contracts import Contract
from origination.records.referrals import Locale
from tests.journeys.house import House
from tests.origination.apply import builders as make
from tests.origination.apply.builders import Person

NOBODYS = UUID(int=0)
HOME = NetworkAddress("192.0.2.7")
LINK = re.compile(r"https?://\S+?/i/([\w-]+)")
CODE = re.compile(r"验证码 (\d{6})")
EVIDENCE = {"page": "journey"}


@dataclass
class Debtor:
    """One person, his telephone and his application."""

    house: House
    person: Person
    application_id: UUID = field(default=NOBODYS)

    @property
    def by(self) -> Actor:
        """Who acts: the debtor, or before his identity is proven whoever was invited."""
        return make.by_debtor(self.application())

    def application(self) -> Application:
        """Read the application as it is."""
        with transaction() as session:
            return applicants.get(session, self.application_id)

    def status(self) -> ApplicationStatus:
        """Tell where the application stands."""
        return self.application().status

    def messages(self) -> list[str]:
        """Read the messages of the number, newest first."""
        url = f"{self.house.partners.url}/sms/inbox/{self.person.mobile.plain}.json"
        return [message["text"] for message in json.loads(requests.get(url, timeout=5).content)]

    def read(self, pattern: re.Pattern[str]) -> str:
        """Find what a pattern names in the newest message that has it."""
        found = next(filter(None, (pattern.search(words) for words in self.messages())), None)
        assert found is not None, f"no message has {pattern.pattern}"
        return found[1]

    def apply(self, *numbers: CardNumber, household: Budget | None = None) -> Debtor:
        """Go from the invitation to the submitted application."""
        self.sign_in()
        self.prove_identity()
        self.fill_in(*(numbers or (self.person.card(),)), household=household)
        return self

    def sign_in(self) -> None:
        """Open the link of the message and enter the code that comes."""
        token, at = self.read(LINK), self.house.clock.now()
        with transaction() as session:
            invitations.open_link(session, token, at=at)
            codes.send(
                session,
                self.person.mobile,
                codes.SIGN_IN,
                address=HOME,
                locale=Locale.ZH,
                at=at,
            )
        front_jobs.send_at_once(self.house.around)
        with transaction() as session:
            entered = self.read(CODE)
            answer = codes.check(session, self.person.mobile, entered, use=codes.SIGN_IN, at=at)
        codes.require(answer)
        with transaction() as session:
            invited = invitations.open_link(session, token, at=at)
            begun = returning.let_in(session, self.person.mobile, invited, locale=Locale.ZH, at=at)
            self.application_id = begun.id

    def prove_identity(self) -> None:
        """Consent to the check and prove who he is."""
        self._consent(Purpose.IDENTITY_CHECK)
        application = self.application()
        entered = Entered(
            name=self.person.name.plain,
            national_id=self.person.national_id.plain,
            mobile=self.person.mobile.plain,
        )
        known = identification.identify(self.house.around, application.referral_id, entered)
        self._do(applications.identify, known)

    def fill_in(self, *numbers: CardNumber, household: Budget | None = None) -> None:
        """Give each consent, enter cards and budget, and submit."""
        for purpose in sorted(REQUIRED - {Purpose.IDENTITY_CHECK}):
            self._consent(purpose)
        for number in numbers:
            self._do(cards.enter, number)
        self._do(budgets.enter, household or budget())
        self._do(applications.submit)

    def sign(self) -> Contract:
        """Read the offer as long as the law wants, and sign by the code that comes."""
        self._do(offers.begin_reading)
        self.house.clock.advance(timedelta(minutes=2))
        self._do(contracts.send_code, address=HOME)
        front_jobs.send_at_once(self.house.around)
        return signing.sign(
            self.house.around,
            self.application_id,
            self.read(CODE),
            evidence=EVIDENCE,
            by=self.by,
        )

    def _consent(self, purpose: Purpose) -> None:
        text = consents.text(purpose, on=business_day(self.house.clock.now()))
        shown = text.sha256(Locale.ZH)
        self._do(consents.give, purpose, shown_sha256=shown, evidence=EVIDENCE)

    def _do(self, verb: Any, *given: Any, **more: Any) -> Any:
        by = self.by
        with transaction() as session:
            application = applicants.get(session, self.application_id)
            return verb(session, application, *given, by=by, at=self.house.clock.now(), **more)


def budget(income: str = "8000.00", costs: str = "2500.00") -> Budget:
    """What comes in and goes out in a month."""
    return Budget(
        monthly_income=Money.yuan(income),
        income_source=IncomeSource.SALARY,
        employment_months=40,
        essential_costs=Money.yuan(costs),
    )


def referred(house: House, person: Person, **changes: Any) -> Debtor:
    """Have the agency refer somebody over HTTP, and invite him."""
    answer = house.agency.refer(
        case_no=case_no(person),
        mobile=person.mobile.plain,
        card_bin=person.card().plain[:6],
        card_last4=person.card().last4,
        **changes,
    )
    assert answer.status_code == 201, answer.text
    house.run_jobs()
    return Debtor(house, person)


def case_no(person: Person) -> str:
    """The agency's number of a person's case."""
    return f"BC-{person.number:04d}"
