"""Forms of pages: what was typed, what it means, and what to do about each fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request
from marshmallow import EXCLUDE, Schema, ValidationError
from webargs.multidictproxy import MultiDictProxy

from kernel.web.around import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form as it was filled in; an empty one before."""

    typed: Mapping[str, str] = field(default_factory=dict)
    """As typed, to be shown again; password and code fields are left out."""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every value of fields that may come more than once."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """As understood; only whole when there are no faults."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Field name to the sentence that says what to do, in the order of the form."""

    @property
    def is_good(self) -> bool:
        """Whether every field was understood."""
        return not self.faults

    def with_fault(self, name: str, zh: str, en: str) -> Filled:
        """Add a fault that only the verb could find."""
        return Filled(
            typed=self.typed,
            chosen=self.chosen,
            values=self.values,
            faults={**self.faults, name: say(zh, en)},
        )


def read(
    schema: Schema, words: Mapping[str, tuple[str, str]], *, secret: frozenset[str] = frozenset()
) -> Filled:
    """Read the submitted form by a schema.

    `words` says for each field, in the order of the page, what to do when it is wrong: in Chinese
    and in English. Fields in `secret` are never shown again.
    """
    missing = set(schema.fields) - set(words)
    assert not missing, f"no words for {sorted(missing)}"
    typed = {n: v for n, v in request.form.items() if n not in secret}
    chosen = {n: tuple(v) for n, v in request.form.lists() if n not in secret}
    try:
        values = schema.load(MultiDictProxy(request.form, schema), unknown=EXCLUDE)
    except ValidationError as error:
        messages = error.messages_dict
        faults = {name: say(*words[name]) for name in words if name in messages}
        assert faults, "a fault of the whole form belongs to one of its fields"
        return Filled(typed=typed, chosen=chosen, values=error.valid_data or {}, faults=faults)  # type: ignore[arg-type]
    return Filled(typed=typed, chosen=chosen, values=values)
