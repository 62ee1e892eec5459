"""What happens to a running loan, told to its debtor, and what follows for his agency's fee.

The agency itself is told nothing: whether somebody pays his new loan is no business of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from disbursement import commissions, credit_notices
from disbursement.records.life import EventKind
from kernel import ids, law
from kernel.clock import business_day
from origination import applicants
from origination.records.applications import Application
from origination.tellings import News, tell_debtor


def _repaid(news: News) -> None:
    """Thank for a payment; the one that closed the loan is told by its end."""
    if news.fact.body["kind"] == EventKind.PAID_OFF:
        return
    tell_debtor(
        news,
        _of(news),
        "loan_repaid",
        once_for=UUID(news.fact.body["event_id"]),
        values={"amount": news.fact.body["amount"]},
    )


def _taken_back(news: News) -> None:
    once_for = UUID(news.fact.body["event_id"])
    tell_debtor(news, _of(news), "loan_payment_taken_back", once_for=once_for)


def _debit_failed(news: News) -> None:
    tell_debtor(
        news,
        _of(news),
        "loan_debit_failed",
        once_for=news.fact.subject,
        values={"amount": news.fact.body["amount"]},
    )


def _settled(news: News) -> None:
    tell_debtor(news, _of(news), "loan_settled", once_for=_occasion(news))


def _replanned(news: News) -> None:
    tell_debtor(news, _of(news), "loan_replanned", once_for=_occasion(news))


def _overdue(news: News) -> None:
    """Tell the debtor before anybody else is told, once for a spell of arrears.

    Source: 征信业管理条例 art. 15.
    """
    since = date.fromisoformat(news.fact.body["overdue_since"])
    loan_id, today = news.fact.subject, business_day(news.at)
    days = law.rule("credit_reporting", on=today).values["notice_days"]
    message_id = tell_debtor(
        news,
        _of(news),
        "loan_overdue",
        once_for=ids.derived(loan_id, "overdue", since.isoformat()),
        values={"since": since.isoformat(), "days": str(days)},
    )
    if message_id is not None:
        credit_notices.plan(
            news.session, loan_id, overdue_since=since, message_ref=message_id, at=news.at
        )
    on = since + timedelta(days=int(news.fact.body["days_past_due"]))
    commissions.judge_default(
        news.session, loan_id, overdue_since=since, on=on, by=news.by, at=news.at
    )


def _delivered(news: News) -> None:
    credit_notices.delivered(news.session, news.fact.subject, at=news.fact.at)


REACTIONS: Final[Mapping[str, Callable[[News], None]]] = MappingProxyType(
    {
        "loan.repaid": _repaid,
        "loan.taken_back": _taken_back,
        "debit.failed": _debit_failed,
        "loan.settled": _settled,
        "loan.replanned": _replanned,
        "loan.shrunk": _replanned,
        "loan.restored": _replanned,
        "loan.overdue": _overdue,
        "message.delivered": _delivered,
    }
)


def _of(news: News) -> Application:
    return applicants.get(news.session, UUID(news.fact.body["application_ref"]))


def _occasion(news: News) -> UUID:
    """Tell one fact from the next of its kind about the same loan."""
    return ids.derived(news.fact.subject, news.fact.kind, news.fact.id)
