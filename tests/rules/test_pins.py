"""The pinned Qt binding is the one without the reference-counting fault."""

from __future__ import annotations

import sys
import tomllib
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Signal

ROOT = Path(__file__).resolve().parents[2]
CALLS = 20_000


def test_twenty_thousand_calls_keep_the_count_of_none() -> None:
    """PySide6 6.12.0 on Python 3.11 drops a reference to None at almost every call."""

    class Bell(QObject):
        rung = Signal(int)

    bell = Bell()
    heard: list[int] = []
    bell.rung.connect(heard.append)
    before = sys.getrefcount(None)
    for number in range(CALLS):
        bell.rung.emit(number)
        bell.setProperty("count", None)
        QSize(1, 1).setWidth(number)
    assert len(heard) == CALLS
    assert before - sys.getrefcount(None) < CALLS // 100


def test_what_is_installed_is_what_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        name, _, version = requirement.partition("==")
        assert version, f"{requirement} is not pinned"
        assert metadata.version(name).split("+")[0] == version


def test_the_trac_client_is_never_a_dependency() -> None:
    for path in (ROOT / "pyproject.toml", ROOT / "packaging" / "constraints.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not line.strip().strip('"').startswith("pytrac")
