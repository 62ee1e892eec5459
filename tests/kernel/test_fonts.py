"""The typeface of the contracts is the one its README names, and holds what contracts need."""

from __future__ import annotations

import hashlib
import io

import fpdf
import pytest
from fontTools.ttLib import TTFont

from kernel.config import REPOSITORY

FONTS = REPOSITORY / "kernel" / "fonts"
CHINESE = FONTS / "NotoSansSC-subset.otf"


def gb2312() -> str:
    pairs = (bytes([a, b]) for a in range(0xB0, 0xF8) for b in range(0xA1, 0xFF))
    return "".join(pair.decode("gb2312", errors="ignore") for pair in pairs)


def test_the_file_is_the_one_its_readme_names():
    digest = hashlib.sha256(CHINESE.read_bytes()).hexdigest()

    assert digest in (FONTS / "README").read_text(encoding="utf-8")
    assert (FONTS / "OFL.txt").read_text().startswith("Copyright 2014-2021 Adobe")


@pytest.mark.parametrize(
    "text",
    [
        "".join(chr(code) for code in range(0x20, 0x7F)),
        "¥￥·•–—‘’“”…‰％，。、；：？！（）《》【】「」",
        "买买提·阿不都拉 2026年12月5日 ¥1,346.30",
        gb2312(),
    ],
    ids=["ASCII", "marks", "a contract's line", "GB 2312"],
)
def test_what_a_contract_prints_is_in_the_typeface(text):
    with TTFont(CHINESE, lazy=True) as font:
        covered = font.getBestCmap()

    assert {sign for sign in text if ord(sign) not in covered} == set()


def test_a_document_carries_the_typeface_inside():
    document = fpdf.FPDF()
    document.add_font("cn", fname=str(CHINESE))
    document.set_font("cn", size=12)
    document.add_page()
    document.write(text="贷款合同 ¥28,600.00")
    made = io.BytesIO(document.output())

    assert b"CIDFontType0" in made.getvalue()
    assert len(made.getvalue()) < 30_000
