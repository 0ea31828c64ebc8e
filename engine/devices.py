"""Devices: which processor a task computes on, and what to do when its memory runs out."""

from __future__ import annotations

import gc
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.failures import as_failure, is_out_of_memory
from engine.tasks import Context, Failure

T = TypeVar("T")

CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Device:
    """One device; memory in bytes, 0 where unknown."""

    id: str
    name: str
    memory_bytes: int = 0
    free_bytes: int = 0


def list_devices() -> tuple[Device, ...]:
    """The CPU and every GPU that can be used; imports torch."""
    return (_cpu(), *_gpus())


def choose_device(wanted: str = "auto") -> str:
    """The device to compute on.

    Parameters
    ----------
    wanted
        ``"auto"`` for the GPU with the most free memory, else the CPU; ``"cpu"``; ``"cuda"`` or
        ``"cuda:1"``.

    Raises
    ------
    Failure
        If the device does not exist.
    """
    if wanted == CPU:
        return CPU
    gpus = {gpu.id: gpu for gpu in _gpus()}
    if wanted in ("auto", "cuda") and gpus:
        return max(gpus.values(), key=lambda gpu: gpu.free_bytes).id
    if wanted == "auto":
        return CPU
    if wanted in gpus:
        return wanted
    there = ", ".join([CPU, *gpus])
    if wanted != "cuda" and not wanted.startswith("cuda:"):
        raise Failure(
            f"There is no device called “{wanted}”.",
            f"This machine has: {there}.",
            "Use auto, cpu or cuda:0.",
        )
    raise Failure(
        f"The device {wanted} is not on this machine.",
        f"This machine has: {there}." if gpus else "No CUDA GPU was found, or its driver is old.",
        "Use auto or cpu; “audiobench doctor” says what was found.",
    )


def with_memory_fallback(
    run: Callable[[str, int], T],
    chunk_sizes: Sequence[int],
    device: str,
    context: Context,
) -> T:
    """Run with smaller and smaller chunks, then on the CPU, until the memory suffices.

    Parameters
    ----------
    run
        ``run(device, chunk_size)``, free of side effects until it succeeds.
    chunk_sizes
        What to try on each device, largest first.
    device
        Where to begin.
    context
        Told what is tried next, as progress text and as a warning.

    Raises
    ------
    Failure
        If it does not fit anywhere. Other errors pass through.
    """
    if not chunk_sizes:
        raise ValueError("chunk_sizes is empty")
    attempts = [(device, size) for size in chunk_sizes]
    if device != CPU:
        attempts += [(CPU, size) for size in chunk_sizes]
    problem: Failure | None = None
    for index, (where, size) in enumerate(attempts):
        context.checkpoint()
        if index:
            text = _step_text(attempts[index - 1], (where, size))
            context.warn(text)
            context.report(0.0, 0.0, text)
        try:
            return run(where, size)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            problem = as_failure(error)
            if problem is not error:
                problem.__cause__ = None
        # Only outside the handler are the failed attempt's frames, and its arrays, gone.
        _release_memory()
    assert problem is not None
    raise problem


def _step_text(before: tuple[str, int], after: tuple[str, int]) -> str:
    if before[0] != after[0]:
        return f"The memory of {before[0]} ran out; going on with {after[0]}, which is slower."
    return f"The memory of {before[0]} ran out; going on with smaller chunks."


def _release_memory() -> None:
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _cpu() -> Device:
    memory_bytes, free_bytes = _main_memory()
    name = platform.processor() or platform.machine()
    return Device(CPU, f"{name}, {os.cpu_count() or 1} cores", memory_bytes, free_bytes)


def _main_memory() -> tuple[int, int]:
    """Total and available main memory in bytes, 0 where the system does not say."""
    try:
        page_bytes = os.sysconf("SC_PAGE_SIZE")
        total = page_bytes * os.sysconf("SC_PHYS_PAGES")
        free = page_bytes * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows; macOS knows no available pages
        return 0, 0
    return total, free


def _gpus() -> tuple[Device, ...]:
    import torch

    if not torch.cuda.is_available():
        return ()
    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        found.append(Device(f"cuda:{index}", torch.cuda.get_device_name(index), total, free))
    return tuple(found)
