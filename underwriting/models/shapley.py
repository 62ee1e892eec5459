"""Blocks of a tree and the tables of what each of their patterns contributes. Exact TreeSHAP.

A leaf on whose way stand D features contributes to feature i, with z the part of the training
rows that the way keeps at the splits on a feature and o whether the row keeps to it (1) or not (0),

    value * (o_i - z_i) * integral over t in 0..1 of the product over j != i of z_j (1-t) + o_j t

which is Shapley's sum over coalitions, because the integral of t^k (1-t)^(D-1-k) is
k! (D-1-k)! / D!. The integrand is a polynomial of degree D - 1 with terms that are never negative,
so Gauss's rule with D/2 points gives it exactly and nothing cancels.

A row comes in only through its o's, so all that a leaf can contribute is a table over 2^D
patterns (Yang 2021, Fast TreeSHAP v2). Leaves below one node share the splits of their ways, so
here a table serves a whole block of leaves: the bits of a pattern are the ways down to the block,
one bit a feature, and the splits inside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from underwriting.models.trees import LEAF, Tree

Floats = NDArray[np.float64]

BITS_MAX: Final = 8
"""Of a pattern: it is one byte, and a table of 256 lines stays in the processor's cache."""
_NEVER: Final = 1 << BITS_MAX
"""Wanted of a pattern that cannot be: no pattern has this bit."""
_STRETCH: Final = 1 << 20
"""Numbers worked on at once while tables are made."""

# Gauss-Legendre on 0..1: nodes below a half and their weights; the others mirror them.
_GAUSS: Final = {
    1: ((0.5, 1.0),),
    2: ((0.21132486540518712, 0.5),),
    3: ((0.11270166537925831, 0.2777777777777778), (0.5, 0.4444444444444444)),
    4: (
        (0.06943184420297371, 0.17392742256872692),
        (0.33000947820757187, 0.3260725774312731),
    ),
}


class TooManyBits(ValueError):
    """More features stand on the way to one leaf than a pattern has bits."""


class Test(NamedTuple):
    """Whether a row keeps to a range of one feature: one bit of a pattern."""

    feature: int
    low: float
    """The least value inside; minus infinity where nothing is too small."""
    high: float
    """The least value above."""
    missing: bool
    """Whether a row without the feature counts as inside."""


