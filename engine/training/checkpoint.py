"""Checkpoint: everything that is needed to go on with a training, bit for bit.

Weights, averages and the optimizer's moments are safetensors, the rest is JSON; nothing is
pickled. Random states are not among it: the loop seeds every step by its number.
"""

from __future__ import annotations

import json
import math
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.plain_json import finite
from engine.tasks import Failure
from engine.training.averages import Averages
from engine.training.tensors import load_tensors, save_tensors

VERSION = 1
KEPT = 2


@dataclass(slots=True)
class LoopState:
    """Where the loop is: the numbers of a checkpoint.

    ``updates`` counts steps that changed the weights, ``skipped`` those that could not, ``stale``
    validations since the best. ``window`` holds the sums of what was not logged yet and
    ``window_counts`` of how many steps, as a loss need not come at every step.
    """

    step: int = 0
    updates: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    best_step: int = 0
    best_score: float = math.nan
    stale: int = 0
    validated_step: int = -1
    previewed_step: int = -1
    seconds: float = 0.0
    started_at: float = 0.0
    best_scores: dict[str, float] = field(default_factory=dict)
    window: dict[str, float] = field(default_factory=dict)
    window_counts: dict[str, int] = field(default_factory=dict)

    def record(self, measured: Mapping[str, float]) -> None:
        """Count a step that changed the weights, and its numbers."""
        self.updates += 1
        self.skipped_in_a_row = 0
        for name, value in measured.items():
            self.window[name] = self.window.get(name, 0.0) + value
            self.window_counts[name] = self.window_counts.get(name, 0) + 1

    def take_window(self) -> dict[str, float]:
        """Means of the numbers since the last call; none if every step was skipped."""
        means = {name: value / self.window_counts[name] for name, value in self.window.items()}
        self.window, self.window_counts = {}, {}
        return means

    def judge(self, scores: Mapping[str, float], score: float) -> bool:
        """Take a validation at this step; gives whether it is the best so far."""
        self.validated_step = self.step
        if not math.isfinite(score) or score >= self.best_score:
            self.stale += 1
            return False
        self.best_step, self.best_score, self.stale = self.step, score, 0
        self.best_scores = dict(scores)
        return True


def save_checkpoint(
    root: Path,
    state: LoopState,
    module: nn.Module,
    averages: Averages,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write the checkpoint of ``state.step`` and drop old ones but the best.

    It is complete once it has its name, ``root/00001000``.
    """
    root.mkdir(exist_ok=True)
    temporary = root / f".{state.step:08d}.{uuid.uuid4().hex[:8]}"
    temporary.mkdir()
    try:
        save_tensors(temporary / "model.safetensors", module.state_dict())
        save_tensors(temporary / "averages.safetensors", averages.tensors)
        save_tensors(temporary / "optimizer.safetensors", _moments(module, optimizer))
        text = json.dumps(finite({"version": VERSION} | asdict(state)), indent=1)
        (temporary / "state.json").write_text(text, encoding="utf-8")
        target = root / f"{state.step:08d}"
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for step in list_checkpoints(root)[:-KEPT]:
        if step != state.best_step:
            shutil.rmtree(root / f"{step:08d}", ignore_errors=True)


def list_checkpoints(root: Path) -> tuple[int, ...]:
    """Steps of the complete checkpoints, oldest first."""
    if not root.is_dir():
        return ()
    return tuple(sorted(int(path.name) for path in root.iterdir() if path.name.isdigit()))


def load_checkpoint(
    folder: Path, module: nn.Module, averages: Averages, optimizer: torch.optim.Optimizer
) -> LoopState:
    """Put a checkpoint into a module, its averages and its optimizer.

    Raises
    ------
    Failure
        If a file is missing or damaged, or the module has other weights.
    """
    state = load_state(folder)
    weights = load_tensors(folder / "model.safetensors")
    own = module.state_dict()
    strange = set(own) ^ set(weights)
    strange |= {key for key in set(own) & set(weights) if own[key].shape != weights[key].shape}
    if strange:
        raise Failure(
            f"The checkpoint {folder} is of another model.",
            f"These weights differ: {', '.join(sorted(strange)[:5])}.",
            "Resume with the recipe the run was started with.",
        )
    module.load_state_dict(weights)
    try:
        averages.load(load_tensors(folder / "averages.safetensors"))
        _load_moments(module, optimizer, load_tensors(folder / "optimizer.safetensors"))
    except KeyError as error:
        raise Failure(
            f"The checkpoint {folder} is not complete.", f"{error} is missing in it."
        ) from error
    return state


def load_state(folder: Path) -> LoopState:
    """Only the loop's numbers of a checkpoint; raises :class:`Failure` if they are damaged."""
    try:
        values = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        version = values.pop("version")
        if version != VERSION:
            raise ValueError(f"it is of version {version}, not {VERSION}")
        if values["best_score"] is None:
            values["best_score"] = math.nan
        return LoopState(**{item.name: values[item.name] for item in fields(LoopState)})
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Failure(
            f"The checkpoint {folder} cannot be read.",
            f"{type(error).__name__}: {error}.",
            "Remove that folder to go on from the one before.",
        ) from error


def _moments(module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's tensors as ``what/weight``; weights that never moved have none."""
    return {
        f"{what}/{name}": value
        for name, weight in module.named_parameters()
        for what, value in optimizer.state.get(weight, {}).items()
        if isinstance(value, Tensor)
    }


def _load_moments(
    module: nn.Module, optimizer: torch.optim.Optimizer, moments: dict[str, Tensor]
) -> None:
    weights = dict(module.named_parameters())
    optimizer.state.clear()
    for key, value in moments.items():
        what, _, name = key.partition("/")
        # the count of steps stays where AdamW put it: on the CPU unless it is fused on a GPU
        counts_on_cpu = what == "step" and not weights[name].is_cuda
        device = torch.device("cpu") if counts_on_cpu else weights[name].device
        optimizer.state[weights[name]][what] = value.to(device)
