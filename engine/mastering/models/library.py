"""Which trained models there are: shipped with the program, or trained on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import resources
from engine.locations import Locations
from engine.mastering.models.assembly import MasteringNet, ModelSettings
from engine.mastering.models.predictor import ModelPredictor
from engine.tasks import Failure
from engine.training.bundle import Bundle, load_bundle
from engine.training.settings import build

KIND = "mastering"
SHIPPED = Path(resources.__file__).parent / "models"
PREFERRED = "mastering-1d"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One bundle.

    Parameters
    ----------
    name, variant
        Of the bundle, and its design (``1A`` to ``1D``).
    folder
        Where it lies.
    hash
        Of its weights.
    parameters
        How many numbers were trained.
    size_bytes
        Of the folder.
    shipped
        Whether it came with the program.
    residual
        Whether it has a residual network.
    card
        What it was trained on and how good it is, in Markdown.
    """

    name: str
    variant: str
    folder: Path
    hash: str
    parameters: int
    size_bytes: int
    shipped: bool
    residual: bool
    card: str


def installed(locations: Locations) -> tuple[ModelInfo, ...]:
    """Every model that can be loaded, shipped ones first; damaged ones are left out."""
    found = []
    for folder in _folders(locations):
        try:
            bundle = load_bundle(folder, KIND)
            net = _network(bundle)
        except Failure:
            continue
        found.append(
            ModelInfo(
                bundle.name,
                net.settings.variant.value,
                folder,
                bundle.hash,
                sum(weight.numel() for weight in net.parameters()),
                sum(file.stat().st_size for file in folder.iterdir()),
                folder.parent == SHIPPED,
                net.residual is not None,
                bundle.card,
            )
        )
    return tuple(found)


def default_model(locations: Locations) -> Path | None:
    """Folder of the model to use if none is named; None if there is none."""
    folders = list(_folders(locations))
    preferred = SHIPPED / PREFERRED
    return preferred if preferred in folders else next(iter(folders), None)


def find_model(name: str, locations: Locations) -> Path:
    """Folder of a model by its name or by its path.

    Raises
    ------
    Failure
        If there is none of the name.
    """
    named = {folder.name: folder for folder in _folders(locations)}
    if name in named:
        return named[name]
    if (Path(name) / "config.json").is_file():
        return Path(name)
    raise Failure(
        f"There is no model “{name}”.",
        f"Installed: {', '.join(sorted(named)) or 'none'}.",
        "Name one of these, or the folder of a bundle.",
    )


def load(folder: Path) -> ModelPredictor:
    """Load a model.

    Raises
    ------
    Failure
        If the folder holds no mastering model, or a damaged one.
    """
    bundle = load_bundle(folder, KIND)
    net = _network(bundle)
    return ModelPredictor(bundle.name, net.settings.variant.value, bundle.hash, net)


def _folders(locations: Locations) -> Iterator[Path]:
    for root in (SHIPPED, locations.data / "models"):
        if root.is_dir():
            yield from sorted(path.parent for path in root.glob("*/config.json"))


def _network(bundle: Bundle) -> MasteringNet:
    try:
        values: Any = bundle.config.get("model", {})
        net = MasteringNet(build(ModelSettings, values))
        net.load_state_dict(bundle.tensors)
    # Layers refuse sizes with a ValueError, weights of other shapes come as a RuntimeError.
    except (AttributeError, ValueError, RuntimeError) as error:
        raise Failure(
            f"The model in {bundle.folder} cannot be used.",
            f"Its weights and its settings do not fit together: {error}",
            "Train it again with this version, or choose another.",
        ) from error
    return net