class Part(NamedTuple):
    """One feature on the way to a leaf: the row keeps to it where `pattern & mask == want`."""

    feature: int
    mask: int
    want: int
    share: float
    """Of the training rows that the way keeps at the splits on the feature."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of a block."""

    value: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Leaves below one node, with the tests whose outcomes are the pattern of a row."""

    tests: tuple[Test, ...]
    """The first is the lowest bit."""
    leaves: tuple[Leaf, ...]

    @property
    def features(self) -> tuple[int, ...]:
        """The features to which the block contributes, each once."""
        return tuple(dict.fromkeys(part.feature for leaf in self.leaves for part in leaf.parts))

    @property
    def size(self) -> int:
        """How many numbers its table has."""
        return len(self.features) << len(self.tests)


class _Step(NamedTuple):
    """One split on a way, and whether the way goes left there."""

    node: int
    goes_left: bool


@dataclass(slots=True)
class _Bits:
    """Gives each test of a block its bit."""

    tests: dict[Test, int] = field(default_factory=dict)

    def of(self, test: Test) -> int:
        return 1 << self.tests.setdefault(test, len(self.tests))


def blocks(tree: Tree) -> Iterator[Block]:
    """Part a tree into blocks of as many leaves as a pattern has bits for.

    A tree of one leaf contributes to nothing and has no block.

    Raises:
        TooManyBits: a way to a leaf has more than `BITS_MAX` features.
    """
    if tree.left[0] == LEAF:
        return
    waiting: list[tuple[int, tuple[_Step, ...]]] = [(0, ())]
    while waiting:
        node, way = waiting.pop()
        made = _block(tree, node, way)
        if made is not None:
            yield made
        elif tree.left[node] == LEAF:
            raise TooManyBits(f"more than {BITS_MAX} features stand on one way")
        else:
            waiting.append((int(tree.right[node]), (*way, _Step(node, goes_left=False))))
            waiting.append((int(tree.left[node]), (*way, _Step(node, goes_left=True))))


def _block(tree: Tree, top: int, way: tuple[_Step, ...]) -> Block | None:
    """Make the block of the leaves below a node; None when it has too many bits."""
    bits = _Bits()
    above = {
        feature: _way_part(tree, feature, way, bits)
        for feature in dict.fromkeys(int(tree.feature[step.node]) for step in way)
    }
    leaves = []
    waiting: list[tuple[int, dict[int, Part]]] = [(top, above)]
    while waiting and len(bits.tests) <= BITS_MAX:
        node, parts = waiting.pop()
        if tree.left[node] == LEAF:
            leaves.append(Leaf(float(tree.threshold[node]), tuple(parts.values())))
            continue
        for goes_left in (False, True):
            step = _Step(node, goes_left)
            waiting.append((_child(tree, step), _with_split(tree, parts, step, bits)))
    if len(bits.tests) > BITS_MAX:
        return None
    return Block(tuple(bits.tests), tuple(leaves))


def _way_part(tree: Tree, feature: int, way: Sequence[_Step], bits: _Bits) -> Part:
    """Make one bit of all splits on a feature that lie on the way to a block."""
    low, high, missing, share = -np.inf, np.inf, True, 1.0
    for step in way:
        if tree.feature[step.node] != feature:
            continue
        threshold = float(tree.threshold[step.node])
        if step.goes_left:
            high = min(high, threshold)
        else:
            low = max(low, threshold)
        missing = missing and bool(tree.missing_left[step.node]) == step.goes_left
        share *= _share(tree, step)
    if high == np.inf:
        # The opposite of its left side, so that a way and its neighbour share a bit.
        bit = bits.of(Test(feature, -np.inf, low, not missing))
        return Part(feature, bit, 0, share)
    bit = bits.of(Test(feature, low, high, missing))
    return Part(feature, bit, bit, share)


def _with_split(tree: Tree, parts: dict[int, Part], step: _Step, bits: _Bits) -> dict[int, Part]:
    """Add one more split inside a block to the parts of a way."""
    feature, threshold = int(tree.feature[step.node]), float(tree.threshold[step.node])
    bit = bits.of(Test(feature, -np.inf, threshold, bool(tree.missing_left[step.node])))
    before = parts.get(feature, Part(feature, 0, 0, 1.0))
    want = bit if step.goes_left else 0
    if before.mask & bit and before.want & bit != want:
        # The same test asked twice with both answers wanted: no row keeps to it.
        return {**parts, feature: Part(feature, 0, _NEVER, before.share * _share(tree, step))}
    made = Part(feature, before.mask | bit, before.want | want, before.share * _share(tree, step))
    return {**parts, feature: made}


def _child(tree: Tree, step: _Step) -> int:
    return int(tree.left[step.node] if step.goes_left else tree.right[step.node])


def _share(tree: Tree, step: _Step) -> float:
    return float(tree.cover[_child(tree, step)]) / float(tree.cover[step.node])


def tables(made: Sequence[Block]) -> Floats:
    """Work out the tables of blocks, one after the other: a line a pattern, a place a feature."""
    sizes = [block.size for block in made]
    table = np.zeros(sum(sizes))
    groups: dict[tuple[int, int], list[tuple[int, Block, Leaf]]] = {}
    start = 0
    for block, size in zip(made, sizes, strict=True):
        for leaf in block.leaves:
            groups.setdefault((len(block.tests), len(leaf.parts)), []).append((start, block, leaf))
        start += size
    for (bits, depth), members in groups.items():
        stride = max(1, _STRETCH // (depth << bits))
        for first in range(0, len(members), stride):
            _fill(table, members[first : first + stride], bits)
    return table


def _fill(table: Floats, members: Sequence[tuple[int, Block, Leaf]], bits: int) -> None:
    """Add what some leaves with as many features and blocks with as many bits contribute."""
    parts = np.array([leaf.parts for _, _, leaf in members])  # leaf, feature, what a Part holds
    value = np.array([leaf.value for _, _, leaf in members])
    pattern = np.arange(1 << bits)[None, :, None]
    mask, want = parts[:, None, :, 1].astype(np.int64), parts[:, None, :, 2].astype(np.int64)
    kept = (pattern & mask) == want
    made = _contributions(kept, parts[:, None, :, 3]) * value[:, None, None]
    at = np.empty_like(kept, dtype=np.int64)
    for place, (start, block, leaf) in enumerate(members):
        features = block.features
        columns = [features.index(part.feature) for part in leaf.parts]
        at[place] = start + pattern[0] * len(features) + columns
    np.add.at(table, at.ravel(), made.ravel())


def _contributions(kept: NDArray[np.bool_], share: Floats) -> Floats:
    """Give what a leaf of value one contributes: leaf, pattern, feature."""
    made = np.zeros(kept.shape)
    for node, weight in _nodes((kept.shape[2] + 1) // 2):
        factor = share * (1.0 - node) + kept * node
        made += weight * (np.multiply.reduce(factor, axis=2, keepdims=True) / factor)
    return made * (kept - share)


def _nodes(points: int) -> Iterator[tuple[float, float]]:
    for node, weight in _GAUSS[points]:
        yield node, weight
        if node != 0.5:
            yield 1.0 - node, weight
