"""The documents: links that lead somewhere, one page for each decision, an overview that is short."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.house import tree

LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
ARCHITECTURE_LINES_MAX = 120
DECISION_LINES_MAX = 60
PARTS_OF_A_DECISION = ["Context", "Decision", "Consequences", "What was measured"]


def test_no_link_is_dead():
    dead = [
        f"{tree.where(document)}: {target}"
        for document in tree.files(".md")
        for target in LINK.findall(FENCE.sub("", document.read_text(encoding="utf-8")))
        if not _leads_somewhere(document, target)
    ]

    assert dead == []


def _leads_somewhere(document, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True
    path, _, anchor = unquote(target).partition("#")
    there = (document.parent / path).resolve() if path else document
    if not there.exists():
        return False
    return not anchor or anchor in _anchors(there.read_text(encoding="utf-8"))


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_architecture_is_told_in_a_few_minutes():
    text = (tree.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= ARCHITECTURE_LINES_MAX


def test_the_architecture_names_only_modules_that_exist():
    text = (tree.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = "|".join(sorted(tree.ROOMS | {"docs"}))
    named = re.findall(rf"`((?:{rooms})/[\w./]*)`", text)

    assert named
    assert [name for name in named if not (tree.ROOT / name).exists()] == []


def test_decisions_are_numbered_without_a_gap():
    numbers = [int(path.name[:4]) for path in decisions()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_every_decision_has_its_four_parts_on_one_page():
    for path in decisions():
        text = path.read_text(encoding="utf-8")

        assert re.match(rf"# {path.name[:4]} \S", text), path.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS_OF_A_DECISION, path.name
        assert len(text.splitlines()) <= DECISION_LINES_MAX, path.name


def decisions():
    return sorted((tree.ROOT / "docs" / "decisions").glob("*.md"))
