"""The worker's side is played by a stand-in: a module of that name in a folder of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.evaluate.matchering import running
from engine.tasks import Cancelled, Context, Failure

STAND_IN = """
import soundfile, time
__version__ = "9.9"
class Config:
    def __init__(self, internal_sample_rate, temp_folder):
        self.rate = internal_sample_rate
class Result:
    def __init__(self, file, subtype, use_limiter, normalize):
        assert not use_limiter and not normalize
        self.file, self.subtype = file, subtype
def process(target, reference, results, config):
    print("chatter that must not reach the answers")
    samples, rate = soundfile.read(target, always_2d=True)
    wanted, _ = soundfile.read(reference, always_2d=True)
    if not wanted.any():
        raise RuntimeError("silent reference")
    if len(wanted) == 7:
        time.sleep(60.0)
    gain = wanted.std() / samples.std()
    stereo = samples.repeat(2, axis=1) if samples.shape[1] == 1 else samples
    soundfile.write(results[0].file, gain * stereo, rate, subtype=results[0].subtype)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "matchering.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def noise(channels: int = 2, gain: float = 0.1, frames: int = 4410) -> Clip:
    rng = np.random.default_rng(1)
    return Clip((gain * rng.standard_normal((channels, frames))).astype(np.float32), 44100)


@pytest.mark.parametrize("channels", [1, 2])
def test_what_comes_back_has_the_shape_and_rate_of_what_went_in(stand_in, channels: int) -> None:
    clip = noise(channels)
    with running(Context()) as method:
        assert method.version == "9.9"
        repair = method.repair(clip, noise(channels, 0.2), Context())
    assert repair.clip.rate == 44100
    np.testing.assert_allclose(repair.clip.samples, 2.0 * clip.samples, rtol=1e-5)
    assert repair.parameters is None
    assert repair.seconds > 0.0


def test_a_refusal_is_a_failure_and_the_worker_goes_on(stand_in) -> None:
    with running(Context()) as method:
        with pytest.raises(Failure, match="silent reference"):
            method.repair(noise(), noise(gain=0.0), Context())
        assert method.repair(noise(), noise(), Context()).clip.frames == 4410


def test_it_needs_a_reference(stand_in) -> None:
    with running(Context()) as method, pytest.raises(Failure, match="reference"):
        method.repair(noise(), None, Context())


def test_a_cancel_does_not_wait_for_it(stand_in) -> None:
    context = Context()
    began = time.monotonic()
    with running(context) as method, pytest.raises(Cancelled):
        context.cancel_event.set()
        method.repair(noise(), noise(frames=7), context)
    assert time.monotonic() - began < 30.0


def test_a_missing_package_is_said(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "matchering.py").write_text("raise ImportError('none here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(Failure, match="could not be started"), running(Context()):
        pass


def test_a_missing_interpreter_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(Failure, match="matchering-python"),
        running(Context(), str(tmp_path / "python")),
    ):
        pass


def test_the_worker_ends_with_the_block(stand_in) -> None:
    with running(Context(), sys.executable) as method:
        worker = method._worker
        assert worker.poll() is None
    assert worker.poll() is not None
