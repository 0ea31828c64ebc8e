"""The command line: the same tasks as in the window, without one."""

from engine.cli.command import Command
from engine.cli.main import build_parser, run

__all__ = ["Command", "build_parser", "run"]
