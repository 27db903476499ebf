"""Stieltjes sums against a slow loop, and the identities that hold for any path (I7, I9)."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.numerics.quadrature import StieltjesSum, positions


def slow(rule: str, values: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """The sums of nig.md section 5, one interval at a time."""
    total = torch.zeros_like(values[0])
    for k in range(1, len(values)):
        step = values[k] - values[k - 1]
        left, right = gradients[k - 1] * step, gradients[k] * step
        total = total + {"left": left, "right": right, "trap": (left + right) / 2}[rule]
    return total


def chunked(rule: str, values: torch.Tensor, gradients: torch.Tensor, size: int) -> torch.Tensor:
    running = StieltjesSum(rule)
    for v, g in zip(values.split(size), gradients.split(size), strict=True):
        running.add(v, g)
    return running.total


@pytest.mark.parametrize("rule", ["left", "right", "trap"])
@settings(max_examples=25, deadline=None)
@given(points=st.integers(2, 17), size=st.integers(1, 18), seed=st.integers(0, 10_000))
def test_any_chunking_equals_the_slow_sum(rule: str, points: int, size: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    values = torch.randn(points, 3, 4, dtype=torch.float64, generator=draw)
    gradients = torch.randn(points, 3, 4, dtype=torch.float64, generator=draw)
    assert torch.allclose(chunked(rule, values, gradients, size), slow(rule, values, gradients), atol=1e-13)


def test_halves_of_the_path_add_up() -> None:
    values, gradients = torch.randn(9, 5, dtype=torch.float64), torch.randn(9, 5, dtype=torch.float64)
    first, second = (chunked("trap", values[part], gradients[part], 9) for part in (slice(0, 5), slice(4, 9)))
    assert torch.allclose(first + second, chunked("trap", values, gradients, 4), atol=1e-14)


def test_trap_is_exact_for_a_linear_gradient() -> None:
    alphas = positions(4, torch.device("cpu"), torch.float64)[:, None]
    total = chunked("trap", alphas, 3 * alphas + 1, 2)
    assert float(total) == pytest.approx(2.5, abs=1e-15)


def test_positions_reach_both_ends() -> None:
    alphas = positions(7, torch.device("cpu"), torch.float64)
    assert alphas[0] == 0 and alphas[-1] == 1 and len(alphas) == 8


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one chunk"):
        StieltjesSum("trap").total  # noqa: B018
