"""What only a GPU can show; skipped where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.tasks import Cancelled, Context, run_inline
from engine.training.bundle import load_bundle
from engine.training.loop import train
from tests.engine.training.toy import Regression

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")


class OnGpu(Regression):
    """The toy with its weights and batches on the device; notes how it computed."""

    def __init__(self, recipe, device):
        super().__init__(recipe, jitter=0.2)
        self.module.to(device)
        self.device = device
        self.kinds = set()

    def losses(self, batch):
        inputs, targets = (part.to(self.device) for part in batch)
        self.kinds.add(self.module(inputs).dtype)
        return super().losses((inputs, targets))

    def validate(self, context):
        context.checkpoint()
        inputs, targets = (torch.from_numpy(x).to(self.device) for x in (self.inputs, self.targets))
        return {"score": (self.module(inputs)[:, 0] - targets).square().mean().item()}

    def figures(self):
        return ()


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_gpu_trains_and_resumes_bit_for_bit(recipe, spec, precision):
    made = []

    def make(recipe, device, context):
        made.append(OnGpu(recipe, device))
        return made[-1]

    def job(name, resume=False):
        return replace(spec(recipe(precision=precision), name, resume=resume), make=make)

    straight = run_inline(train, job("straight"), context=Context(device="cuda:0"))
    context = Context(interval_s=0.0, device="cuda:0")

    def stop(progress):
        if progress.partial.step >= 7:
            context.cancel_event.set()

    context.on_progress = stop
    with pytest.raises(Cancelled):
        run_inline(train, job("broken"), context=context)
    again = run_inline(train, job("broken", True), context=Context(device="cuda:0"))
    assert load_bundle(again.bundle).hash == load_bundle(straight.bundle).hash
    expected = {"float32": torch.float32, "bf16": torch.bfloat16}[precision]
    assert made[0].kinds == {expected}
    assert made[0].module.weight.dtype == torch.float32
    assert torch.cuda.get_device_name(0) in load_bundle(straight.bundle).card
