"""How pages show things: amounts, days, rates, languages, versioned files, steps."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, g, request, url_for

from kernel.clock import SHANGHAI, require_aware
from kernel.money import Money
from kernel.rates import Rate
from kernel.web import idempotency, shielding
from kernel.web.around import LANGUAGE_COOKIE, Language, language, now, say, surroundings

STATIC: Final = Path(__file__).parent / "static"
LANGUAGE_SECONDS: Final = 365 * 24 * 3600
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def install(app: Flask) -> None:
    """Give templates their filters and words."""
    app.jinja_env.filters.update(money=money, day=day, moment=moment, percent=percent, count=count)
    app.jinja_env.globals.update(
        say=say,
        language=language,
        languages=Language,
        asset=asset,
        csp_nonce=shielding.nonce,
        form_key=idempotency.new_form_key,
        in_language=in_language,
        now=now,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.after_request(_remember_language)


def money(amount: Money) -> str:
    """Show an amount: ``¥1,234.50``, a negative one ``-¥1,234.50``."""
    return f"-¥{(-amount).grouped}" if amount.fen < 0 else f"¥{amount.grouped}"


def day(value: date) -> str:
    """Show a day: 2026年12月5日, or 5 December 2026. An instant shows its day in Shanghai."""
    if isinstance(value, datetime):
        value = require_aware(value).astimezone(SHANGHAI).date()
    return say(
        f"{value.year}年{value.month}月{value.day}日",
        f"{value.day} {MONTHS[value.month - 1]} {value.year}",
    )


def moment(value: datetime) -> str:
    """Show an instant in Shanghai: 2026年12月5日 09:30."""
    local = require_aware(value).astimezone(SHANGHAI)
    return f"{day(local)} {local:%H:%M}"


def percent(rate: Rate | Decimal, places: int = 2) -> str:
    """Show a rate or a fraction in percent: ``12.00%``."""
    fraction = rate.annual if isinstance(rate, Rate) else rate
    shown = (fraction * 100).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{shown:f}%"


def count(number: int) -> str:
    """Show a count with separators: ``12,345``."""
    return f"{number:,}"


def asset(name: str) -> str:
    """Give the address of a file of ours, with the hash of its content."""
    return url_for("static", filename=name, v=_version(name))


def in_language(wanted: str) -> str:
    """Give this page's address in another language."""
    args: dict[str, Any] = {**request.args.to_dict(flat=False), "lang": wanted}
    if request.endpoint is None:
        return f"/?lang={wanted}"
    return url_for(request.endpoint, **{**(request.view_args or {}), **args})


@cache
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def _remember_language(response: Response) -> Response:
    chosen = request.args.get("lang")
    if chosen in {member.value for member in Language} and "language" in g:
        response.set_cookie(
            LANGUAGE_COOKIE,
            chosen,
            max_age=LANGUAGE_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=surroundings().settings.is_production,
        )
    return response
