from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref

import pytest
from PySide6.QtCore import QThread

import engine.lanes as module
from engine.lanes import Job, JobState, Lane, Lanes
from engine.tasks import Failure

WAIT_MS = 5000


@pytest.fixture
def lanes(qapp):
    lanes = Lanes()
    yield lanes
    assert lanes.shutdown(10.0)


def echo(spec, context):
    return spec


class Gate:
    """A task that runs until it is opened or cancelled."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, spec, context):
        self.entered.release()
        while not self.open.wait(0.005):
            context.checkpoint()
        return spec


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


def wait_until_ended(qtbot, *jobs: Job) -> None:
    qtbot.waitUntil(lambda: all(job.state.ended for job in jobs), timeout=WAIT_MS)


def history(job: Job) -> list[str]:
    """Every state the job tells, and 'ended'."""
    told: list[str] = []
    job.changed.connect(lambda: told.append(str(job.state)))
    job.ended.connect(lambda: told.append("ended"))
    return told


def test_a_job_is_done_with_its_result(lanes, qtbot):
    before = time.time()
    job = lanes.submit("Echo", echo, 42)
    told = history(job)
    assert (job.title, job.state, job.lane) == ("Echo", JobState.QUEUED, "light")
    wait_until_ended(qtbot, job)
    assert told == ["running", "done", "ended"]
    assert job.result == 42 and job.failure is None
    assert before <= job.started_at <= job.ended_at <= time.time()


def test_work_runs_elsewhere_and_signals_arrive_here(lanes, qtbot):
    here = threading.get_ident()
    seen = {}

    def task(spec, context):
        seen["task"] = threading.get_ident()
        context.report(1, 2, "half")

    job = lanes.submit("Where", task, None)
    job.changed.connect(lambda: seen.setdefault("changed", threading.get_ident()))
    job.progressed.connect(lambda progress: seen.setdefault("progressed", threading.get_ident()))
    job.ended.connect(lambda: seen.setdefault("ended", threading.get_ident()))
    wait_until_ended(qtbot, job)
    assert seen.pop("task") != here
    assert seen == {"changed": here, "progressed": here, "ended": here}


def test_progress_comes_in_order_and_the_last_is_there_before_the_end(lanes, qtbot):
    def task(spec, context):
        for number in range(200):
            context.report(number + 1, 200, f"step {number}")

    job = lanes.submit("Count", task, None)
    told = []
    job.progressed.connect(lambda progress: told.append(progress.done))
    job.ended.connect(lambda: told.append("ended"))
    wait_until_ended(qtbot, job)
    assert told[-2:] == [200, "ended"] and told[:-1] == sorted(told[:-1])
    assert job.progress.fraction == 1.0


def test_a_failure_keeps_its_words(lanes, qtbot):
    failure = Failure("No audio.", "It is empty.", "Choose another.")

    def task(spec, context):
        raise failure

    job = lanes.submit("Fail", task, None)
    told = history(job)
    wait_until_ended(qtbot, job)
    assert told == ["running", "failed", "ended"]
    assert job.failure is failure


@pytest.mark.parametrize("error", [ZeroDivisionError("by nothing"), SystemExit(3), StopIteration()])
def test_any_other_error_becomes_a_failure_with_its_traceback(lanes, qtbot, error):
    def task_that_breaks(spec, context):
        raise error

    job = lanes.submit("Break", task_that_breaks, None)
    after = lanes.submit("After", echo, 1)
    wait_until_ended(qtbot, job, after)
    assert job.state is JobState.FAILED and type(error).__name__ in job.failure.why
    assert "task_that_breaks" in job.trace
    assert after.result == 1


def test_memory_that_ran_out_is_told_as_such(lanes, qtbot):
    def task(spec, context):
        raise RuntimeError("CUDA out of memory. Tried to allocate")

    job = lanes.submit("Big", task, None)
    wait_until_ended(qtbot, job)
    assert "memory" in job.failure.what


def test_a_running_job_is_cancelled_at_its_checkpoint(lanes, qtbot, gate):
    job = lanes.submit("Long", gate, None)
    told = history(job)
    assert gate.entered.acquire(timeout=5)
    qtbot.waitUntil(lambda: job.state is JobState.RUNNING)
    asked = time.monotonic()
    job.cancel()
    assert job.cancelling
    wait_until_ended(qtbot, job)
    assert time.monotonic() - asked < 0.2
    assert told == ["running", "running", "cancelled", "ended"]
    job.cancel()
    assert told[-1] == "ended" and not job.cancelling


def test_a_queued_job_is_cancelled_at_once_and_never_starts(lanes, qtbot, gate):
    started = []
    running = lanes.submit("First", gate, None, lane=Lane.HEAVY)
    queued = lanes.submit("Second", lambda spec, ctx: started.append(spec), 2, lane=Lane.HEAVY)
    told = history(queued)
    queued.cancel()
    assert told == ["cancelled", "ended"]
    gate.open.set()
    wait_until_ended(qtbot, running)
    last = lanes.submit("Third", echo, 3, lane=Lane.HEAVY)
    wait_until_ended(qtbot, last)
    assert started == [] and queued.started_at is None


def test_cancelling_at_any_moment_gives_exactly_one_end(lanes, qtbot):
    def task(spec, context):
        for _ in range(5):
            context.checkpoint()
            time.sleep(0.0005)
        return spec

    jobs, ends = [], []
    for number in range(120):
        job = lanes.submit(str(number), task, number)
        job.ended.connect(lambda job=job: ends.append(job.id))
        jobs.append(job)
        if number % 3:
            job.cancel()
        qtbot.wait(number % 2)
    wait_until_ended(qtbot, *jobs)
    assert sorted(ends) == [job.id for job in jobs]
    assert all(job.result == number for number, job in enumerate(jobs) if number % 3 == 0)


def test_a_light_job_does_not_wait_behind_a_light_or_heavy_one(lanes, qtbot, gate):
    lanes.submit("Heavy", gate, None, lane=Lane.HEAVY)
    lanes.submit("Light", gate, None)
    for _ in range(2):
        assert gate.entered.acquire(timeout=5)
    quick = lanes.submit("Quick", echo, 1)
    wait_until_ended(qtbot, quick)
    assert lanes.busy


def test_heavy_jobs_run_one_after_the_other_in_order(lanes, qtbot):
    running, most, order = [0], [0], []

    def task(spec, context):
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.01)
        order.append(spec)
        running[0] -= 1

    jobs = [lanes.submit(str(n), task, n, lane=Lane.HEAVY) for n in range(5)]
    wait_until_ended(qtbot, *jobs)
    assert most == [1] and order == [0, 1, 2, 3, 4]
    assert not lanes.busy


def test_each_gpu_has_a_lane_of_its_own_and_tells_its_device(lanes, qtbot, gate):
    lanes.submit("Busy", gate, None, lane="cuda:0")
    assert gate.entered.acquire(timeout=5)
    other = lanes.submit("Device", lambda spec, ctx: ctx.device, None, lane="cuda:1")
    cpu = lanes.submit("Device", lambda spec, ctx: ctx.device, None, lane=Lane.HEAVY)
    wait_until_ended(qtbot, other, cpu)
    assert (other.result, cpu.result) == ("cuda:1", "cpu")


@pytest.mark.parametrize("name", ["cuda", "gpu:0", "cuda:x", ""])
def test_an_unknown_lane_is_refused(lanes, name):
    with pytest.raises(ValueError, match="lane"):
        lanes.submit("Nowhere", echo, 1, lane=name)
    assert lanes.jobs == ()


def test_a_task_cannot_submit_behind_the_owners_back(lanes, qtbot):
    job = lanes.submit("Outer", lambda spec, ctx: lanes.submit("Inner", echo, 1), None)
    wait_until_ended(qtbot, job)
    assert "thread the lanes live in" in job.failure.why and lanes.jobs == (job,)


def test_retry_is_a_new_job_with_the_same_work(lanes, qtbot):
    attempts = []

    def task(spec, context):
        attempts.append((spec, context.seed, float(context.rng.random())))
        if len(attempts) == 1:
            raise Failure("Not yet.")
        return spec

    submitted = []
    lanes.submitted.connect(submitted.append)
    first = lanes.submit("Try", task, "spec", lane=Lane.HEAVY, seed=9)
    wait_until_ended(qtbot, first)
    second = first.retry()
    wait_until_ended(qtbot, second)
    assert submitted == [first, second] and second.id != first.id
    assert (first.state, second.state) == (JobState.FAILED, JobState.DONE)
    assert (second.title, second.lane) == ("Try", "heavy")
    assert attempts[0] == attempts[1] and attempts[0][1] == 9


def test_ended_jobs_are_cleared_and_their_results_freed(lanes, qtbot, gate):
    class Big:
        pass

    running = lanes.submit("Running", gate, None)
    job = lanes.submit("Big", lambda spec, ctx: Big(), None)
    wait_until_ended(qtbot, job)
    result = weakref.ref(job.result)
    removed = []
    lanes.removed.connect(lambda job: removed.append(job.id))
    lanes.clear_ended()
    assert lanes.jobs == (running,) and removed == [job.id]
    del job
    gc.collect()
    assert result() is None


def test_a_failed_job_does_not_keep_the_tasks_arrays(lanes, qtbot):
    class Big:
        pass

    alive = []

    def task(spec, context):
        big = Big()
        alive.append(weakref.ref(big))
        raise ValueError("no")

    job = lanes.submit("Fail", task, None)
    wait_until_ended(qtbot, job)
    gc.collect()
    assert alive[0]() is None


def test_warnings_reach_the_job(lanes, qtbot):
    job = lanes.submit("Warn", lambda spec, ctx: ctx.part(0, 1).warn("smaller chunks"), None)
    wait_until_ended(qtbot, job)
    assert job.warnings == ("smaller chunks",)


def test_the_time_left_counts_down(lanes, qtbot, gate, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(module.time, "time", lambda: now[0])
    job = lanes.submit("Long", gate, None)
    assert job.time_left_s is None
    qtbot.waitUntil(lambda: job.state is JobState.RUNNING)
    now[0] += 10.0
    job._run.context.on_progress(module.Progress(1, 5))
    qtbot.waitUntil(lambda: job.progress.done == 1)
    assert job.time_left_s == pytest.approx(40.0)
    now[0] += 15.0
    assert job.time_left_s == pytest.approx(25.0)
    now[0] += 100.0
    assert job.time_left_s == 0.0
    gate.open.set()
    wait_until_ended(qtbot, job)
    assert job.time_left_s is None


def test_shutdown_cancels_everything_and_joins(qapp, gate):
    lanes = Lanes()
    jobs = [lanes.submit(str(n), gate, n, lane=lane) for n in range(4) for lane in Lane]
    ends = []
    for job in jobs:
        job.ended.connect(lambda job=job: ends.append(job.id))
    assert gate.entered.acquire(timeout=5)
    assert lanes.shutdown(5.0)
    assert all(job.state is JobState.CANCELLED for job in jobs)
    assert sorted(ends) == sorted(job.id for job in jobs)
    late = lanes.submit("late", lambda spec, context: 1, None)
    assert late.state is JobState.CANCELLED
    assert lanes.shutdown(0.0)


def test_shutdown_says_when_a_task_does_not_listen(qapp):
    entered, release = threading.Event(), threading.Event()

    def deaf(spec, context):
        entered.set()
        release.wait(10)

    lanes = Lanes()
    lanes.submit("Deaf", deaf, None)
    assert entered.wait(5)
    began = time.monotonic()
    assert not lanes.shutdown(0.1)
    assert time.monotonic() - began < 2.0
    release.set()
    assert lanes.shutdown(5.0)


@pytest.mark.parametrize(("lasts_s", "linger_s"), [(0.5, 20.0), (30.0, 0.5)])
def test_a_program_ends_in_order_though_a_task_does_not_listen(lasts_s, linger_s):
    code = f"""
import threading, time
from PySide6.QtCore import QCoreApplication
import engine.lanes
engine.lanes.LINGER_S = {linger_s}
application = QCoreApplication([])
lanes = engine.lanes.Lanes()
entered = threading.Event()
def deaf(spec, context):
    entered.set()
    time.sleep({lasts_s})
lanes.submit("Deaf", deaf, None)
entered.wait()
print(lanes.shutdown(0.05))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


def test_lanes_have_room_for_deep_stacks(lanes, qtbot):
    def task(spec, context):
        return QThread.currentThread().stackSize()

    job = lanes.submit("Stack", task, None)
    wait_until_ended(qtbot, job)
    assert job.result == 16 * 1024 * 1024


def test_light_work_does_not_import_torch():
    code = """
import sys
from PySide6.QtCore import QCoreApplication
from engine.lanes import Lanes
application = QCoreApplication([])
lanes = Lanes()
job = lanes.submit("x", lambda spec, context: spec, 1)
job.ended.connect(application.quit)
application.exec()
assert lanes.shutdown()
print("torch" in sys.modules, job.result)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["False", "1"]
