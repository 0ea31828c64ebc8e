"""Bundle: trained weights with all that is needed to use and to judge them."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from engine.atomic import write_text
from engine.plain_json import finite
from engine.tasks import Failure
from engine.training.tensors import load_tensors, save_tensors, tensor_hash

FORMAT = 1
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "card.md"
Storage = Literal["float32", "float16"]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """Weights and what rebuilds the module around them.

    Parameters
    ----------
    tensors
        The module's ``state_dict``; float32 even if the file stores halves.
    config
        What ``Trainable.config()`` gave.
    hash
        Of the tensors as they are stored: the model's name wherever one is recorded.
    folder
        Where it lies.
    kind, name
        Of the recipe.
    scores
        Of its validation.
    """

    tensors: dict[str, Tensor]
    config: Mapping[str, Any]
    hash: str
    folder: Path
    kind: str
    name: str
    scores: Mapping[str, float]

    @property
    def card(self) -> str:
        """What it was trained on and how good it is, in Markdown; empty without a card."""
        path = self.folder / CARD
        return path.read_text(encoding="utf-8") if path.exists() else ""


def save_bundle(
    folder: Path,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    *,
    kind: str,
    name: str,
    scores: Mapping[str, float],
    card: str,
    storage: Storage = "float32",
) -> str:
    """Write a bundle in place of an older one and give its hash.

    ``storage`` ``"float16"`` halves the file: weights are rounded to 11 bits; integers, and
    tensors too large for halves, are kept as they are.
    """
    stored = {
        key: _halved(value) if storage == "float16" else value for key, value in tensors.items()
    }
    name_hash = tensor_hash(stored)
    head = {"format": FORMAT, "kind": kind, "name": name, "hash": name_hash, "storage": storage}
    document = finite(head | {"scores": dict(scores), "config": dict(config)})
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        save_tensors(temporary / WEIGHTS, stored)
        write_text(temporary / CONFIG, json.dumps(document, indent=1, ensure_ascii=False))
        write_text(temporary / CARD, card)
        _put_in_place(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return name_hash


def write_card(folder: Path, card: str) -> None:
    """Replace the card of a bundle."""
    write_text(folder / CARD, card)


def load_bundle(folder: Path | str, kind: str = "") -> Bundle:
    """Read a bundle and check that it is whole.

    Parameters
    ----------
    folder
        Where it lies.
    kind
        What it has to be, ``"mastering"`` for instance; empty takes any.

    Raises
    ------
    Failure
        If a file is missing or damaged, the weights are not those the configuration names, or it
        is of another kind or format.
    """
    folder = Path(folder)
    try:
        document = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ValueError("it is no record")
        found = document["format"]
        head = {key: document[key] for key in ("kind", "name", "hash", "storage")}
        config, scores = document["config"], document["scores"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Failure(
            f"There is no model in {folder}.", f"{CONFIG} is missing.", "Choose a model's folder."
        ) from error
    except (KeyError, ValueError) as error:
        raise _damaged(folder, f"{CONFIG} cannot be read ({error})") from error
    if found != FORMAT:
        raise Failure(
            f"The model in {folder} is of format {found}.",
            f"This version reads format {FORMAT}.",
            "Update audiobench, or train the model again.",
        )
    if kind and head["kind"] != kind:
        raise Failure(
            f"The model in {folder} is of the kind “{head['kind']}”.",
            f"Here one of the kind “{kind}” is needed.",
            "Choose another model.",
        )
    tensors = load_tensors(folder / WEIGHTS)
    if tensor_hash(tensors) != head["hash"]:
        raise _damaged(folder, "the weights are not those its configuration names")
    whole = {
        key: value.float() if value.dtype == torch.half else value for key, value in tensors.items()
    }
    return Bundle(whole, config, head["hash"], folder, head["kind"], head["name"], scores)


def _halved(value: Tensor) -> Tensor:
    largest = torch.finfo(torch.half).max
    if not value.is_floating_point() or bool((value.abs() > largest).any()):
        return value
    return value.half()


def _put_in_place(temporary: Path, folder: Path) -> None:
    if not folder.exists():
        temporary.rename(folder)
        return
    # a folder cannot be replaced by another in one step; readers check the hash
    old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _damaged(folder: Path, why: str) -> Failure:
    return Failure(
        f"The model in {folder} is damaged.", f"{why[0].upper()}{why[1:]}.", "Fetch it again."
    )
