"""Tensors on disk: safetensors files that are complete or absent, and their hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.tasks import Failure


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file and force it to the disk.

    Each tensor is copied, so that weights that share memory are written like any other.
    """
    own = {key: value.detach().to("cpu", copy=True).contiguous() for key, value in tensors.items()}
    save_file(own, path)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file into main memory.

    Raises
    ------
    Failure
        If it is missing or damaged.
    """
    try:
        # copied, as the file may be replaced while a mapping of it is still read
        return {key: value.clone() for key, value in load_file(path).items()}
    except FileNotFoundError as error:
        raise Failure(
            f"The weights {path} are missing.", "", "Use a complete folder, or train again."
        ) from error
    except (SafetensorError, OSError) as error:
        raise Failure(
            f"The weights {path} cannot be read.",
            f"The file is damaged or of another kind ({error}).",
            "Use a complete folder, or train again.",
        ) from error


def tensor_hash(tensors: Mapping[str, Tensor]) -> str:
    """Name of a set of tensors: BLAKE2b over names, types, shapes and bytes, 32 hex digits."""
    digest = hashlib.blake2b(digest_size=16)
    for key in sorted(tensors):
        value = tensors[key].detach().cpu().contiguous()
        digest.update(f"{key}:{value.dtype}:{tuple(value.shape)};".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
