"""``audiobench doctor``: what is on this machine and what is missing."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from engine.cli.command import DONE, FAILED, Command
from engine.cli.terminal import Terminal
from engine.doctor import Status, examine, healthy

DESCRIPTION = """\
Check this machine: Python, packages, GPUs, codecs, audio outputs, display, cache.

Each line is marked “ok”, “optional” (audiobench works without it, but less) or “missing”, and says
how to get what is not there. The exit code is 1 if something that is needed is missing.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``doctor`` has no arguments of its own."""


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Examine the machine and print the findings."""
    with terminal.context("Looking") as context:
        findings = examine(None, context)
    terminal.table([(finding.status, finding.name, finding.detail) for finding in findings])
    remedies = [finding for finding in findings if finding.remedy]
    if remedies:
        terminal.say()
        terminal.say("To get what is not there:")
    for finding in remedies:
        terminal.say(f"  {finding.name}: {finding.remedy}")
    sound = healthy(findings)
    missing = sum(finding.status is Status.MISSING for finding in findings)
    terminal.say()
    terminal.say("Everything needed is here." if sound else f"Missing: {missing}.")
    terminal.emit({"healthy": sound, "findings": [asdict(finding) for finding in findings]})
    return DONE if sound else FAILED


COMMAND = Command(
    "doctor", "what is on this machine and what is missing", add_arguments, run, DESCRIPTION
)
