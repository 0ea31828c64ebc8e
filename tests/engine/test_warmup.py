from __future__ import annotations

import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from engine.audio import kernels
from engine.audio.intake import IntakeSpec, take_in
from engine.cache import Cache
from engine.mastering import compressor, filter_bank, oversample, peak_stage, preview, saturator
from engine.tasks import Cancelled, Context, Progress
from engine.warmup import warm_up

MODULES = (kernels, compressor, filter_bank, oversample, peak_stage, saturator)


def compiled(module: ModuleType) -> dict[str, int]:
    """For how many types of arguments each kernel of a module is compiled."""
    kernels = {name: item for name, item in vars(module).items() if hasattr(item, "signatures")}
    return {name: len(item.signatures) for name, item in kernels.items()}


def test_nothing_is_left_to_compile_for_a_file_and_the_live_chain(tmp_path: Path) -> None:
    warm_up(None, Context())
    before = [compiled(module) for module in MODULES]
    assert all(before)
    path = tmp_path / "tone.flac"
    tone = 0.1 * np.sin(np.arange(44_100) / 20.0)
    soundfile.write(path, np.stack([tone, tone], axis=1), 44_100)
    take_in(IntakeSpec(path, Cache(tmp_path / "cache", 1 << 24)), Context())
    insert = preview.create(44_100, 2)
    insert.process(np.zeros((512, 2), np.float32))
    assert [compiled(module) for module in MODULES] == before


def test_a_cancelled_warm_up_stops() -> None:
    cancel, texts = threading.Event(), []

    def note(progress: Progress) -> None:
        texts.append(progress.text)
        cancel.set()

    with pytest.raises(Cancelled):
        warm_up(None, Context(note, cancel))
    assert texts == ["reading and measuring"]
