"""Files are kept byte by byte, and their rows count once or not at all."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from disbursement import breaks, importing
from disbursement.matching.banking import Purpose
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break, BreakStatus
from disbursement.records.settlement import (
    BankLine,
    FileStatus,
    SettlementRow,
    StatementFile,
)
from disbursement.statements.archive import ArchiveRefused
from disbursement.statements.lines import LineKind
from disbursement.statements.reading import TooLarge
from kernel.actors import Actor, Role, system
from kernel.clock import shanghai
from kernel.db import transaction
from kernel.money import Money
from tests.disbursement.statements import files
from tests.disbursement.statements.files import ACCOUNT, DAY, MERCHANT, Movement, Payment, Return

AT = shanghai(DAY + timedelta(days=1), 9, 5)
JOB = system("reconcile-day")
MAKER = Actor(Role.FINANCE_MAKER, "li.na")
CHECKER = Actor(Role.FINANCE_CHECKER, "wang.fang")
A = Payment(order="ORDER0000000000A", fen=123450, trace=1)
B = Payment(order="ORDER0000000000B", fen=200000, trace=2)


def take(session, content: bytes, day=DAY) -> importing.Imported:
    return importing.import_settlement(
        session, channel="unionpay", merchant=MERCHANT, day=day, content=content, by=JOB, at=AT
    )


def take_bank(session, content: bytes) -> importing.Imported:
    return importing.import_bank(session, account=ACCOUNT, day=DAY, content=content, by=JOB, at=AT)


def count(session, table) -> int:
    return session.scalar(select(func.count()).select_from(table))


def the_break(session) -> Break:
    return session.scalars(select(Break)).one()


def test_a_file_is_kept_with_its_bytes_and_its_rows(session):
    content = files.settlement([A, B], [Return(of=A)])

    imported = take(session, content)

    assert imported.status is FileStatus.TAKEN
    assert (imported.rows, imported.is_new, imported.fault) == (3, True, None)
    file = session.get(StatementFile, imported.file_id)
    assert file.content == content
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    first, _, third = session.scalars(select(SettlementRow).order_by(SettlementRow.position))
    assert (first.order_no, first.amount, first.fee) == (A.order, Money(123450), Money(100))
    assert first.txn_time == files.NOON
    assert (third.kind, third.position, third.order_no) == (LineKind.RETURNED, 3, A.order)


def test_a_bank_statement_is_kept_with_its_lines(session):
    lines = [
        Movement(fen=999_800, reference="SETTLE20261120"),
        Movement(fen=500, reference="GIFT", direction="C"),
    ]

    imported = take_bank(session, files.statement(lines))

    assert imported.status is FileStatus.TAKEN
    first, second = session.scalars(select(BankLine).order_by(BankLine.position))
    assert (first.purpose, first.settles_on, first.amount) == (Purpose.SETTLE, DAY, Money(999_800))
    assert (second.purpose, second.settles_on) == (None, None)
    file = session.get(StatementFile, imported.file_id)
    # 5,000,000.00 - 9,998.00 + 5.00
    assert (file.opening, file.closing) == (Money.yuan("5000000.00"), Money.yuan("4990007.00"))


def test_the_same_bytes_again_are_nothing_new(session):
    content = files.settlement([A])
    first = take(session, content)

    again = take(session, content)

    assert again.file_id == first.file_id
    assert not again.is_new
    assert count(session, SettlementRow) == 1
    assert count(session, Break) == 0


def test_other_bytes_for_the_same_day_are_held(session):
    take(session, files.settlement([A]))

    other = take(session, files.settlement([A, B]))

    assert other.status is FileStatus.HELD
    assert count(session, SettlementRow) == 1
    found = the_break(session)
    assert (found.kind, found.status) == (BreakKind.FILE_HELD, BreakStatus.OPEN)
    assert found.file_id == other.file_id


def test_the_same_rows_packed_otherwise_are_held_too(session):
    take(session, files.settlement([A]))

    other = take(session, files.packed(files.members([A])))

    assert other.status is FileStatus.HELD


def test_another_day_is_another_file(session):
    take(session, files.settlement([A]))

    next_day = DAY + timedelta(days=1)
    other = take(session, files.settlement([B], day=next_day), day=next_day)

    assert other.status is FileStatus.TAKEN


def test_an_empty_day_is_a_file_of_no_rows(session):
    imported = take(session, files.settlement())

    assert (imported.status, imported.rows) == (FileStatus.TAKEN, 0)


def test_a_faulty_file_is_kept_refused_and_named_as_a_break(session):
    parts = files.members([A, B])
    parts[f"RD26112088_{MERCHANT}"] = f"{files.HEADING}\r\n2|1|200|0|0\r\n".encode("gbk")

    imported = take(session, files.packed(parts))

    assert imported.status is FileStatus.REFUSED
    assert "statement_totals_differ" in imported.fault
    assert count(session, SettlementRow) == 0
    found = the_break(session)
    assert (found.kind, found.status) == (BreakKind.FILE_REFUSED, BreakStatus.OPEN)


def test_a_whole_file_cures_the_refusal_of_a_faulty_one(session):
    take(session, files.settlement([A])[:-20])

    imported = take(session, files.settlement([A]))

    assert imported.status is FileStatus.TAKEN
    assert the_break(session).status is BreakStatus.CURED


def test_a_faulty_file_sent_again_is_one_break(session):
    for _ in range(2):
        take(session, b"garbage")

    assert count(session, Break) == 1
    assert count(session, StatementFile) == 1


def test_a_file_beyond_every_limit_is_not_even_kept(session, monkeypatch):
    monkeypatch.setattr(importing, "CONTENT_BYTES_MAX", 10)

    with pytest.raises(TooLarge):
        take(session, b"x" * 11)

    assert count(session, StatementFile) == 0


def test_two_persons_take_the_held_file_instead(session):
    first = take(session, files.settlement([A]))
    held = take(session, files.settlement([A, B]))
    found = the_break(session)
    breaks.explain(session, found.id, text="the channel sent a complete file", by=MAKER, at=AT)

    outcome = importing.take_held(session, found.id, by=CHECKER, at=AT)

    assert (outcome.file_id, outcome.status) == (held.file_id, FileStatus.TAKEN)
    assert session.get(StatementFile, first.file_id).status is FileStatus.SUPERSEDED
    rows = session.scalars(
        select(SettlementRow.order_no).where(SettlementRow.file_id == held.file_id)
    )
    assert list(rows) == [A.order, B.order]
    assert found.status is BreakStatus.RESOLVED


def test_one_person_alone_does_not_take_it(session):
    take(session, files.settlement([A]))
    take(session, files.settlement([A, B]))
    found = the_break(session)
    breaks.explain(session, found.id, text="looks complete", by=CHECKER, at=AT)

    with pytest.raises(breaks.SamePerson):
        importing.take_held(session, found.id, by=CHECKER, at=AT)


def test_two_persons_let_the_first_file_stand(session):
    first = take(session, files.settlement([A]))
    held = take(session, files.settlement([A, B]))
    found = the_break(session)
    breaks.explain(session, found.id, text="a test file of the channel", by=MAKER, at=AT)

    importing.keep_first(session, found.id, by=CHECKER, at=AT)

    assert session.get(StatementFile, first.file_id).status is FileStatus.TAKEN
    assert session.get(StatementFile, held.file_id).status is FileStatus.REFUSED


def test_only_a_break_about_a_held_file_takes_one(session):
    take(session, b"garbage")

    with pytest.raises(importing.NoSuchFile):
        importing.take_held(session, the_break(session).id, by=CHECKER, at=AT)


def test_a_faulty_held_file_is_not_taken(database):
    with transaction() as session:
        take(session, files.settlement([A]))
        take(session, b"garbage")
        found = the_break(session)
        breaks.explain(session, found.id, text="let us see", by=MAKER, at=AT)

    with pytest.raises(ArchiveRefused), transaction() as session:
        importing.take_held(session, found.id, by=CHECKER, at=AT)

    with transaction() as session:
        assert count(session, SettlementRow) == 1
        assert the_break(session).status is BreakStatus.EXPLAINED


def test_the_database_refuses_to_change_a_row(database):
    with transaction() as session:
        take(session, files.settlement([A]))

    with pytest.raises(DatabaseError), transaction() as session:
        session.execute(text("UPDATE settlement_row SET amount = 1"))


def test_the_database_has_one_file_that_counts_for_a_day(database):
    with transaction() as session:
        take(session, files.settlement([A]))
        take(session, files.settlement([B]))

    with pytest.raises(DatabaseError), transaction() as session:
        session.execute(text("UPDATE statement_file SET status = 'taken'"))
