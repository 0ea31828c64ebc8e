"""``audiobench``: the window, or one of the commands of the command line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

USAGE = "audiobench [FILES...]   |   audiobench COMMAND ...   (audiobench --help)"
COMMANDS = (
    *("info", "master", "master-eval", "models", "train", "dataset", "doctor"),
    "screenshot",
)
# A frozen program starts its playback process as itself with this word.
AUDIO_HOST = "--audio-host"


def main(arguments: list[str] | None = None) -> int:
    """Run audiobench.

    Parameters
    ----------
    arguments
        Without the program's name; from the command line by default.

    Returns
    -------
    int
        0 done, 1 failed, 2 usage, 130 cancelled.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and (arguments[0] in COMMANDS or arguments[0] in ("-h", "--help")):
        from app import screenshot
        from engine.cli import run

        return run(arguments, extra=(screenshot.COMMAND,))
    if arguments[:1] == [AUDIO_HOST]:
        from app.audio.host import main as host

        host(arguments[1])
        return 0
    options = _parser().parse_args(arguments)
    if options.version:
        from importlib import metadata

        print(f"audiobench {metadata.version('audiobench')}")
        return 0
    if not has_display():
        from app.headless import run_demo

        if options.demo:
            return run_demo(Path.cwd() / "out")
        print(
            "audiobench: there is no display to open a window on. "
            "Use a command (audiobench --help), or audiobench --demo for a demonstration.",
            file=sys.stderr,
        )
        return 1
    from app.run import run_window

    return run_window(options.files, demo=options.demo, theme=options.theme)


def has_display() -> bool:
    """Whether a window can be shown here."""
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="audiobench", usage=USAGE, add_help=False)
    parser.add_argument("files", nargs="*", type=Path, help="audio files, folders or a session")
    parser.add_argument("--demo", action="store_true", help="open the demo session")
    parser.add_argument("--theme", help="system, dark, light or high contrast, for this run")
    parser.add_argument("--version", action="store_true", help="print the version")
    return parser


if __name__ == "__main__":
    sys.exit(main())
