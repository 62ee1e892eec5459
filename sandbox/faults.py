"""What can go wrong with a payment, and how a test or a card number asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """One misbehaviour of the channel; the order numbers the card patterns from 01."""

    SILENT_PAID = "silent_paid"
    SILENT_LOST = "silent_lost"
    HTTP_500_PAID = "http_500_paid"
    HTTP_500_LOST = "http_500_lost"
    GARBAGE_PAID = "garbage_paid"
    EMPTY_PAID = "empty_paid"
    BAD_SIGNATURE_PAID = "bad_signature_paid"
    OTHER_ORDER_PAID = "other_order_paid"
    REFUSE_61 = "refuse_61"
    REFUSE_63 = "refuse_63"
    REFUSE_66 = "refuse_66"
    REFUSE_93 = "refuse_93"
    LATE = "late"
    QUERY_LAGS = "query_lags"
    RETURN_LATER = "return_later"
    RETURN_IN_FILE = "return_in_file"
    REFUSE_LATE = "refuse_late"
    DUPLICATE_NOTICE = "duplicate_notice"
    FORGED_NOTICE = "forged_notice"
    DRIP = "drip"
    AMOUNT_OFF_BY_ONE = "amount_off_by_one"
    FILE_ONLY = "file_only"
    IN_CLEARING = "in_clearing"
    BUSY_PAID = "busy_paid"
    BUSY_LOST = "busy_lost"
    REFUSE_64 = "refuse_64"
    ROW_TIMES_OUT = "row_times_out"
    ROW_LOST = "row_lost"
    BATCH_REJECTED = "batch_rejected"


LOST: Final = frozenset(
    {Fault.SILENT_LOST, Fault.HTTP_500_LOST, Fault.BUSY_LOST},
)
"""Nothing of the payment is recorded."""

RETURNED: Final = frozenset({Fault.RETURN_LATER, Fault.RETURN_IN_FILE})
"""Paid, and given back days later."""

REFUSALS: Final = {
    Fault.REFUSE_61: "61",
    Fault.REFUSE_63: "63",
    Fault.REFUSE_66: "66",
    Fault.REFUSE_93: "93",
    Fault.REFUSE_64: "64",
}
"""Refused at once, with this response code."""

LATE_REFUSAL: Final = "63"
"""What `refuse_late` answers when the payment is decided."""

_BY_NUMBER: Final = {f"{number:02d}": fault for number, fault in enumerate(Fault, start=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A fault that waits for the next payment to a card."""

    fault: Fault
    return_after_days: int = 1


def of_card(card_number: str) -> Script | None:
    """Tell the fault that a card number asks for: digits 7 to 10 are `9`, its number, `9`."""
    if card_number[6:7] != "9" or card_number[9:10] != "9":
        return None
    fault = _BY_NUMBER.get(card_number[7:9])
    return Script(fault=fault) if fault is not None else None
