"""Checkpoints: kept, dropped, refused."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from engine.tasks import Failure, run_inline
from engine.training.averages import Averages
from engine.training.checkpoint import (
    LoopState,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from engine.training.loop import train
from engine.training.optimization import make_optimizer


class Odd(nn.Module):
    """Shared weights, a frozen one, one that is never used, buffers and a half."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 3)
        self.two = nn.Linear(3, 3)
        self.two.weight = self.one.weight
        self.norm = nn.BatchNorm1d(3)
        self.unused = nn.Parameter(torch.zeros(2))
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        self.register_buffer("count", torch.tensor(7))

    def forward(self, x):
        return self.norm(self.two(self.one(x)))


@pytest.fixture
def trained(recipe):
    """Module, averages and optimizer after some steps."""

    def make(steps=4):
        torch.manual_seed(1)
        module = Odd()
        averages, optimizer = Averages(module, 0.9), make_optimizer(module, recipe().loop)
        for step in range(steps):
            optimizer.zero_grad()
            module(torch.randn(8, 3)).square().sum().backward()
            optimizer.step()
            averages.update(step)
        return module, averages, optimizer

    return make


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_everything_comes_back_bit_for_bit(trained, tmp_path):
    module, averages, optimizer = trained()
    state = LoopState(step=4, best_score=0.1, seconds=1.5, window={"total": 0.1 + 0.2})
    save_checkpoint(tmp_path, state, module, averages, optimizer)
    fresh, fresh_averages, fresh_optimizer = trained(0)
    loaded = load_checkpoint(tmp_path / "00000004", fresh, fresh_averages, fresh_optimizer)
    assert loaded == state
    assert same(module.state_dict(), fresh.state_dict())
    assert same(averages.tensors, fresh_averages.tensors)
    assert fresh.two.weight is fresh.one.weight
    moments = optimizer.state_dict()["state"]
    assert moments.keys() == fresh_optimizer.state_dict()["state"].keys()
    for number, moment in moments.items():
        assert same(moment, fresh_optimizer.state_dict()["state"][number])


def test_a_loss_that_comes_now_and_then_is_averaged_over_the_steps_it_came_at(trained, tmp_path):
    state = LoopState()
    for step in range(6):
        state.record({"total": float(step)} | ({"audio": 10.0 + step} if step % 3 == 0 else {}))
    save_checkpoint(tmp_path, state, *trained())  # in the middle of a window
    resumed = load_checkpoint(tmp_path / "00000000", *trained(0))
    for each in (state, resumed):
        each.record({"total": 6.0, "audio": 16.0})
        assert each.take_window() == {"total": 3.0, "audio": 13.0}
        assert each.take_window() == {}
        assert each.updates == 7


def test_the_last_two_and_the_best_are_kept(trained, tmp_path):
    parts = trained()
    for step in (10, 20, 30, 40, 50):
        save_checkpoint(tmp_path, LoopState(step=step, best_step=20), *parts)
    assert list_checkpoints(tmp_path) == (20, 40, 50)
    assert {path.name for path in tmp_path.iterdir()} == {"00000020", "00000040", "00000050"}


def test_a_checkpoint_that_could_not_be_finished_leaves_nothing(trained, tmp_path, monkeypatch):
    parts = trained()
    save_checkpoint(tmp_path, LoopState(step=1), *parts)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.training.checkpoint._moments", full)
    with pytest.raises(OSError):
        save_checkpoint(tmp_path, LoopState(step=2), *parts)
    assert [path.name for path in tmp_path.iterdir()] == ["00000001"]


def test_a_half_written_checkpoint_is_not_listed(tmp_path):
    (tmp_path / ".00000009.ab12cd34").mkdir()
    (tmp_path / "00000003").mkdir()
    assert list_checkpoints(tmp_path) == (3,)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "averages.safetensors", "optimizer.safetensors", "state.json"]
)
@pytest.mark.parametrize("harm", ["missing", "cut", "noise"])
def test_a_damaged_checkpoint_is_refused_in_words(trained, tmp_path, name, harm):
    parts = trained()
    save_checkpoint(tmp_path, LoopState(step=4), *parts)
    path = tmp_path / "00000004" / name
    data = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if harm == "cut" else bytes(64))
    with pytest.raises(Failure):
        load_checkpoint(tmp_path / "00000004", *trained(0))


def test_a_checkpoint_of_another_model_is_refused(trained, tmp_path, recipe):
    save_checkpoint(tmp_path, LoopState(step=4), *trained())
    other = nn.Linear(2, 2)
    with pytest.raises(Failure, match="another model"):
        load_checkpoint(
            tmp_path / "00000004",
            other,
            Averages(other, 0.9),
            make_optimizer(other, recipe().loop),
        )


def test_a_checkpoint_of_another_version_is_refused(trained, tmp_path):
    save_checkpoint(tmp_path, LoopState(step=4), *trained())
    path = tmp_path / "00000004" / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(Failure, match="version 99"):
        load_checkpoint(tmp_path / "00000004", *trained(0))


def test_a_damaged_newest_checkpoint_can_be_removed_to_resume_from_the_one_before(
    recipe, spec, tmp_path
):
    run_inline(train, spec(recipe(steps=20)))
    newest = tmp_path / "run" / "checkpoints" / "00000020"
    (newest / "model.safetensors").write_bytes(b"")
    with pytest.raises(Failure):
        run_inline(train, spec(recipe(steps=20), resume=True))
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    assert run_inline(train, spec(recipe(steps=20), resume=True)).step == 20


def test_averages_are_used_only_inside(trained):
    module, averages, _ = trained()
    own = {key: value.clone() for key, value in module.state_dict().items()}
    pointers = [weight.data_ptr() for weight in module.parameters()]
    with averages.used():
        assert same(module.state_dict(), averages.tensors)
        assert not module.training
        assert not module(torch.ones(2, 3)).requires_grad
    assert same(module.state_dict(), own)
    assert [weight.data_ptr() for weight in module.parameters()] == pointers
    assert module.training
    assert not torch.equal(averages.tensors["one.weight"], own["one.weight"])
    assert averages.tensors["norm.num_batches_tracked"] == 4


def test_a_module_that_moves_while_its_averages_are_used_gets_its_own_buffers_back(trained):
    module, averages, _ = trained()
    own = {key: value.clone() for key, value in module.state_dict().items()}
    with averages.used():
        module.double().float()
    assert same(module.state_dict(), own)
    module(torch.randn(4, 3) + 5.0)
    averages.update(5)
    mean = averages.tensors["norm.running_mean"]
    assert torch.equal(mean, module.norm.running_mean)
    assert not torch.equal(mean, own["norm.running_mean"])
