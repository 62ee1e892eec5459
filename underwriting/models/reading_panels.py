"""Columns that repeat by month, unfolded into events: what families of features draw from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import polars as pl

from underwriting.models.spec_sets import Panel

AT: Final = "at"


def unfolded(frame: pl.DataFrame, panel: Panel, as_of: date, *, key: str) -> pl.DataFrame:
    """Give an event for each row and month, with the key, `at` and the panel's columns."""
    return pl.concat(
        frame.select(
            pl.col(key),
            pl.lit(as_of - timedelta(days=days)).alias(AT),
            *(pl.col(names[place]).alias(column) for column, names in panel.columns.items()),
            *panel.beside,
        )
        for place, days in enumerate(panel.days_ago)
    )
