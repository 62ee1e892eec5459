"""What pictures are made of: strokes, words and the room they take. Pure."""

from __future__ import annotations

from html import escape


def width(words: str) -> int:
    """Guess how wide words are: a Chinese sign is as wide as high, a Latin letter half of it."""
    return sum(13 if ord(sign) > 0x2E80 else 7 for sign in words)


def cut(words: str, most: int) -> str:
    """Take out of the middle of a name that is too long: its end often tells it from others."""
    if width(words) <= most:
        return words
    end = words[-9:]
    kept = words[:-9]
    while kept and width(kept) + width(end) + 13 > most:
        kept = kept[:-1]
    return f"{kept}…{end}"


def stroke(path: str, colour: str, *, thick: float = 1, dashes: str = "") -> str:
    """Draw a path without filling it."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    wide = f' stroke-width="{thick:g}"' if thick != 1 else ""
    return f'<path d="{path}" fill="none" stroke="{colour}"{wide}{dashed}/>'


def text(
    x: float | str, y: float | str, words: str, *, anchor: str = "start", colour: str = ""
) -> str:
    """Write words at a place; whatever they are, they are no markup."""
    end = f' text-anchor="{anchor}"' if anchor != "start" else ""
    fill = f' fill="{colour}"' if colour else ""
    return f'<text x="{x}" y="{y}"{end}{fill}>{escape(words)}</text>'


def number(value: float) -> str:
    """Spell a place on the paper to a tenth."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
