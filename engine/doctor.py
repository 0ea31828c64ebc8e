"""Doctor: what is on this machine, what is missing, and how to get it.

Everything that might hang or crash (PortAudio, GPU drivers, a foreign ``pytrac``) is asked in a
child process with a time limit.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata, util
from pathlib import Path
from typing import Any

from engine.failures import as_failure
from engine.locations import Locations
from engine.tasks import Context

OLDEST_PYTHON = (3, 11)
CHILD_TIMEOUT_S = 60.0
DISTRIBUTION = "audiobench"
LOW_DISK_BYTES = 2 * 1024**3


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    OPTIONAL = "optional"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    ``OPTIONAL`` means that audiobench works without it, but less; ``remedy`` says how to get it.
    """

    name: str
    status: Status
    detail: str
    remedy: str = ""


def examine(_spec: None, context: Context) -> tuple[Finding, ...]:
    """Check everything; a task. A check that breaks becomes a finding itself."""
    findings: list[Finding] = []
    for number, (name, check) in enumerate(CHECKS):
        context.checkpoint()
        context.report(number, len(CHECKS), name)
        try:
            findings += check()
        except Exception as error:  # one broken part must not hide the others
            failure = as_failure(error)
            findings.append(Finding(name, Status.MISSING, failure.why, "Install audiobench again."))
    context.report(len(CHECKS), len(CHECKS))
    return tuple(findings)


def healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing that audiobench needs is missing."""
    return all(finding.status is not Status.MISSING for finding in findings)


def ask_child(code: str, timeout_s: float = CHILD_TIMEOUT_S) -> dict[str, Any]:
    """Run Python code in a child process; it prints one JSON object, its last line.

    Returns
    -------
    dict
        What it printed, or ``{"error": text}`` if it crashed, hung or failed.
    """
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no answer after {timeout_s:.0f} s"}
    except OSError as error:
        return {"error": f"could not be started: {error.strerror}"}
    if done.returncode < 0:
        return {"error": f"crashed with signal {-done.returncode}"}
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"error": lines[-1] if lines else f"ended with code {done.returncode}"}
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"error": "gave no answer"}
    return answer if isinstance(answer, dict) else {"error": "gave no answer"}


def _python() -> list[Finding]:
    version = platform.python_version()
    detail = f"{version} at {sys.executable}, {platform.platform()}"
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        return [Finding("Python", Status.MISSING, detail, f"Install Python {wanted} or newer.")]
    return [Finding("Python", Status.OK, detail)]


def compare_versions(
    requirements: Sequence[str], installed: Callable[[str], str]
) -> list[tuple[str, str, str | None]]:
    """Pinned requirements that are not met: name, pinned version, what is there (None = nothing).

    Parameters
    ----------
    requirements
        As packages declare them (``name==1.2``); those of extras and other kinds are passed over.
    installed
        Gives a distribution's version; raises ``PackageNotFoundError``.
    """
    unmet: list[tuple[str, str, str | None]] = []
    for requirement in requirements:
        pinned = re.fullmatch(r"([\w.-]+)==([\w.+!-]+)", requirement.strip())
        if pinned is None:
            continue
        name, wanted = pinned.groups()
        try:
            there: str | None = installed(name)
        except metadata.PackageNotFoundError:
            there = None
        # A local label such as +cpu is the same release built otherwise.
        if there is None or there.partition("+")[0] != wanted:
            unmet.append((name, wanted, there))
    return unmet


def _packages() -> list[Finding]:
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return [
            Finding(
                "Packages",
                Status.MISSING,
                "audiobench itself is not installed in this environment",
                "Run “make run” in its folder, or “pip install .”.",
            )
        ]
    own = [text for text in requirements if ";" not in text]
    unmet = compare_versions(own, metadata.version)
    if not unmet:
        detail = f"audiobench {version}, all {len(own)} packages at their pinned versions"
        return [Finding("Packages", Status.OK, detail)]
    return [
        Finding(
            f"Package {name}",
            Status.MISSING if there is None else Status.OPTIONAL,
            f"{there or 'not installed'}, tested with {wanted}",
            f"pip install {name}=={wanted}",
        )
        for name, wanted, there in unmet
    ]


def _torch() -> list[Finding]:
    answer = ask_child(
        "import json, torch\n"
        "from dataclasses import asdict\n"
        "from engine.devices import list_devices\n"
        "print(json.dumps({'version': torch.__version__, 'cuda': torch.version.cuda,"
        " 'devices': [asdict(d) for d in list_devices()]}))"
    )
    if "error" in answer:
        return [Finding("torch", Status.MISSING, answer["error"], "pip install torch==2.11.0")]
    found = [Finding("torch", Status.OK, f"{answer['version']}, CUDA {answer['cuda'] or 'none'}")]
    for device in answer["devices"]:
        memory = f", {device['memory_bytes'] / 2**30:.1f} GiB" if device["memory_bytes"] else ""
        found.append(Finding(f"Device {device['id']}", Status.OK, f"{device['name']}{memory}"))
    if len(answer["devices"]) == 1:
        found.append(
            Finding(
                "GPU",
                Status.OPTIONAL,
                "no CUDA GPU; everything runs on the CPU",
                "With an NVIDIA GPU, install its driver (nvidia-smi must list it).",
            )
        )
    return found


def _portaudio() -> list[Finding]:
    answer = ask_child(
        "import json, sounddevice as sd\n"
        "out = [d['name'] for d in sd.query_devices() if d['max_output_channels'] > 0]\n"
        "print(json.dumps({'version': sd.get_portaudio_version()[1], 'outputs': out,"
        " 'apis': [api['name'] for api in sd.query_hostapis()]}))",
        timeout_s=20.0,
    )
    if "error" in answer:
        return [
            Finding(
                "PortAudio",
                Status.OPTIONAL,
                f"{answer['error']}; there is no playback",
                "On Debian and Ubuntu: sudo apt install libportaudio2",
            )
        ]
    version = answer["version"].split(",")[0]
    found = [Finding("PortAudio", Status.OK, f"{version} ({', '.join(answer['apis'])})")]
    if answer["outputs"]:
        return [*found, Finding("Audio outputs", Status.OK, ", ".join(answer["outputs"]))]
    return [
        *found,
        Finding(
            "Audio outputs",
            Status.OPTIONAL,
            "none; the transport runs silently",
            "Connect a sound card, or start PulseAudio or PipeWire.",
        ),
    ]


def _sound_server() -> list[Finding]:
    if not sys.platform.startswith("linux"):
        return []
    pactl = shutil.which("pactl")
    if pactl is None:
        return [
            Finding(
                "Sound server",
                Status.OPTIONAL,
                "neither PulseAudio's nor PipeWire's tools are installed",
                "sudo apt install pulseaudio pulseaudio-utils libasound2-plugins",
            )
        ]
    try:
        done = subprocess.run([pactl, "info"], capture_output=True, text=True, timeout=5.0)
    except subprocess.TimeoutExpired:
        return [_silent_server("does not answer")]
    if done.returncode:
        return [_silent_server("not running")]
    name = re.search(r"^Server Name: (.*)$", done.stdout, re.MULTILINE)
    return [Finding("Sound server", Status.OK, name.group(1) if name else "running")]


def _silent_server(detail: str) -> Finding:
    return Finding(
        "Sound server", Status.OPTIONAL, detail, "Start it with “pulseaudio --start” or log in."
    )


def _display() -> list[Finding]:
    if not sys.platform.startswith("linux"):
        return [Finding("Display", Status.OK, "the desktop's own")]
    variables = ("WAYLAND_DISPLAY", "DISPLAY")
    shown = [f"{name}={os.environ[name]}" for name in variables if os.environ.get(name)]
    xvfb = shutil.which("Xvfb")
    found = [
        Finding("Display", Status.OK, ", ".join(shown))
        if shown
        else Finding(
            "Display",
            Status.OPTIONAL,
            "none; commands work, the window needs one",
            "Log in to a desktop, or use “xvfb-run audiobench”.",
        )
    ]
    if xvfb is None:
        text = "not installed; only the tests use it"
        found.append(Finding("Xvfb", Status.OPTIONAL, text, "sudo apt install xvfb"))
    else:
        found.append(Finding("Xvfb", Status.OK, xvfb))
    return found


def _ffmpeg() -> list[Finding]:
    answer = ask_child(
        "import json, av\n"
        "from av.codec import Codec\n"
        "missing = []\n"
        "for mode, names in (('r', 'mp3 aac opus vorbis flac alac wmav2'),"
        " ('w', 'libmp3lame libopus aac flac')):\n"
        "    for name in names.split():\n"
        "        try: Codec(name, mode)\n"
        "        except Exception: missing.append(f\"{name} {'decoder' if mode == 'r' else"
        " 'encoder'}\")\n"
        "print(json.dumps({'version': av.__version__, 'missing': missing,"
        " 'libs': {k: '.'.join(map(str, v)) for k, v in av.library_versions.items()}}))"
    )
    if "error" in answer:
        return [Finding("FFmpeg", Status.MISSING, answer["error"], "pip install av==18.1.0")]
    libs = ", ".join(
        f"{name} {answer['libs'][name]}"
        for name in ("libavcodec", "libavformat", "libavfilter")
        if name in answer["libs"]
    )
    found = [Finding("FFmpeg", Status.OK, f"in PyAV {answer['version']}: {libs}")]
    if answer["missing"]:
        text = f"this build lacks {', '.join(answer['missing'])}"
        found.append(Finding("Codecs", Status.OPTIONAL, text, "pip install av==18.1.0"))
    return found


def _cache() -> list[Finding]:
    folder = Locations.standard().cache
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    used_bytes = sum(path.stat().st_size for path in files)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free_bytes = shutil.disk_usage(existing).free
    detail = f"{folder}: {used_bytes / 1e6:.1f} MB in {len(files)} files"
    detail += f", {free_bytes / 1e9:.1f} GB free on the disk"
    if not os.access(existing, os.W_OK):
        return [
            Finding(
                "Cache",
                Status.MISSING,
                f"{folder} cannot be written",
                "Mend the folder's rights, or set AUDIOBENCH_HOME to another one.",
            )
        ]
    if free_bytes < LOW_DISK_BYTES:
        return [Finding("Cache", Status.OPTIONAL, detail, "Free some disk space.")]
    return [Finding("Cache", Status.OK, detail)]


def _pytrac() -> list[Finding]:
    name = "pytrac (ATRAC reference)"
    how = "It is on no package index: build it from github.com/aynik/pytrac."
    spec = util.find_spec("pytrac")
    if spec is None:
        text = "not installed; audiobench has its own ATRAC1 and needs it only to compare"
        return [Finding(name, Status.OPTIONAL, text, how)]
    answer = ask_child(
        "import json, pytrac\nprint(json.dumps({'real': hasattr(pytrac, 'FrameProcessor')}))",
        timeout_s=20.0,
    )
    if answer.get("real"):
        return [Finding(name, Status.OK, str(Path(spec.origin or "").parent))]
    if "error" in answer:
        return [Finding(name, Status.OPTIONAL, f"cannot be loaded: {answer['error']}", how)]
    return [
        Finding(
            name,
            Status.OPTIONAL,
            "the installed pytrac is a client for Trac tickets, not the codec; it is not used",
            f"pip uninstall pytrac. {how}",
        )
    ]


CHECKS: tuple[tuple[str, Callable[[], list[Finding]]], ...] = (
    ("Python", _python),
    ("Packages", _packages),
    ("torch", _torch),
    ("FFmpeg", _ffmpeg),
    ("PortAudio", _portaudio),
    ("Sound server", _sound_server),
    ("Display", _display),
    ("Cache", _cache),
    ("pytrac", _pytrac),
)
