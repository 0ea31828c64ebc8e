"""What every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The folder of licensed recordings beside a developer's checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "audio"
    if not folder.is_dir():
        pytest.skip("the shared recordings (../shared/audio) are not on this machine")
    return folder
