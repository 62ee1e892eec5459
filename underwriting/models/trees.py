"""The trees of a booster as plain numbers, read from its JSON; nothing in it is executed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xgboost
from numpy.typing import NDArray

LEAF: Final = -1
"""The left child of a node that has none."""


class NotPlain(ValueError):
    """The booster is no plain sum of trees over numbers; the text says what it is."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree, a place a node; the root is node 0. Rows with `x < threshold` go left."""

    left: NDArray[np.int64]
    """`LEAF` where the node is one."""
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    """Of a leaf its value."""
    missing_left: NDArray[np.bool_]
    """Whether a row without the feature goes left."""
    cover: NDArray[np.float32]
    """Sum of the second derivatives of the training rows that came through the node."""


def read(booster: xgboost.Booster) -> tuple[Tree, ...]:
    """Read the trees of a booster in the order in which they are added.

    Raises:
        NotPlain: linear, dropped-out or of several outputs, split by categories, or a node on the
            way that no training row came through.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    body, size = learner["gradient_booster"], learner["learner_model_param"]
    if body["name"] != "gbtree":
        raise NotPlain(f"the booster is {body['name']}, not gbtree")
    if int(size.get("num_class", 0)) > 1 or int(size.get("num_target", 1)) > 1:
        raise NotPlain("the booster gives several numbers a row")
    return tuple(_tree(plain) for plain in body["model"]["trees"])


def _tree(plain: dict[str, Any]) -> Tree:
    if any(plain["split_type"]):
        raise NotPlain("a tree splits by categories")
    if int(plain["tree_param"]["size_leaf_vector"]) > 1:
        raise NotPlain("a leaf gives several numbers")
    tree = Tree(
        left=np.array(plain["left_children"], dtype=np.int64),
        right=np.array(plain["right_children"], dtype=np.int64),
        feature=np.array(plain["split_indices"], dtype=np.int64),
        threshold=np.array(plain["split_conditions"], dtype=np.float32),
        missing_left=np.array(plain["default_left"], dtype=np.bool_),
        cover=np.array(plain["sum_hessian"], dtype=np.float32),
    )
    if len(tree.left) > 1 and not tree.cover.min() > 0:
        raise NotPlain("no training row came through a node")
    return tree
