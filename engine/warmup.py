"""Warm-up: compile and load the engine's kernels before somebody waits for them.

The first run on a machine compiles for some ten seconds; numba keeps the result beside the
sources, and later runs load it in less than one. ``python -m engine.warmup`` does it at set-up.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from engine.tasks import Context, run_inline

RATE = 48_000
CACHE_BYTES = 1 << 24


def warm_up(_spec: None, context: Context) -> None:
    """A task: use what opening a file and hearing the live chain use."""
    context.report(0, 2, "reading and measuring")
    _take_in_a_second(context)
    context.checkpoint()
    context.report(1, 2, "mastering chain; the first time it is compiled")
    import engine.audio.spectrogram
    import engine.mastering.biquad  # noqa: F401 - the panel draws with it
    from engine.mastering import preview

    context.checkpoint()
    preview.create(RATE, 2)
    context.report(2, 2)


def _take_in_a_second(context: Context) -> None:
    """Take in a stereo file the way the window does: kernels are compiled for types of arrays."""
    import numpy as np
    import soundfile

    from engine.audio.intake import IntakeSpec, take_in
    from engine.cache import Cache

    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (RATE, 2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "second.wav"
        soundfile.write(path, noise, RATE, subtype="PCM_24")
        take_in(IntakeSpec(path, Cache(Path(folder) / "cache", CACHE_BYTES)), context.part(0, 0.5))


def main() -> int:
    """Warm up once, quietly."""
    run_inline(warm_up, None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
