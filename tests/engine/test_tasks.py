from __future__ import annotations

import copy

import numpy as np
import pytest

import engine.tasks as module
from engine.tasks import Cancelled, Context, Failure, Progress, run_inline


@pytest.fixture
def clock(monkeypatch):
    """A clock the test turns; gives a function that advances it."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_reports_are_throttled_and_the_last_one_is_sent(clock):
    got = []

    def task(spec, context):
        for number in range(1001):
            context.report(number, 1000)
            clock(0.001)

    run_inline(task, None, context=Context(got.append))
    assert got[-1].done == 1000
    assert 20 <= len(got) <= 22
    assert [p.done for p in got] == sorted(p.done for p in got)


def test_a_report_held_back_is_sent_when_the_task_fails(clock):
    got = []

    def task(spec, context):
        context.report(1, 3)
        context.report(2, 3)
        raise Failure("no")

    with pytest.raises(Failure):
        run_inline(task, None, context=Context(got.append))
    assert [p.done for p in got] == [1, 2]


def test_the_last_report_of_a_part_is_not_lost(clock):
    got = []

    def task(spec, context):
        first, second = context.part(0.0, 0.5, "load"), context.part(0.5, 1.0)
        for number in range(1, 5):
            first.report(number, 4, "reading")
        clock(1.0)
        for number in range(1, 5):
            second.report(number, 4)

    run_inline(task, None, context=Context(got.append))
    assert got[0] == Progress(0.125, 1.0, "load: reading")
    assert got[-1].done == 1.0


def test_a_part_shares_cancel_device_seed_and_warnings():
    context = Context(device="cuda:1", seed=5)
    part = context.part(0.0, 1.0).part(0.2, 0.4)
    part.warn("careful")
    part.warn("careful")
    assert context.warnings == ["careful"]
    assert (part.device, part.seed) == ("cuda:1", 5)
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        part.checkpoint()


def test_a_task_cancelled_before_it_starts_does_not_start():
    context = Context()
    context.cancel_event.set()
    ran = []
    with pytest.raises(Cancelled):
        run_inline(lambda spec, ctx: ran.append(spec), 1, context=context)
    assert ran == []


def test_randomness_follows_the_seed():
    first, second, other = Context(seed=3), Context(seed=3), Context(seed=4)
    numbers = first.rng.random(5)
    assert np.array_equal(numbers, second.rng.random(5))
    assert not np.array_equal(numbers, other.rng.random(5))
    assert not np.array_equal(numbers, first.rng.random(5))


def test_running_out_of_memory_is_a_failure():
    def task(spec, context):
        raise MemoryError

    with pytest.raises(Failure, match="memory"):
        run_inline(task, None)


@pytest.mark.parametrize(
    ("done", "total", "fraction"), [(0, 0, 0.0), (5, 0, 0.0), (1, 4, 0.25), (9, 4, 1.0), (-1, 4, 0)]
)
def test_a_fraction_lies_between_nothing_and_all(done, total, fraction):
    assert Progress(done, total).fraction == fraction


def test_a_failure_survives_what_a_process_boundary_does_to_it():
    # The reduction a pool uses to send an exception home is the one copy uses.
    failure = copy.deepcopy(Failure("What.", "Why.", "Do."))
    assert (failure.what, failure.why, failure.remedy) == ("What.", "Why.", "Do.")
    assert str(failure) == "What. Why. Do."
