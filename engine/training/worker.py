"""Worker: one of several processes that train one model; started by ``torchrun``.

Hugging Face Accelerate finds the others and carries what they tell one another: gloo between
processors, NCCL between GPUs. Gradients are averaged in one message for each step, so nothing of
a model need know that there are others.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import FrameType

import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from accelerate.utils import (  # type: ignore[import-untyped]
    InitProcessGroupKwargs,
    broadcast,
)
from torch import Tensor

from engine.failures import as_failure
from engine.tasks import Cancelled, Context
from engine.training.child_failure import write_failure
from engine.training.entry import load_entry
from engine.training.loop import TrainSpec, train_in_team
from engine.training.run_folder import RunFolder, is_alive

# A pause or a long validation must not look like a process that is gone.
TIMEOUT = timedelta(days=7)
WATCH_S = 0.2


class AcceleratedTeam:
    """A team of processes connected by Accelerate."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self.rank: int = accelerator.process_index
        self.world: int = accelerator.num_processes

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean, in one message for each type of number."""
        for kind in dict.fromkeys(tensor.dtype for tensor in tensors):
            same = [tensor for tensor in tensors if tensor.dtype == kind]
            flat = torch.cat([tensor.reshape(-1) for tensor in same])
            mean = self._accelerator.reduce(flat, "mean")
            for tensor, part in zip(same, mean.split([t.numel() for t in same]), strict=True):
                tensor.copy_(part.reshape(tensor.shape))

    def any(self, flag: bool) -> bool:
        """Whether the flag is set anywhere."""
        return bool(self._accelerator.reduce(self._number(int(flag)), "sum").item())

    def follow(self, value: int) -> int:
        """The leader's value."""
        return int(broadcast(self._number(value), from_process=0).item())

    def _number(self, value: int) -> Tensor:
        return torch.tensor([value], device=self._accelerator.device)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as one process; the run folder holds the recipe and receives everything else."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--entry", required=True)
    parser.add_argument("--device", choices=("cpu", "cuda"), required=True)
    parser.add_argument("--launcher", type=int, required=True)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args(arguments)
    folder = RunFolder(options.folder)
    context = Context()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever launched this decides
    signal.signal(signal.SIGTERM, lambda number, frame: _cancel(context, frame))
    watch = threading.Thread(
        target=_watch, args=(folder, options.launcher, context), name="watch", daemon=True
    )
    watch.start()
    try:
        make = load_entry(options.entry)
        patient = InitProcessGroupKwargs(timeout=TIMEOUT)
        accelerator = Accelerator(cpu=options.device == "cpu", kwargs_handlers=[patient])
        context.device = _device_name(accelerator.device)
        spec = TrainSpec(folder.recipe(), folder.path, make, options.resume)
        train_in_team(spec, context, AcceleratedTeam(accelerator))
        accelerator.end_training()
    except Cancelled:
        return 0
    except BaseException as error:
        rank = os.environ.get("RANK", "0")
        write_failure(folder.path, int(rank), as_failure(error))
        traceback.print_exc()
        return 1
    finally:
        if context.warnings:
            print("\n".join(context.warnings))
    return 0


def _cancel(context: Context, frame: FrameType | None) -> None:
    context.cancel_event.set()


def _watch(folder: RunFolder, launcher: int, context: Context) -> None:
    """Cancel when the run is asked to stop, or when nobody supervises it any more."""
    while not context.cancel_event.wait(WATCH_S):
        if folder.stop_asked or not is_alive(launcher):
            context.cancel_event.set()


def _device_name(device: torch.device) -> str:
    return "cpu" if device.type == "cpu" else f"{device.type}:{device.index or 0}"


if __name__ == "__main__":
    sys.exit(main())
