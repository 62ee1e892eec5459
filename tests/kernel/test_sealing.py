"""Sealed values open only with their key, look-ups work without opening, looks leave a row."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from kernel import ids, sealing
from kernel.actors import system
from kernel.clock import shanghai
from kernel.personal import CardNumber, Mobile
from kernel.sealing import Keyring, Reveal, Sealed
from tests.conftest import TODAY

NOON = shanghai(TODAY, 12)
OLD, NEW, INDEX = b"o" * 32, b"n" * 32, b"i" * 32
MOBILE = Mobile("13800001111")


def reveal(session, sealed):
    return sealing.reveal(
        session, sealed, subject=ids.new(), purpose="test", by=system("test"), at=NOON
    )


def test_a_sealed_value_shows_nothing_and_opens_to_the_same(session):
    sealed = sealing.seal(MOBILE)

    opened = reveal(session, sealed)

    assert opened == MOBILE
    assert "1380000" not in repr(sealed)
    assert b"13800001111" not in sealed.data


def test_sealing_twice_gives_different_bytes(database):
    assert sealing.seal(MOBILE).data != sealing.seal(MOBILE).data


def test_each_look_leaves_a_row_of_who_and_why(session):
    subject = ids.new()

    sealing.reveal(
        session,
        sealing.seal(MOBILE),
        subject=subject,
        purpose="send an invitation",
        by=system("sms-send"),
        at=NOON,
    )

    look = session.scalars(select(Reveal)).one()
    assert (look.actor, look.kind, look.purpose, look.subject) == (
        "system:sms-send", "mobile", "send an invitation", subject,
    )  # fmt: skip


def test_changed_bytes_do_not_open(session):
    sealed = sealing.seal(MOBILE)
    changed = Sealed(sealed.data[:-1] + bytes([sealed.data[-1] ^ 1]), Mobile)

    with pytest.raises(sealing.SealBroken):
        reveal(session, changed)


def test_a_value_of_another_kind_does_not_open(session):
    moved = Sealed(sealing.seal(MOBILE).data, CardNumber)

    with pytest.raises(sealing.SealBroken):
        reveal(session, moved)


def test_old_values_open_after_a_new_key_and_not_without_the_old_one(session):
    sealing.bind(Keyring({"old": OLD}, INDEX))
    sealed = sealing.seal(MOBILE)

    sealing.bind(Keyring({"old": OLD, "new": NEW}, INDEX))
    assert reveal(session, sealed) == MOBILE
    assert sealing.seal(MOBILE).key_name == "new"

    sealing.bind(Keyring({"new": NEW}, INDEX))
    with pytest.raises(sealing.SealBroken):
        reveal(session, sealed)


def test_blind_indexes_agree_for_equal_values_and_kinds_only(database):
    assert sealing.blind_index(MOBILE) == sealing.blind_index(Mobile("13800001111"))
    assert sealing.blind_index(MOBILE) != sealing.blind_index(Mobile("13800001112"))
    assert sealing.blind_index(Mobile("1380000111111")) != sealing.blind_index(
        CardNumber("1380000111111")
    )


def test_the_keyring_shows_no_key():
    assert "oooo" not in repr(Keyring({"old": OLD}, INDEX))
