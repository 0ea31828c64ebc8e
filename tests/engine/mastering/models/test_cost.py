"""The bill: counted by hand for a small one, and adding up for the real ones."""

from __future__ import annotations

import time

import pytest
import torch

from engine.mastering.models.cost import RUNS, Cost, Workload, costs, designs
from engine.tasks import Cancelled, Context

torch.set_num_threads(1)


def test_a_linear_layer_costs_what_it_should() -> None:
    layer = torch.nn.Linear(3, 5)
    workload = Workload((layer,), lambda s: lambda: layer(torch.zeros(round(1e4 * s), 3)))
    (cost,) = costs({"layer": workload}, seconds=(1.0, 2.0), runs=1)
    assert cost.name == "layer"
    assert cost.parameters == 3 * 5 + 5
    assert cost.seconds == (1.0, 2.0)
    assert cost.gflop == pytest.approx((2e-9 * 1e4 * 15, 2e-9 * 2e4 * 15))


def test_a_convolution_costs_what_it_should() -> None:
    layer = torch.nn.Conv1d(4, 6, 5)
    workload = Workload((layer,), lambda s: lambda: layer(torch.zeros(1, 4, 104)))
    (cost,) = costs({"layer": workload}, seconds=(1.0,), runs=1)
    assert cost.gflop == pytest.approx((2e-9 * 100 * 4 * 6 * 5,))


def test_the_time_is_the_median_and_the_preparation_does_not_count() -> None:
    naps = iter([0.2, 0.01, 0.01, 0.3, 0.01, 0.01])  # the first run warms up

    def prepare(seconds: float) -> object:
        time.sleep(0.1)
        return lambda: time.sleep(next(naps))

    (cost,) = costs({"nap": Workload((), prepare)}, seconds=(1.0,), runs=5)
    assert 10.0 <= cost.latency_ms[0] < 60.0
    assert (cost.parameters, cost.gflop) == (0, (0.0,))


def test_cancel_ends_it_between_runs() -> None:
    context = Context()
    runs = []

    def work() -> None:
        runs.append(1)
        context.cancel_event.set()

    with pytest.raises(Cancelled):
        costs({"work": Workload((), lambda s: work)}, context=context)
    assert len(runs) < RUNS


@pytest.fixture(scope="module")
def bill() -> dict[str, Cost]:
    return {cost.name: cost for cost in costs(designs(), seconds=(1.0, 2.0), runs=1)}


def test_a_design_has_the_parameters_of_its_parts(bill: dict[str, Cost]) -> None:
    for variant in ("1A", "1B", "1C", "1D"):
        parts = bill["encoder"].parameters + bill[f"decoder {variant}"].parameters
        residual = 0 if variant == "1A" else bill["residual, small"].parameters
        assert bill[f"design {variant}"].parameters == parts + residual


def test_a_design_does_the_work_of_its_parts(bill: dict[str, Cost]) -> None:
    for variant in ("1A", "1B", "1C", "1D"):
        for place in range(2):
            parts = bill["encoder"].gflop[place] + bill[f"decoder {variant}"].gflop[place]
            residual = 0.0 if variant == "1A" else bill["residual, small"].gflop[place]
            assert bill[f"design {variant}"].gflop[place] == pytest.approx(parts + residual)


def test_the_raw_encoder_costs_more_than_the_mel_one_and_less_than_the_reference(
    bill: dict[str, Cost],
) -> None:
    per_5_s = 5.0 * (bill["encoder, raw audio"].gflop[1] - bill["encoder, raw audio"].gflop[0])
    assert 10.0 * bill["encoder"].gflop[1] < bill["encoder, raw audio"].gflop[1]
    assert 5.0 < per_5_s < 62.0


def test_the_residual_costs_less_than_a_twelfth_of_the_reference_s(bill: dict[str, Cost]) -> None:
    wide = bill["residual, wide"].gflop
    assert 5.0 * (wide[1] - wide[0]) < 190.0 / 12.0
