"""Gates that can be exactly 0 or 1 and still be learned.

C. Louizos, M. Welling, D. Kingma, "Learning Sparse Neural Networks through L0 Regularization",
ICLR 2018: the hard concrete distribution, stretched beyond [0, 1] and cut.
"""

from __future__ import annotations

import torch
from torch import Tensor

TEMPERATURE = 2.0 / 3.0
LOW, HIGH = -0.1, 1.1


def hard_concrete(logits: Tensor, noise: Tensor | None = None) -> Tensor:
    """Gates in [0, 1] of the shape of ``logits``.

    Parameters
    ----------
    logits
        Log odds of being open.
    noise
        Uniform numbers in (0, 1) of the same shape for training; None for the gate used at run
        time, which has no randomness.
    """
    if noise is None:
        soft = torch.sigmoid(logits)
    else:
        soft = torch.sigmoid((torch.log(noise) - torch.log1p(-noise) + logits) / TEMPERATURE)
    return (soft * (HIGH - LOW) + LOW).clamp(0.0, 1.0)
