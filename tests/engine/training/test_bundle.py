"""Bundles: what is shipped of a training."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
import torch

from engine.tasks import Failure, run_inline
from engine.training.bundle import load_bundle, save_bundle
from engine.training.loop import train
from engine.training.tensors import tensor_hash

TENSORS = {
    "b": torch.tensor([[0.1, -2.0, 3e-5]]),
    "a": torch.tensor(3, dtype=torch.int64),
}


@pytest.fixture
def saved(tmp_path):
    """Write a bundle; keywords change it."""

    def save(**changes):
        options = {"kind": "toy", "name": "t", "scores": {"score": 0.5}, "card": "# t\n"}
        save_bundle(tmp_path / "b", TENSORS, {"width": 3}, **(options | changes))
        return tmp_path / "b"

    return save


def test_a_bundle_comes_back(saved):
    bundle = load_bundle(saved(), "toy")
    assert bundle.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(bundle.tensors[key], TENSORS[key]) for key in TENSORS)
    assert (bundle.config, bundle.name, bundle.scores) == ({"width": 3}, "t", {"score": 0.5})
    assert bundle.card == "# t\n"


def test_the_hash_is_blake2b_over_names_types_shapes_and_bytes():
    expected = hashlib.blake2b(digest_size=16)
    expected.update(b"a:torch.int64:();" + struct.pack("<q", 3))
    expected.update(b"b:torch.float32:(1, 3);" + struct.pack("<3f", 0.1, -2.0, 3e-5))
    assert tensor_hash(TENSORS) == expected.hexdigest()


def test_halves_are_smaller_and_as_near_as_halves_can_be(saved):
    large = {"w": torch.randn(64, 64), "n": torch.arange(3), "huge": torch.tensor([1e6])}
    folder = saved().parent
    sizes = {}
    for storage in ("float32", "float16"):
        options = {"kind": "toy", "name": "t", "scores": {}, "card": ""}
        save_bundle(folder / storage, large, {}, storage=storage, **options)
        sizes[storage] = (folder / storage / "model.safetensors").stat().st_size
    assert sizes["float16"] < 0.55 * sizes["float32"]
    bundle = load_bundle(folder / "float16")
    assert bundle.tensors["w"].dtype == torch.float32
    error = (bundle.tensors["w"] - large["w"]).abs()
    assert (error <= 2.0**-11 * large["w"].abs() + 2.0**-25).all()
    assert torch.equal(bundle.tensors["n"], large["n"])
    assert torch.equal(bundle.tensors["huge"], large["huge"])
    assert bundle.hash != tensor_hash(large)


def test_a_bundle_replaces_an_older_one_whole(saved, tmp_path):
    first = load_bundle(saved()).hash
    (tmp_path / "b" / "stray").write_text("")
    other = {"b": torch.zeros(2)}
    save_bundle(tmp_path / "b", other, {}, kind="toy", name="u", scores={}, card="")
    assert load_bundle(tmp_path / "b").hash != first
    assert {path.name for path in (tmp_path / "b").iterdir()} == {
        *("model.safetensors", "config.json", "card.md")
    }
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def change(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no model in"),
        (lambda folder: (folder / "model.safetensors").unlink(), "missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "damaged"),
        (lambda folder: (folder / "config.json").write_text("[]"), "damaged"),
        (lambda folder: (folder / "config.json").write_text('{"format": 1}'), "damaged"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"PK"), "cannot be read"),
        (lambda folder: change(folder, hash="0" * 32), "damaged"),
        (lambda folder: change(folder, format=2), "format 2"),
        (lambda folder: change(folder, kind="vocoder"), "kind “vocoder”"),
    ],
)
def test_a_bundle_that_is_not_whole_is_refused_in_words(saved, harm, told):
    folder = saved()
    harm(folder)
    with pytest.raises(Failure, match=told):
        load_bundle(folder, "toy")


def test_weights_of_another_bundle_are_noticed(saved, tmp_path):
    folder = saved()
    other = {key: value + 1 for key, value in TENSORS.items()}
    save_bundle(tmp_path / "o", other, {}, kind="toy", name="o", scores={}, card="")
    (tmp_path / "o" / "model.safetensors").replace(folder / "model.safetensors")
    with pytest.raises(Failure, match="damaged"):
        load_bundle(folder)


def test_the_card_tells_data_seed_steps_machine_scores_recipe_and_licence(recipe, spec):
    result = run_inline(train, spec(recipe()))
    bundle = load_bundle(result.bundle)
    card = bundle.card
    for text in ("made up", "| Seed | 3 |", "of 20 trained", "cores", "CC0", 'kind = "regression"'):
        assert text in card
    assert f"| score | {bundle.scores['score']:.4g} |" in card
    assert "| Training time | 0 min" in card
    assert np.isclose(bundle.scores["score"], result.best_score)
