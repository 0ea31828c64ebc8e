"""Run the test suite in parts that do not disturb one another.

1. Everything that needs neither a screen nor the sound server, on all cores.
2. Widgets, offscreen, on all cores.
3. Journeys through the whole window, under Xvfb where it is installed; one at a time, because a
   screen has one active window, and only that one gets the keys.
4. Real playback, alone, because it measures time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PARTS: tuple[tuple[str, list[str], bool], ...] = (
    ("engine and rules", ["tests/engine", "tests/resources", "tests/rules", "-n", "2"], False),
    ("widgets", ["tests/app", "-n", "2"], False),
    ("journeys", ["tests/journeys"], True),
    ("real playback", ["tests/audio"], False),
)


def command(arguments: list[str], screen: bool) -> list[str]:
    """The command line of one part."""
    pytest = [sys.executable, "-m", "pytest", "-q", "-m", "not perf", *arguments]
    if screen and shutil.which("xvfb-run"):
        return ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", *pytest]
    return pytest


def main() -> int:
    """Run all parts, even after one failed; 0 when all passed."""
    failed = []
    for title, arguments, screen in PARTS:
        present = [
            item for item in arguments if not item.startswith("tests/") or Path(item).is_dir()
        ]
        if not any(item.startswith("tests/") for item in present):
            continue
        print(f"== {title}", flush=True)
        environment = dict(os.environ)
        if not (screen and shutil.which("xvfb-run")):
            environment["QT_QPA_PLATFORM"] = "offscreen"
        if subprocess.run(command(present, screen), env=environment, check=False).returncode:
            failed.append(title)
    print("failed: " + ", ".join(failed) if failed else "all parts passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
