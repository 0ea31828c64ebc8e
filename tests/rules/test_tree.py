"""The house keeps its shape."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*ROOT.glob("app/**/*.py"), *ROOT.glob("engine/**/*.py")])
MOST_LINES = 400
ROOMS = ("mastering", "latent", "codecs", "listening")
HEAVY = ("torch", "numba", "scipy.signal", "av", "sounddevice", "jinja2", "rich")


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines(path) for path in SOURCES if lines(path) > MOST_LINES
    }
    assert not long


def test_the_median_file_is_about_150_lines() -> None:
    counts = sorted(lines(path) for path in SOURCES if path.name != "__init__.py")
    assert counts[len(counts) // 2] <= 200


def test_the_top_level_holds_only_what_the_plan_names() -> None:
    listed = subprocess.run(
        ["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert set(listed.stdout.split()) <= {
        *("pyproject.toml", "app", "engine", "resources", "tests", "packaging", "README.md"),
        *("Makefile", "docs", ".ci", "CHANGELOG.md", "LICENSE", ".gitignore"),
    }


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


def test_the_engine_imports_no_qt_except_in_lanes() -> None:
    """import-linter sees packages; this sees every import statement, also inside functions."""
    offenders = []
    for path in ROOT.glob("engine/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] in ("PySide6", "pyqtgraph", "app") for name in names):
                offenders.append(path.name)
    assert set(offenders) <= {"lanes.py"}


def test_the_rooms_of_the_engine_do_not_import_one_another() -> None:
    """What they share is in engine.audio, engine.training and beside them."""
    offenders = []
    for room in ROOMS:
        others = tuple(f"engine.{other}" for other in ROOMS if other != room)
        for path in ROOT.glob(f"engine/{room}/**/*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                if any(f"{name}.".startswith(f"{each}.") for name in names for each in others):
                    offenders.append(str(path.relative_to(ROOT)))
    assert not offenders


def test_building_the_window_imports_nothing_heavy() -> None:
    code = f"import sys, app.bootstrap; print([n for n in {HEAVY!r} if n in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
