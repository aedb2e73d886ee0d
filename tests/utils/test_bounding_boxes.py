"""Boxes: forms there and back, cutting, moving, distances."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.errors import ConfigError, ShapeError, SymkerasError
from symkeras.graph.graph import Graph
from symkeras.ops.evaluation import evaluate
from symkeras.utils import bounding_boxes as bb
from tests.keras_reference import reference

RNG = np.random.default_rng(0)
CORNERS = RNG.uniform(0, 20, (2, 2, 5, 2))
XYXY = np.concatenate([CORNERS.min(0), CORNERS.max(0) + 1], -1).astype("float32")
OTHER = (XYXY + RNG.normal(size=XYXY.shape)).astype("float32")
SIZES = {"height": 30, "width": 40}


@pytest.mark.parametrize(("source", "target"), list(product(bb.FORMATS, bb.FORMATS)))
def test_forms_are_turned_into_each_other_and_back(source: str, target: str) -> None:
    given = bb.convert_format(XYXY, "xyxy", source, **SIZES)
    np.testing.assert_allclose(bb.convert_format(bb.convert_format(given, source, target, **SIZES), target, "xyxy", **SIZES), XYXY, atol=1e-4)


def test_forms_are_what_they_say() -> None:
    box = np.array([[10.0, 20.0, 30.0, 60.0]])
    expected = {"yxyx": (20, 10, 60, 30), "xywh": (10, 20, 20, 40), "center_xywh": (20, 40, 20, 40), "center_yxhw": (40, 20, 40, 20),
                "rel_xyxy": (0.25, 2 / 3, 0.75, 2), "rel_yxyx": (2 / 3, 0.25, 2, 0.75), "rel_xywh": (0.25, 2 / 3, 0.5, 4 / 3),
                "rel_center_xywh": (0.5, 4 / 3, 0.5, 4 / 3)}  # fmt: skip
    for form, numbers in expected.items():
        np.testing.assert_allclose(bb.convert_format(box, "xyxy", form, **SIZES)[0], numbers, rtol=1e-6, err_msg=form)
    assert bb.convert_format({"boxes": box, "labels": 3}, "xyxy", "yxyx")["labels"] == 3


def test_boxes_are_cut_with_the_image() -> None:
    found = bb.clip_to_image_size({"boxes": np.array([[[-5.0, -5, -1, 9], [2, 3, 50, 9]]]), "labels": np.array([[1, 2]])}, **SIZES)
    assert found["boxes"].tolist() == [[[0, 0, 0, 9], [2, 3, 40, 9]]] and found["labels"].tolist() == [[-1, 2]]
    relative = bb.clip_to_image_size({"boxes": np.array([[[-0.5, 0.5, 1.5, 2.0]]])}, bounding_box_format="rel_xyxy")
    assert relative["boxes"].tolist() == [[[0, 0.5, 1, 1]]]


def test_a_quarter_of_a_turn_takes_boxes_along() -> None:
    zero, one = np.zeros(2, "float32"), np.ones(2, "float32")
    turned = bb.affine_transform(XYXY, one * 90, zero, zero, one, zero, zero, 21, 21)
    back = bb.affine_transform(turned, one * -90, zero, zero, one, zero, zero, 21, 21)
    np.testing.assert_allclose(back, XYXY, atol=1e-4)
    _, y1, _, y2 = np.moveaxis(XYXY, -1, 0)
    np.testing.assert_allclose(turned[..., [0, 2]], np.stack([y1, y2], -1), atol=1e-3)


def test_distances_from_anchors_go_there_and_back() -> None:
    for form, variance in product(("center_xywh", "center_yxhw"), (None, [0.1, 0.1, 0.2, 0.2])):
        deltas = bb.encode_box_to_deltas(XYXY, OTHER, "xyxy", "xyxy", form, variance)
        np.testing.assert_allclose(bb.decode_deltas_to_boxes(XYXY, deltas, "xyxy", "xyxy", form, variance), OTHER, atol=1e-3)
    both = bb.decode_deltas_to_boxes({"a": XYXY}, {"a": np.zeros_like(XYXY)}, "xyxy", "yxyx")
    np.testing.assert_allclose(both["a"], XYXY[..., [1, 0, 3, 2]], atol=1e-4)


def test_what_boxes_share() -> None:
    iou = bb.compute_iou(XYXY, OTHER, "xyxy")
    for b, i, j in product(range(2), range(5), range(5)):
        p, q = XYXY[b, i], OTHER[b, j]
        wide, tall = (max(0, min(p[k + 2], q[k + 2]) - max(p[k], q[k])) for k in (0, 1))
        areas = [(x[2] - x[0]) * (x[3] - x[1]) for x in (p, q)]
        np.testing.assert_allclose(iou[b, i, j], wide * tall / (sum(areas) - wide * tall + 1e-7), rtol=1e-4, atol=1e-6)
    masked = bb.compute_iou(np.array([[0.0, 0, 1, 1], [-1, -1, -1, -1]]), np.array([[0.0, 0, 1, 1]]), "xyxy", use_masking=True, mask_val=-7)
    np.testing.assert_allclose(masked, [[1], [-7]], rtol=1e-5)
    assert (np.asarray(bb.compute_ciou(XYXY, OTHER, "xyxy")) <= np.diagonal(iou, 0, 1, 2) + 1e-5).all()


def test_symbolic_boxes_give_the_same() -> None:
    x, y = (ops.placeholder("f32[batch, 5, 4]", name=name) for name in "xy")

    def all_of(a: Any, b: Any) -> list[Any]:
        return [bb.compute_iou(a, b, "xyxy"), bb.compute_ciou(a, b, "xyxy"), bb.convert_format(a, "xyxy", "rel_center_xywh", **SIZES)]

    out, expected = all_of(x, y), all_of(XYXY, OTHER)
    found, _ = evaluate(Graph([x.node, y.node], [t.node for t in out]), [XYXY, OTHER])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bb.convert_format(XYXY, "xyxy", "xyx"), lambda: bb.convert_format(XYXY, "rel_xyxy", "xyxy"),
        lambda: bb.pad(XYXY, 1, 1, bounding_box_format="xywh"),
        lambda: bb.convert_format(XYXY[..., :3], "xyxy", "xywh"), lambda: bb.clip_to_image_size({"boxes": XYXY}),
        lambda: bb.compute_iou(XYXY[0, 0], XYXY, "xyxy"),
        lambda: bb.encode_box_to_deltas(XYXY, XYXY, "xyxy", "xyxy", "xyxy"),
        lambda: bb.encode_box_to_deltas(XYXY, XYXY, "xyxy", "xyxy", variance=[1.0]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call: Any) -> None:
    with pytest.raises(SymkerasError):
        call()
    assert issubclass(ConfigError, ValueError) and issubclass(ShapeError, ValueError)


def test_numbers_are_those_of_keras() -> None:
    theirs = reference().utils.bounding_boxes
    turn = [RNG.uniform(-0.3, 0.3, 2).astype("float32") for _ in range(6)]
    turn[0] *= 100
    turn[3] += 1
    calls = [
        ("affine_transform", (XYXY, *turn, 30, 40)), ("crop", (XYXY, 3, 4, 10, 12)), ("pad", (XYXY, 3, 4)), ("compute_iou", (XYXY, OTHER, "xywh")),
        ("compute_ciou", (XYXY, OTHER, "xyxy")), ("encode_box_to_deltas", (XYXY, OTHER, "xyxy", "xywh", "center_yxhw", [0.1, 0.1, 0.2, 0.2])),
        ("decode_deltas_to_boxes", (XYXY, OTHER / 20, "yxyx", "rel_xyxy", "center_xywh", None, (30, 40, 3))),
    ]  # fmt: skip
    for name, arguments in calls:
        np.testing.assert_allclose(getattr(bb, name)(*arguments), np.asarray(getattr(theirs, name)(*arguments)), rtol=1e-4, atol=1e-4, err_msg=name)
