"""Command: one word of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from engine.cli.terminal import Terminal

DONE = 0
FAILED = 1
USAGE = 2
CANCELLED = 130


class UsageError(Exception):
    """The arguments fit the parser but not together; ends with exit code 2."""


@dataclass(frozen=True, slots=True)
class Command:
    """One word of the command line.

    Parameters
    ----------
    name, summary
        The word, and what it does in one line.
    description
        What ``--help`` says above the options.
    add_arguments
        Adds the command's own arguments; ``--json`` and ``--debug`` are there already.
    run
        Does it and gives the exit code. It may raise Failure, Cancelled and UsageError.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Terminal], int]
    description: str = ""
