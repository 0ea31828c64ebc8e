"""The goniometer: where dots of known signals lie."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.canvas.goniometer import Goniometer
from app.theme import Theme

NOISE = np.random.default_rng(3).standard_normal(2000).astype(np.float32) * 0.3


@pytest.fixture
def scope(qtbot: QtBot) -> Goniometer:
    widget = Goniometer(Theme("dark"))
    qtbot.addWidget(widget)
    widget.resize(121, 121)
    widget.show()
    return widget


def lit(scope: Goniometer) -> tuple[np.ndarray, np.ndarray]:
    """Places of glowing dots: to the right and upwards of the middle, in [-1, 1]."""
    glow = scope._glow
    rows, columns = np.nonzero(glow > 0.5)
    half = glow.shape[0] / 2
    return (columns + 0.5 - half) / half, (half - rows - 0.5) / half


def test_mono_stands_upright(scope: Goniometer) -> None:
    scope.push(np.stack([NOISE, NOISE]), 0.03)
    across, up = lit(scope)
    assert np.abs(across).max() < 0.03
    assert np.ptp(up) > 1.5


def test_out_of_phase_lies_flat(scope: Goniometer) -> None:
    scope.push(np.stack([NOISE, -NOISE]), 0.03)
    across, up = lit(scope)
    assert np.abs(up).max() < 0.03
    assert np.ptp(across) > 1.5


def test_left_alone_leans_to_the_upper_left(scope: Goniometer) -> None:
    scope.push(np.stack([np.abs(NOISE), 0 * NOISE]), 0.03)
    across, up = lit(scope)
    far = np.hypot(across, up) > 0.1
    np.testing.assert_allclose(across[far], -up[far], atol=0.04)
    assert (up[far] > 0).all()


def test_the_picture_is_as_large_for_quiet_music(scope: Goniometer) -> None:
    scope.push(np.stack([NOISE, NOISE]), 0.03)
    loud = np.ptp(lit(scope)[1])
    scope.reset()
    for _ in range(200):
        scope.push(np.stack([NOISE, NOISE]) * 0.1, 0.05)
    assert np.ptp(lit(scope)[1]) == pytest.approx(loud, rel=0.05)


def test_it_fades_to_dark_and_rests(scope: Goniometer) -> None:
    scope.push(np.stack([NOISE, NOISE]), 0.03)
    assert not scope.dark
    for _ in range(10):
        scope.push(np.zeros((2, 0)), 0.5)
    assert scope.dark


def test_silence_is_one_dot_in_the_middle(scope: Goniometer) -> None:
    scope.push(np.zeros((2, 100)), 0.03)
    across, up = lit(scope)
    assert np.abs(np.concatenate([across, up])).max() < 0.03


def test_broken_samples_do_no_harm(scope: Goniometer) -> None:
    scope.push(np.array([[np.nan, np.inf], [0.1, -np.inf]], np.float32), 0.03)
    assert np.isfinite(scope._glow).all()
    assert not scope.grab().isNull()
