"""Pooling of token scores against plain loops (nig.md section 7, I10)."""

import pytest
import torch

from app.numerics.pooling import parts_of, pool

SCORES = torch.tensor([[1.0, -4.0], [2.0, 3.0], [-5.0, 0.5], [7.0, 9.0]], dtype=torch.float64)
MASK = torch.tensor([True, True, True, False])
SEGMENT = torch.tensor([0, 1, 1, 2])


def test_parts_leave_padding_out() -> None:
    parts = parts_of(SEGMENT, MASK, 3)
    assert parts.tolist() == [
        [True, True, True, False],
        [True, False, False, False],
        [False, True, True, False],
        [False, False, False, False],
    ]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("sum", [[-2.0, -0.5], [1.0, -4.0], [-3.0, 3.5], [0.0, 0.0]]),
        ("mean", [[-2 / 3, -0.5 / 3], [1.0, -4.0], [-1.5, 1.75], [0.0, 0.0]]),
        ("max_abs", [[-5.0, -4.0], [1.0, -4.0], [-5.0, 3.0], [0.0, 0.0]]),
        ("l2", [[30**0.5, 25.25**0.5], [1.0, 4.0], [29**0.5, 9.25**0.5], [0.0, 0.0]]),
        ("cls", [[1.0, -4.0], [1.0, -4.0], [0.0, 0.0], [0.0, 0.0]]),
    ],
)
def test_pooling_by_hand(how: str, expected: list[list[float]]) -> None:
    found = pool(SCORES, parts_of(SEGMENT, MASK, 3), how, 0)
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), atol=1e-14)


def test_segment_sums_add_to_the_total() -> None:
    found = pool(SCORES, parts_of(SEGMENT, MASK, 3), "sum", 0)
    assert torch.equal(found[0], found[1:].sum(0))
