"""Marshmallow fields of our own: money, rates, times and personal data.

Wire fields accept one spelling only; typed fields forgive what people type.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from marshmallow import ValidationError, fields
from marshmallow.validate import Length
from typing_extensions import override

from kernel.clock import SHANGHAI
from kernel.money import Money, NotAnAmount
from kernel.personal import NotPersonal, Personal
from kernel.rates import NotARate, Rate

WIRE_MONEY: Final = r"^(0|[1-9][0-9]{0,12})\.[0-9]{2}$"
WIRE_RATE: Final = r"^(0|[1-9][0-9]{0,3})\.[0-9]{1,12}$"
TEXT_MAX: Final = 200

P = TypeVar("P", bound=Personal)
_Partial = Mapping[str, Any] | None


class MoneyField(fields.Field[Money]):
    """An amount of yuan on the wire: the string ``"1234.50"``, never a number."""

    def __init__(
        self,
        *,
        at_least: Money | None = None,
        at_most: Money | None = None,
        **kwargs: Any,  # noqa: ANN401 - marshmallow's own
    ) -> None:
        metadata = {"pattern": WIRE_MONEY, "examples": ["1234.50"], **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)
        self.at_least = at_least
        self.at_most = at_most

    @override
    def _serialize(self, value: Money | None, attr: str | None, obj: Any, **_: Any) -> str | None:
        return None if value is None else str(value)

    @override
    def _deserialize(self, value: Any, attr: str | None, data: _Partial, **_: Any) -> Money:
        return self._within(self._parsed(value))

    def _parsed(self, value: object) -> Money:
        if not isinstance(value, str) or not re.fullmatch(WIRE_MONEY, value, re.ASCII):
            raise ValidationError('Must be a string of yuan with two decimals, such as "1234.50".')
        return Money.yuan(value)

    def _within(self, amount: Money) -> Money:
        if self.at_least is not None and amount < self.at_least:
            raise ValidationError(f"Must be at least {self.at_least}.")
        if self.at_most is not None and amount > self.at_most:
            raise ValidationError(f"Must be at most {self.at_most}.")
        return amount


class TypedMoneyField(MoneyField):
    """An amount as people type it: ``8,000``, ``¥8000.5``, full-width digits."""

    @override
    def _parsed(self, value: object) -> Money:
        text = unicodedata.normalize("NFKC", str(value))
        text = re.sub(r"[\s,，¥￥元]", "", text)
        try:
            return Money.yuan(text)
        except NotAnAmount:
            raise ValidationError("Must be an amount of yuan.") from None


class RateField(fields.Field[Rate]):
    """An annual rate in percent on the wire: the string ``"12.00"``."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - marshmallow's own
        metadata = {"pattern": WIRE_RATE, "examples": ["12.00"], **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    @override
    def _serialize(self, value: Rate | None, attr: str | None, obj: Any, **_: Any) -> str | None:
        return None if value is None else str(value)

    @override
    def _deserialize(self, value: Any, attr: str | None, data: _Partial, **_: Any) -> Rate:
        try:
            if isinstance(value, str) and re.fullmatch(WIRE_RATE, value, re.ASCII):
                return Rate.percent(value)
        except NotARate:
            pass
        raise ValidationError('Must be a string of percent, such as "12.00".')


class InstantField(fields.AwareDateTime):
    """An instant by RFC 3339 with its offset; shown in Shanghai's."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - marshmallow's own
        super().__init__(format="iso", **kwargs)

    @override
    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any
    ) -> str | float | None:
        local = None if value is None else value.astimezone(SHANGHAI)
        return super()._serialize(local, attr, obj, **kwargs)


class TextField(fields.String):
    """A line of text: trimmed, not empty, at most `length_max` characters, no control ones."""

    def __init__(self, *, length_max: int = TEXT_MAX, **kwargs: Any) -> None:  # noqa: ANN401 - marshmallow's own
        super().__init__(validate=Length(min=1, max=length_max), **kwargs)

    @override
    def _deserialize(self, value: Any, attr: str | None, data: _Partial, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs).strip()
        if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text):
            raise ValidationError("Must not hold control characters.")
        return text


class PersonalField(fields.Field[Personal], Generic[P]):
    """Personal data of one type; comes in plain and goes out masked, whatever happens."""

    def __init__(self, type_: type[P], **kwargs: Any) -> None:  # noqa: ANN401 - marshmallow's own
        super().__init__(**kwargs)
        self.type_ = type_

    @override
    def _serialize(
        self, value: Personal | None, attr: str | None, obj: Any, **_: Any
    ) -> str | None:
        return None if value is None else value.masked

    @override
    def _deserialize(self, value: Any, attr: str | None, data: _Partial, **_: Any) -> Personal:
        if not isinstance(value, str) or len(value) > TEXT_MAX:
            raise ValidationError("Must be a short string.")
        parse = getattr(self.type_, "parse", None)
        assert parse is not None, "the type says how it is read"
        try:
            return parse(value)  # type: ignore[no-any-return]
        except NotPersonal as fault:
            raise ValidationError(f"{str(fault).capitalize()}.") from None
