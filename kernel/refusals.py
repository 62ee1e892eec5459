"""What every refusal has in common; each refusal itself lives beside the verb that raises it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One faulty field: a JSON pointer to it and what the caller should do."""

    pointer: str
    detail: str


class Refused(Exception):
    """Say no to a request for a reason the caller can act on.

    A subclass sets `status`, `code` (stable, part of the problem's address) and `title`; its
    constructor takes the facts and builds `detail` from them, with no personal data in it.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
    code: ClassVar[str] = "refused"
    title: ClassVar[str] = "The request was refused"
    title_zh: ClassVar[str] = "请求未被接受"

    def __init__(self, detail: str = "", *, faults: tuple[FieldFault, ...] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.faults = faults
