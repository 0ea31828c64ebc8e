"""What the models cost: parameters, floating-point operations, and time on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine.audio.clip import Clip
from engine.mastering.models.assembly import (
    Answer,
    Encoder,
    Heard,
    MasteringNet,
    ModelSettings,
    Variant,
)
from engine.mastering.models.predictor import MAX_WINDOWS, batch_of, hear
from engine.mastering.models.raw_encoder import RawEncoder
from engine.mastering.models.residual import RATE, SMALL, WIDE, ResidualNetwork
from engine.tasks import Context

SECONDS = (5.0, 30.0)
RUNS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """Something whose cost can be measured.

    Parameters
    ----------
    modules
        What has the parameters; no module twice.
    prepare
        Gives for a length in seconds what is to be run and timed.
    """

    modules: tuple[nn.Module, ...]
    prepare: Callable[[float], Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a workload costs; one number for each length.

    Parameters
    ----------
    name
        Of the workload.
    parameters
        How many numbers are trained.
    seconds
        Lengths of the audio.
    gflop
        Billions of floating-point operations (a multiply-add is two) of convolutions and matrix
        products, which are all but a few percent. What NumPy computes is not counted.
    latency_ms
        Median time of some runs, with as many threads as torch uses.
    """

    name: str
    parameters: int
    seconds: tuple[float, ...]
    gflop: tuple[float, ...]
    latency_ms: tuple[float, ...]


def costs(
    workloads: Mapping[str, Workload],
    seconds: Sequence[float] = SECONDS,
    runs: int = RUNS,
    context: Context | None = None,
) -> tuple[Cost, ...]:
    """Measure each workload; cancel is heard between runs."""
    context = context or Context()
    found = []
    for number, (name, workload) in enumerate(workloads.items()):
        measured = []
        for place, length in enumerate(seconds):
            context.report(number + place / len(seconds), len(workloads), name)
            measured.append(_measure(workload.prepare(length), runs, context))
        gflop, latency_ms = zip(*measured, strict=True)
        parameters = sum(p.numel() for module in workload.modules for p in module.parameters())
        found.append(Cost(name, parameters, tuple(seconds), gflop, latency_ms))
    return tuple(found)


def _measure(run: Callable[[], object], runs: int, context: Context) -> tuple[float, float]:
    """Operations in billions, and the median time in ms; the first run, which counts, warms up."""
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            run()
        times = []
        for _ in range(runs):
            context.checkpoint()
            start = time.perf_counter()
            run()
            times.append(1e3 * (time.perf_counter() - start))
    return counter.get_total_flops() / 1e9, median(times)


def designs() -> dict[str, Workload]:
    """The parts of the models at their usual sizes, then the four designs as a whole, and 1D raw.

    A design listens to stereo audio (features and network) and decodes; with a residual it also
    runs that over all of the audio.
    """
    nets = {variant: MasteringNet(ModelSettings(variant)).eval() for variant in Variant}
    encoder = nets[Variant.PARAMETRIC]
    parts = {
        "features": Workload((), lambda s: lambda: _heard(clip(s), keep=False)),
        "encoder": Workload(
            (encoder.spectral, encoder.temporal, encoder.movement, encoder.rest),
            lambda s: _encode(encoder, s),
        ),
        "encoder, raw audio": _on_audio(RawEncoder().eval()),
        "residual, small": _residual(ResidualNetwork(SMALL).eval()),
        "residual, wide": _residual(ResidualNetwork(WIDE).eval()),
    }
    parts |= {f"decoder {variant}": _decoder(net) for variant, net in nets.items()}
    raw = MasteringNet(ModelSettings(encoder=Encoder.RAW)).eval()
    wholes = {f"design {variant}": _design(net) for variant, net in nets.items()}
    return parts | wholes | {"design 1D, raw audio": _design(raw)}


def clip(seconds: float) -> Clip:
    """Noise in stereo at -20 dBFS."""
    noise = np.random.default_rng(0).standard_normal((2, round(seconds * RATE)))
    return Clip((0.1 * noise).astype(np.float32), RATE)


def _heard(audio: Clip, keep: bool) -> tuple[Heard, Heard]:
    heard = batch_of(hear(audio, MAX_WINDOWS, keep=keep))
    return heard, batch_of(None, heard)


def _encode(net: MasteringNet, seconds: float) -> Callable[[], object]:
    heard = _heard(clip(seconds), net.hears_audio)
    return lambda: net.encode(*heard)


def _on_audio(network: nn.Module, *more: torch.Tensor) -> Workload:
    def prepare(seconds: float) -> Callable[[], object]:
        audio = torch.from_numpy(clip(seconds).samples).unsqueeze(0)
        return lambda: network(audio, *more)

    return Workload((network,), prepare)


def _residual(network: ResidualNetwork) -> Workload:
    return _on_audio(network, torch.zeros(1, network.settings.z_size))


def _decoder(net: MasteringNet) -> Workload:
    def prepare(seconds: float) -> Callable[[], object]:
        with torch.inference_mode():
            z, curve = net.encode(*_heard(clip(seconds), net.hears_audio))
        return lambda: net.decode(z, curve)

    heads = (net.decoder, net.grey, net.confidence)
    return Workload(tuple(head for head in heads if head is not None), prepare)


def _design(net: MasteringNet) -> Workload:
    def prepare(seconds: float) -> Callable[[], object]:
        audio = clip(seconds)
        samples = torch.from_numpy(audio.samples).unsqueeze(0)

        def run() -> object:
            answer: Answer = net(*_heard(audio, net.hears_audio))
            return answer if net.residual is None else net.residual(samples, answer.z)

        return run

    return Workload((net,), prepare)
