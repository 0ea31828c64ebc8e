from __future__ import annotations

import weakref

import pytest

import engine.devices as module
from engine.devices import Device, choose_device, list_devices, with_memory_fallback
from engine.tasks import Cancelled, Context, Failure


@pytest.fixture
def gpus(monkeypatch):
    """Pretend there are two GPUs, the second with more free memory."""
    there = (Device("cuda:0", "A", 100, 10), Device("cuda:1", "B", 100, 90))
    monkeypatch.setattr(module, "_gpus", lambda: there)


def test_the_cpu_is_always_listed_with_its_memory():
    cpu = list_devices()[0]
    assert cpu.id == "cpu" and "cores" in cpu.name
    assert 0 < cpu.free_bytes <= cpu.memory_bytes


def test_without_a_gpu_auto_means_the_cpu(monkeypatch):
    monkeypatch.setattr(module, "_gpus", lambda: ())
    assert choose_device() == "cpu"
    with pytest.raises(Failure, match="No CUDA GPU"):
        choose_device("cuda:0")


def test_auto_takes_the_gpu_with_most_free_memory(gpus):
    assert choose_device("auto") == choose_device("cuda") == "cuda:1"
    assert choose_device("cuda:0") == "cuda:0"
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["cuda:2", "gpu", "", "tpu:0"])
def test_a_device_that_is_not_there_is_a_failure_that_lists_what_is(gpus, name):
    with pytest.raises(Failure, match="cpu, cuda:0, cuda:1") as caught:
        choose_device(name)
    assert caught.value.remedy


def test_the_cpu_needs_no_torch(monkeypatch):
    def explode() -> tuple[Device, ...]:
        raise AssertionError("torch was asked")

    monkeypatch.setattr(module, "_gpus", explode)
    assert choose_device("cpu") == "cpu"


def fits(limits: dict[str, int]):
    """A run that needs as many bytes as its chunk is long."""

    def run(device: str, size: int) -> tuple[str, int]:
        if size > limits[device]:
            raise MemoryError
        return device, size

    return run


def test_what_fits_runs_as_asked():
    context = Context()
    result = with_memory_fallback(fits({"cuda:0": 8}), [8, 4], "cuda:0", context)
    assert result == ("cuda:0", 8) and context.warnings == []


def test_smaller_chunks_come_first_and_are_told():
    told = []
    context = Context(told.append, interval_s=0.0)
    result = with_memory_fallback(fits({"cuda:0": 4, "cpu": 8}), [8, 4, 2], "cuda:0", context)
    assert result == ("cuda:0", 4)
    assert context.warnings == [told[0].text] and "smaller chunks" in told[0].text


def test_then_the_cpu_takes_over_and_it_is_told():
    context = Context()
    result = with_memory_fallback(fits({"cuda:0": 1, "cpu": 8}), [8, 4], "cuda:0", context)
    assert result == ("cpu", 8)
    assert any("going on with cpu" in text for text in context.warnings)


def test_what_fits_nowhere_is_a_failure():
    with pytest.raises(Failure, match="memory"):
        with_memory_fallback(fits({"cuda:0": 1, "cpu": 1}), [8, 4], "cuda:0", Context())
    with pytest.raises(Failure, match="memory"):
        with_memory_fallback(fits({"cpu": 1}), [8, 4], "cpu", Context())


def test_other_errors_pass_through():
    def run(device: str, size: int) -> None:
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        with_memory_fallback(run, [1], "cpu", Context())


def test_the_memory_of_a_failed_attempt_is_free_before_the_next():
    class Big:
        pass

    alive: list[weakref.ref[Big]] = []

    def run(device: str, size: int) -> int:
        assert all(reference() is None for reference in alive)
        big = Big()
        alive.append(weakref.ref(big))
        if size > 1:
            raise MemoryError
        return size

    assert with_memory_fallback(run, [4, 2, 1], "cpu", Context()) == 1
    assert len(alive) == 3


def test_a_cancel_between_attempts_is_heard():
    context = Context()

    def run(device: str, size: int) -> None:
        context.cancel_event.set()
        raise MemoryError

    with pytest.raises(Cancelled):
        with_memory_fallback(run, [2, 1], "cpu", context)
