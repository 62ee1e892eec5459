"""Devices: a random number in a browser's cookie of our own, kept as a keyed hash alone.

It says that two applications came from one browser and nothing else: no traits of the device are
read, nobody but us can see it, and a debtor who deletes it loses nothing.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from kernel import ids
from kernel.clock import require_aware
from kernel.personal import NotPersonal, Personal
from kernel.sealing import blind_index
from origination.records.applications import Application
from origination.records.devices import ApplicationDevice

BYTES: Final = 16
DEVICES_MAX: Final = 5
"""Of one application: it is submitted once, and again after a withdrawal."""
_FORM: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, repr=False)
class DeviceNumber(Personal):
    """The random number of a browser."""

    kind: ClassVar[str] = "device"

    @classmethod
    def parse(cls, text: str) -> DeviceNumber:
        """Read the number of a cookie.

        Raises:
            NotPersonal: it is none of ours.
        """
        if not _FORM.fullmatch(text):
            raise NotPersonal("a device number has 32 hexadecimal digits")
        return cls(text)


def fresh() -> DeviceNumber:
    """Draw a number for a browser that has none."""
    return DeviceNumber(secrets.token_hex(BYTES))


def note(session: Session, application: Application, number: DeviceNumber, *, at: datetime) -> None:
    """Keep that an application was submitted from a browser; the same one twice is once."""
    session.execute(
        insert(ApplicationDevice)
        .values(
            id=ids.new(),
            application_id=application.id,
            digest=blind_index(number),
            seen_at=require_aware(at),
        )
        .on_conflict_do_nothing()
    )


def digests(session: Session, application: Application) -> Sequence[str]:
    """List the digests of the browsers that an application was submitted from, newest first."""
    return session.scalars(
        select(ApplicationDevice.digest)
        .where(ApplicationDevice.application_id == application.id)
        .order_by(ApplicationDevice.seen_at.desc(), ApplicationDevice.digest)
        .limit(DEVICES_MAX)
    ).all()
