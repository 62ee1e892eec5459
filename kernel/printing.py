"""Papers as PDF in the house's own typeface, byte for byte the same in every process and year."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from functools import cache
from typing import Any, Final

from fpdf import FPDF
from fpdf.fonts import FontFace, TTFFont

from kernel.clock import SHANGHAI
from kernel.config import REPOSITORY

FONT: Final = REPOSITORY / "kernel" / "fonts" / "NotoSansSC-subset.otf"
_FACE: Final = "contract"
_LINE: Final = 5.5
_TABLE: Final = FontFace(emphasis=None)
_MARGIN: Final = 18


def document(title: str, *, at: datetime, set_pages: Callable[[FPDF], None]) -> bytes:
    """Set a PDF whose only date is `at`; `set_pages` adds the pages and writes on them."""
    pdf, font = _blank()
    pdf.set_creation_date(at.astimezone(SHANGHAI))
    pdf.set_title(title)
    pdf.set_producer("Daichang")
    pdf.set_lang("zh-CN")
    pdf.set_margin(_MARGIN)
    with closing(font):
        set_pages(pdf)
        return bytes(pdf.output())


def line(pdf: FPDF, words: str, *, size: int) -> None:
    """Write a paragraph in a size of points."""
    pdf.set_font(_FACE, size=size)
    pdf.multi_cell(0, _LINE * size / 10, words, new_x="LMARGIN", new_y="NEXT", align="L")


def grid(pdf: FPDF, rows: Sequence[Sequence[str]]) -> None:
    """Write a table whose first row is its heads."""
    pdf.set_font(_FACE, size=9)
    with pdf.table(headings_style=_TABLE, text_align="RIGHT", line_height=_LINE) as table:
        for row in rows:
            cells = table.row()
            for cell in row:
                cells.cell(cell)


def missing_glyphs(words: str) -> int:
    """Count the different characters that the typeface cannot show."""
    return len({c for c in words if not c.isspace()} - _glyphs())


def _blank() -> tuple[FPDF, Any]:
    """Give an empty document, and the file of its font, which is to be closed."""
    pdf = FPDF(format="A4")
    pdf.add_font(_FACE, fname=FONT)
    font = pdf.fonts[_FACE]
    assert isinstance(font, TTFFont), "the typeface is our own file"
    # The whole font's bounds serve its subset too; reckoning them anew took half of all the time.
    font.ttfont.recalcBBoxes = False
    return pdf, font.ttfont


@cache
def _glyphs() -> frozenset[str]:
    _, font = _blank()
    with closing(font):
        return frozenset(map(chr, font.getBestCmap()))
