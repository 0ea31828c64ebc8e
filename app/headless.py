"""The demonstration without a display: master the demo, write file, report and picture."""

from __future__ import annotations

from pathlib import Path

from app.demo import make_demo
from engine.cli import run
from engine.locations import Locations
from engine.tasks import Context


def run_demo(folder: Path) -> int:
    """Do the main job from the command line; 0 when everything was written.

    Parameters
    ----------
    folder
        Where the mastered file, the report and the picture go.
    """
    from app import screenshot

    print("There is no display, so audiobench does its main job without a window.\n", flush=True)
    demo = make_demo(Locations.standard().data, Context())
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "demo - mastered.wav"
    report = folder / "demo - report.html"
    picture = folder / "audiobench.png"
    master = ["master", str(demo), str(written), "--report", str(report), "--overwrite"]
    code = run(master) or run(
        ["screenshot", str(picture), str(demo), "--master"], extra=(screenshot.COMMAND,)
    )
    if code == 0:
        print(f"\nWritten:\n  {written}\n  {report}\n  {picture}")
        print("With a display, the same command opens the window.")
    return code
