"""Hard concrete gates: exactly open, exactly shut, and as likely as the paper says."""

from __future__ import annotations

import math

import pytest
import torch

from engine.mastering.models.gates import HIGH, LOW, TEMPERATURE, hard_concrete


def test_sure_gates_are_exactly_open_or_shut() -> None:
    gates = hard_concrete(torch.tensor([-20.0, -3.0, 3.0, 20.0]))
    assert gates.tolist() == [0.0, 0.0, 1.0, 1.0]


def test_an_undecided_gate_is_half_open() -> None:
    assert hard_concrete(torch.zeros(1)).item() == pytest.approx(0.5, abs=1e-6)


def test_at_run_time_a_gate_is_the_stretched_sigmoid() -> None:
    logits = torch.linspace(-2.0, 2.0, 9)
    expected = [(HIGH - LOW) / (1.0 + math.exp(-x)) + LOW for x in logits.tolist()]
    assert hard_concrete(logits).tolist() == pytest.approx([min(max(x, 0), 1) for x in expected])


@pytest.mark.parametrize("logit", [-2.0, 0.0, 1.5])
def test_gates_are_open_as_often_as_the_closed_form_says(logit: float) -> None:
    noise = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    gates = hard_concrete(torch.full_like(noise, logit), noise)
    odds = math.exp(logit - TEMPERATURE * math.log(-LOW / HIGH))
    assert float((gates > 0).double().mean()) == pytest.approx(odds / (1.0 + odds), abs=1e-4)


def test_random_gates_are_exactly_0_and_exactly_1_now_and_then() -> None:
    noise = (torch.arange(1000) + 0.5) / 1000
    gates = hard_concrete(torch.zeros(1000), noise)
    assert (gates == 0.0).any()
    assert (gates == 1.0).any()
    assert ((gates > 0.0) & (gates < 1.0)).any()


def test_an_undecided_gate_can_be_learned() -> None:
    logits = torch.zeros(3, requires_grad=True)
    hard_concrete(logits).sum().backward()
    assert torch.allclose(logits.grad, torch.full((3,), 0.25 * (HIGH - LOW)))
