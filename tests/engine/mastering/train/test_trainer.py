"""The mastering model in the shared loop: it learns, it resumes, and it can be used afterwards."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.locations import HOME_VARIABLE, Locations
from engine.mastering.models import library
from engine.mastering.models.predictor import ModelPredictor
from engine.mastering.train import trainer as trainer_module
from engine.mastering.train.collection import collect
from engine.mastering.train.settings import MasteringSettings
from engine.mastering.train.trainer import WISHES, Trainer, make
from engine.tasks import Cancelled, Context, run_inline
from engine.training.bundle import load_bundle
from engine.training.loop import TrainSpec, train
from engine.training.recipe import LoopSettings, Recipe
from engine.training.run_folder import RunFolder
from engine.training.trainable import TOTAL

STEPS = 6

LOOP = LoopSettings(
    steps=STEPS,
    batch_size=4,
    learning_rate=5e-3,
    warmup_steps=1,
    ema_decay=0.5,
    validate_every=3,
    checkpoint_every=3,
    preview_every=0,
    log_every=2,
)
TABLES = {
    "model": {
        "tcn": {"channels": 16, "dilations": [1, 2]},
        "spectral": {"channels": 16, "dilations": [1, 2], "dropout": 0.1},
        "residual": {"widths": [8, 16], "dilations": [1], "deepest_dilations": [1]},
    },
    "data": {"songs": 3, "validation_songs": 1, "seconds": 20.0, "tones": 4},
    "pool": {"window_s": 4.0, "windows": 3, "spoilt": 2, "excerpt_s": 0.5},
    "examples": {"frames": 40},
    "audio": {"every": 3, "examples": 1},
    "pace": {"temporal_every": 2},
}


def recipe(variant: str = "1D", **tables) -> Recipe:
    merged = {name: TABLES.get(name, {}) | tables.get(name, {}) for name in {**TABLES, **tables}}
    merged["model"] = merged["model"] | {"variant": variant}
    return Recipe("mastering", f"tiny-{variant.lower()}", 1, LOOP, merged)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    root = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(root))
        patch.setattr(trainer_module, "VALIDATION_EXAMPLES", 16)  # for speed
        yield root


@pytest.fixture(scope="module")
def collection(home):
    settings = MasteringSettings.of(recipe())
    return collect(settings.data, settings.pool, Context())


@pytest.fixture(scope="module")
def trainer(collection) -> Trainer:
    torch.manual_seed(1)
    return Trainer(recipe(), "cpu", collection)


@pytest.fixture(scope="module")
def straight(home, collection) -> Path:
    """A run without a break."""
    run = home / "straight"
    result = run_inline(train, TrainSpec(recipe(), run, make))
    assert result.step == STEPS
    return run


def numbers(run: Path) -> list[tuple[int, str, str, float]]:
    """All metrics but their times."""
    rows = RunFolder(run).metrics().rows
    return [(row.step, row.split, row.name, row.value) for row in rows]


def same_batches(one, other) -> bool:
    pairs = [
        (one.heard.statistics, other.heard.statistics),
        (one.reference.statistics, other.reference.statistics),
        (one.truth.curve_db, other.truth.curve_db),
    ]
    return all(torch.equal(*pair) for pair in pairs)


def test_a_broken_training_goes_on_bit_for_bit(home, straight: Path) -> None:
    run = home / "broken"
    context = Context(interval_s=0.0)

    def stop(progress) -> None:
        if progress.partial is not None and progress.partial.step >= 4:
            context.cancel_event.set()

    context.on_progress = stop
    with pytest.raises(Cancelled):
        run_inline(train, TrainSpec(recipe(), run, make), context=context)
    run_inline(train, TrainSpec(recipe(), run, make, resume=True))
    one, other = load_bundle(straight / "bundle"), load_bundle(run / "bundle")
    assert one.hash == other.hash
    assert one.scores == other.scores
    assert numbers(straight) == numbers(run)
    names = {name for _, _, name, _ in numbers(run)}
    assert {"tone", "audio_magnitude", "score", "blind_mild"} <= names


def test_what_was_trained_can_be_loaded_and_used(home, straight: Path, collection) -> None:
    models = Locations.standard().data / "models"
    models.mkdir(parents=True, exist_ok=True)
    (models / "tiny").symlink_to(straight / "bundle")
    predictor = library.load(library.find_model("tiny", Locations.standard()))
    assert predictor.variant == "1D"
    found = predictor.predict(collection.audio(collection.validation[0].name, 6.0))
    assert found.windows == 1
    assert len(found.parameters.bands) == 10


def test_a_batch_follows_from_its_number_alone(trainer: Trainer, collection) -> None:
    again = Trainer(recipe(), "cpu", collection)
    for step in (0, 1, 5):
        assert same_batches(trainer.batch(step, 0, 1)[0], again.batch(step, 0, 1)[0])
    assert not same_batches(trainer.batch(0, 0, 2)[0], trainer.batch(0, 1, 2)[0])
    assert not same_batches(trainer.batch(0, 0, 1)[0], trainer.batch(1, 0, 1)[0])


def test_the_temporal_half_and_the_audio_come_now_and_then(trainer: Trainer) -> None:
    batches = [trainer.batch(step, 0, 1) for step in range(6)]
    assert [b.heard.windows is not None for b, _ in batches] == [True, False] * 3
    assert [audio is not None for _, audio in batches] == [True, False, False] * 2


def test_the_total_is_what_the_recipe_weighs(trainer: Trainer) -> None:
    settings = trainer.settings
    torch.manual_seed(0)
    with torch.no_grad():
        terms = trainer.losses(trainer.batch(0, 0, 1))
    plain = {n: t for n, t in terms.items() if n != TOTAL and not n.startswith("audio_")}
    audio = {n.removeprefix("audio_"): t for n, t in terms.items() if n.startswith("audio_")}
    expected = settings.features.total(plain)
    expected = expected + settings.audio.share * settings.audio.weights.total(audio)
    assert float(terms[TOTAL]) == pytest.approx(float(expected), rel=1e-5)
    assert {n for n in trainer.losses(trainer.batch(1, 0, 1)) if n.startswith("audio_")} == set()


@pytest.mark.parametrize("variant", ["1A", "1C", "1D"])
def test_it_learns_a_batch_by_heart(collection, variant: str) -> None:
    torch.manual_seed(1)
    trainer = Trainer(recipe(variant), "cpu", collection)
    examples = trainer.batch(0, 0, 1)[0]
    optimizer = torch.optim.AdamW(trainer.module.parameters(), 5e-3)
    totals = []
    for _ in range(30):
        optimizer.zero_grad()
        terms = trainer.losses((examples, None))
        terms[TOTAL].backward()
        optimizer.step()
        totals.append(float(terms["tone"].detach()))
    assert all(math.isfinite(total) for total in totals)
    assert np.mean(totals[-3:]) < 0.8 * np.mean(totals[:3])


def test_validation_is_the_same_every_time_and_leaves_the_training_on(trainer: Trainer) -> None:
    trainer.module.train()
    one, other = (trainer.validate(Context()) for _ in range(2))
    assert one == other
    assert trainer.module.training
    assert all(math.isfinite(value) for value in one.values())
    assert set(WISHES) < set(one)
    assert one["score"] > 0.0


def test_before_it_learned_it_does_as_well_as_nothing(collection) -> None:
    torch.manual_seed(2)
    fresh = Trainer(recipe(), "cpu", collection)
    scores = fresh.validate(Context())
    errors = next(figure for figure in fresh.figures() if figure.name == "errors")
    model, nothing = errors.series
    assert model.y == pytest.approx(nothing.y, rel=0.1)
    assert scores["contour"] == pytest.approx(scores["contour_nothing"], abs=1e-3)
    assert nothing.y[1] > 1.3 * nothing.y[0]  # strong and mild


def test_validation_draws_tones_that_training_has_not(trainer: Trainer) -> None:
    own, held = (
        np.concatenate([curves.ravel() for curves in bank._curves.values()])
        for bank in (trainer._bank, trainer._held_bank)
    )
    assert not np.isin(np.abs(held), np.abs(own)).any()


def test_a_pool_without_spoilt_windows_can_be_trained_on(collection) -> None:
    plain = [
        replace(song, truth=song.truth[:0], spoilt_mel=song.spoilt_mel[:0])
        for song in (*collection.train, *collection.validation)
    ]
    few = replace(collection, train=tuple(plain[:-1]), validation=tuple(plain[-1:]))
    trainer = Trainer(recipe(), "cpu", few)
    assert torch.isfinite(trainer.losses(trainer.batch(0, 0, 1))[TOTAL])
    scores = trainer.validate(Context())
    assert math.isfinite(scores["score"])
    assert "contour" not in scores


def test_figures_are_shares_and_means(trainer: Trainer) -> None:
    trainer.validate(Context())
    usage, active, errors = trainer.figures()
    assert len(usage.series[0].y) == 10
    assert all(0.0 <= gate <= 1.0 for gate in usage.series[0].y)
    assert sum(active.series[0].y) == pytest.approx(1.0)
    assert len(active.series[0].x) == 11
    assert [series.label for series in errors.series] == ["model", "doing nothing"]


def test_figures_can_be_drawn_before_the_first_validation(collection) -> None:
    usage, active, _ = Trainer(recipe("1A"), "cpu", collection).figures()
    assert (len(usage.series[0].y), len(active.series[0].y)) == (5, 6)


def test_previews_can_be_played(trainer: Trainer) -> None:
    trainer.module.train()
    previews = trainer.previews()
    assert trainer.module.training
    assert len({preview.name for preview in previews}) == len(previews) == 2
    for preview in previews:
        for clip in (preview.before, preview.after):
            assert np.isfinite(clip.samples).all()
            assert np.abs(clip.samples).max() <= 1.0
            assert np.abs(clip.samples).max() > 0.01
        assert preview.before.samples.shape == preview.after.samples.shape


def test_the_encoder_is_centred_on_the_songs(trainer: Trainer) -> None:
    temporal, spectral = trainer.module.temporal, trainer.module.spectral
    windows = trainer.batch(0, 0, 1)[0].heard.windows
    scaled = (windows - temporal.mean) / temporal.deviation
    assert abs(float(scaled.mean())) < 1.0
    assert 0.3 < float(scaled.std()) < 3.0
    assert (spectral.deviation >= 1.0).all()
    assert (temporal.deviation >= 3.0).all()


def test_the_configuration_rebuilds_the_network(trainer: Trainer) -> None:
    class Made:
        config = trainer.config()
        tensors = trainer.module.state_dict()
        folder = Path("made")

    net = library._network(Made())
    assert net.settings == trainer.module.settings
    assert isinstance(ModelPredictor("a", "1D", "b", net).has_residual, bool)


def test_the_card_says_what_it_was_trained_on(trainer: Trainer) -> None:
    told = trainer.description()
    assert told["training songs"] == 3
    assert told["validation songs"] == 1
    assert told["parameters"] == sum(w.numel() for w in trainer.module.parameters())
