"""The demo session: its track is synthesised on the first use and kept with the user's data."""

from __future__ import annotations

from pathlib import Path

from engine.atomic import replacing
from engine.tasks import Context

FILE_NAME = "demo - dull and quiet.flac"


def demo_path(data: Path) -> Path:
    """Where the demo track lies below the user's data folder."""
    return data / "demo" / FILE_NAME


def make_demo(data: Path, context: Context) -> Path:
    """A task: the path of the demo track, which is synthesised if it is not there yet."""
    path = demo_path(data)
    if not path.is_file():
        from resources.demo.synthesise import write_demo

        context.report(0, 1, "synthesising the demo track")
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:  # two windows may be first at once
            write_demo(temporary)
    return path
