"""Recipes that hear audio, large ones, mixed precision, and two processes: on tiny songs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import resources
from engine.audio.clip import Clip
from engine.cli.kinds import entry_of
from engine.locations import HOME_VARIABLE
from engine.mastering.models import library
from engine.mastering.models.assembly import (
    Encoder,
    Heard,
    MasteringNet,
    ModelSettings,
)
from engine.mastering.models.features import BANDS
from engine.mastering.models.predictor import ModelPredictor
from engine.mastering.models.raw_encoder import RawEncoderSettings
from engine.mastering.models.spectral import SCALE_DB
from engine.mastering.train import trainer as trainer_module
from engine.mastering.train.collection import Collection, collect
from engine.mastering.train.settings import MasteringSettings
from engine.mastering.train.trainer import Trainer, make
from engine.tasks import Context, run_inline
from engine.training.bundle import load_bundle
from engine.training.distributed import LaunchSpec, launch
from engine.training.loop import TrainSpec, train
from engine.training.recipe import LoopSettings, Recipe, load_recipe
from engine.training.settings import build
from engine.training.trainable import TOTAL

RECIPES = Path(resources.__file__).parent / "recipes"
LARGE = ("mastering-raw", "mastering-1d-gpu", "mastering-folder")

LOOP = LoopSettings(
    steps=2, batch_size=2, warmup_steps=1, validate_every=2, checkpoint_every=2, preview_every=0
)
SIZES = {
    "tcn": {"channels": 16, "dilations": [1, 2]},
    "spectral": {"channels": 16, "dilations": [1]},
    "residual": {"widths": [8, 16], "dilations": [1], "deepest_dilations": [1]},
    "raw": {"widths": [8, 16], "strides": [8, 8], "dilations": [1, 2]},
}
TABLES = {
    "data": {"songs": 2, "validation_songs": 1, "seconds": 20.0, "tones": 3},
    "pool": {"window_s": 4.0, "windows": 2, "spoilt": 2, "excerpt_s": 1.0},
    "examples": {"frames": 24},
    "audio": {"every": 2, "examples": 1, "resolutions": 1},
    "pace": {"temporal_every": 1},
}
TINY_RAW = ModelSettings(
    encoder=Encoder.RAW, raw=RawEncoderSettings(widths=(8, 16), strides=(8, 8), dilations=(1, 2))
)


def recipe(encoder: str) -> Recipe:
    model = SIZES | {"encoder": encoder}
    return Recipe("mastering", f"tiny-{encoder}", 1, LOOP, TABLES | {"model": model})


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    root = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(root))
        patch.setattr(trainer_module, "VALIDATION_EXAMPLES", 8)  # for speed
        patch.setattr(trainer_module, "VALIDATION_AUDIO", 8)
        yield root


@pytest.fixture(scope="module")
def collection(home) -> Collection:
    settings = MasteringSettings.of(recipe("mel"))
    return collect(settings.data, settings.pool, Context())


@pytest.mark.parametrize("name", LARGE)
def test_a_large_recipe_has_the_parameters_it_says(name: str) -> None:
    path = RECIPES / f"{name}.toml"
    comment = " ".join(
        line[2:] for line in path.read_text("utf-8").splitlines() if line.startswith("# ")
    )
    said = float(re.search(r"([\d.]+) million parameters", comment)[1])
    net = MasteringNet(MasteringSettings.of(load_recipe(path)).model)
    count = sum(weight.numel() for weight in net.parameters())
    assert count == pytest.approx(1e6 * said, abs=0.05e6)


def test_the_raw_recipe_trains_a_full_size_model(collection) -> None:
    """Two steps; only the songs are few and short."""
    shipped = load_recipe(RECIPES / "mastering-raw.toml")
    tiny = TABLES | {"model": shipped.sections["model"]}
    trainer = Trainer(replace(shipped, loop=LOOP, sections=tiny), "cpu", collection)
    optimizer = torch.optim.AdamW(trainer.module.parameters(), 1e-3)
    before = trainer.module.raw.encoder.leave.weight.detach().clone()
    for step in range(2):
        losses = trainer.losses(trainer.batch(step, 0, 1))
        optimizer.zero_grad()
        losses[TOTAL].backward()
        optimizer.step()
        assert all(torch.isfinite(value).all() for value in losses.values())
    after = trainer.module.raw.encoder.leave.weight
    assert torch.isfinite(after).all()
    assert not torch.equal(before, after)


def test_a_raw_model_can_learn_a_batch(collection) -> None:
    """Its curve comes to say what was done to a few recordings, from their audio alone."""
    torch.manual_seed(0)
    trainer = Trainer(recipe("raw"), "cpu", collection)
    batch = trainer.batch(1, 0, 1)  # one without losses on audio
    optimizer = torch.optim.AdamW(trainer.module.parameters(), 3e-3)
    errors = []
    for _ in range(40):
        losses = trainer.losses(batch)
        optimizer.zero_grad()
        losses[TOTAL].backward()
        optimizer.step()
        errors.append(losses["curve"].item())
    assert errors[-1] < 0.5 * errors[0]


def test_a_raw_model_is_trained_kept_and_used(home, collection) -> None:
    result = run_inline(train, TrainSpec(recipe("raw"), home / "raw", make))
    assert np.isfinite(result.best_score)
    bundle = load_bundle(result.bundle, "mastering")
    assert bundle.config["model"]["encoder"] == "raw"
    predictor = library.load(result.bundle)
    noise = np.random.default_rng(0).standard_normal((2, 48000 * 3)).astype(np.float32)
    audio, reference = Clip(0.1 * noise, 48000), Clip(0.3 * noise[:1, ::2], 48000)
    alone, beside = predictor.predict(audio), predictor.predict(audio, [reference])
    assert (alone.referenced, beside.referenced) == (False, True)
    assert predictor.residual_stage(alone, 48000, 2, 1.0) is not None


def test_an_untrained_raw_model_corrects_nothing_and_its_curve_is_its_z() -> None:
    torch.manual_seed(0)
    net = MasteringNet(TINY_RAW).eval()
    rest = torch.zeros(2, 1, BANDS), None, torch.zeros(2, 1), torch.zeros(2)
    heard, reference = (
        Heard(*rest, torch.ones(2), 0.1 * torch.randn(2, 1, 2, frames)) for frames in (9000, 8000)
    )
    z, curve = net.encode(heard, reference)
    assert not curve.any()
    with torch.no_grad():
        net.raw.encoder.leave.bias[:BANDS] = 0.5
    z, curve = net.encode(heard, reference)
    assert torch.equal(curve, SCALE_DB * z[:, :BANDS])
    assert torch.allclose(curve, torch.full_like(curve, 0.5 * SCALE_DB))
    assert z.shape == (2, 512)


def test_a_missing_reference_does_not_matter_whatever_it_holds() -> None:
    torch.manual_seed(0)
    net = MasteringNet(TINY_RAW).eval()
    rest = torch.zeros(1, 1, BANDS), None, torch.zeros(1, 1), torch.zeros(1)
    heard = Heard(*rest, torch.ones(1), 0.1 * torch.randn(1, 2, 2, 9000))
    silent, loud = (
        Heard(*rest, torch.zeros(1), gain * torch.randn(1, 1, 2, 9000)) for gain in (0.0, 1.0)
    )
    assert torch.equal(net.encode(heard, silent)[0], net.encode(heard, loud)[0])
    known = replace(loud, present=torch.ones(1))
    assert not torch.equal(net.encode(heard, known)[0], net.encode(heard, loud)[0])


def test_a_raw_model_without_audio_says_so() -> None:
    nothing = Heard(torch.zeros(1, 1, BANDS), None, torch.zeros(1, 1), *torch.zeros(2, 1))
    with pytest.raises(ValueError, match="hears audio"):
        MasteringNet(TINY_RAW).encode(nothing, nothing)


def test_a_recording_at_another_rate_is_heard_alike() -> None:
    """The network has one rate, whatever the file's is."""
    torch.manual_seed(0)
    predictor = ModelPredictor("raw", "1D", "", MasteringNet(TINY_RAW))
    seconds = np.arange(4 * 96000) / 96000
    tone = 0.1 * np.sin(2.0 * np.pi * 440.0 * seconds) + 0.1 * np.sin(2.0 * np.pi * 3e3 * seconds)
    fine, usual = (
        Clip(np.stack((tone, tone)).astype(np.float32)[:, ::n], 96000 // n) for n in (1, 2)
    )
    heard = [predictor.predict(clip).parameters.bands for clip in (fine, usual)]
    for one, other in zip(*heard, strict=True):
        assert one.gain_db == pytest.approx(other.gain_db, abs=0.02)
        assert one.frequency_hz == pytest.approx(other.frequency_hz, rel=0.01)


def test_settings_from_before_there_was_a_choice_hear_mel_spectra() -> None:
    assert build(ModelSettings, {"variant": "1D"}).encoder is Encoder.MEL
    net = MasteringNet(ModelSettings())
    assert not net.hears_audio
    assert not any(name.startswith("raw.") for name in net.state_dict())


@pytest.mark.parametrize("encoder", ["mel", "raw"])
def test_mixed_precision_changes_the_losses_little(collection, encoder: str) -> None:
    torch.manual_seed(0)
    trainer = Trainer(recipe(encoder), "cpu", collection)
    trainer.module.eval()  # without dropout
    batch = trainer.batch(0, 0, 1)
    exact = trainer.losses(batch)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = trainer.losses(batch)
    mixed[TOTAL].backward()
    for name, value in mixed.items():
        assert value.dtype == exact[name].dtype
        assert value.item() == pytest.approx(exact[name].item(), rel=0.1, abs=0.05), name
    for weight in trainer.module.parameters():
        assert weight.grad is None or torch.isfinite(weight.grad).all()


def test_previews_leave_the_trained_network_where_it_is(collection) -> None:
    trainer = Trainer(recipe("mel"), "cpu", collection)
    before = {name: (w.data_ptr(), w.clone()) for name, w in trainer.module.state_dict().items()}
    trainer.module.train()
    assert trainer.previews()
    assert trainer.module.training
    for name, weight in trainer.module.state_dict().items():
        place, value = before[name]
        assert weight.data_ptr() == place
        assert torch.equal(weight, value)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_losses_on_audio_compare_as_many_resolutions_as_asked(collection, count: int) -> None:
    asked = recipe("mel")
    sections = {**asked.sections, "audio": {"every": 1, "resolutions": count}}
    trainer = Trainer(replace(asked, sections=sections), "cpu", collection)
    sizes = [{r.size for r in trainer.batch(step, 0, 1)[1].resolutions} for step in range(6)]
    assert {len(each) for each in sizes} == {count}
    assert len(set.union(*sizes)) == 3


@pytest.mark.timeout(120)
def test_two_processes_train_one_model(home, collection, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    job = LaunchSpec(recipe("mel"), home / "two", entry_of("mastering"), 2)
    result = run_inline(launch, job)
    assert result.step == LOOP.steps
    assert np.isfinite(result.best_score)
    assert library.load(result.bundle).variant == "1D"
