"""The mastering model as the shared training loop sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.audio.clip import Clip
from engine.mastering.chain import render
from engine.mastering.data.degradation import Kind, Tier, draw
from engine.mastering.models.assembly import Answer, MasteringNet, curve_db
from engine.mastering.models.hearing import Statistics
from engine.mastering.models.predictor import ModelPredictor
from engine.mastering.train.audio_examples import AudioBatch, audio_losses, draw_audio
from engine.mastering.train.collection import Collection, collect
from engine.mastering.train.examples import Batch, Wish, draw_batch
from engine.mastering.train.objective import (
    Points,
    chosen,
    contour_error_lu,
    curve_error_db,
    feature_losses,
    gain_change_db,
)
from engine.mastering.train.pool import RATE, PooledSong
from engine.mastering.train.raw_examples import draw_raw_batch
from engine.mastering.train.settings import MasteringSettings
from engine.mastering.train.tones import ToneBank
from engine.tasks import Context
from engine.training.recipe import Recipe
from engine.training.settings import plain
from engine.training.trainable import TOTAL, Figure, Preview, Series

VALIDATION_EXAMPLES = 128
VALIDATION_AUDIO = 32  # a second of audio takes as much memory as an example of features
VALIDATION_TONES = 100
PREVIEWS = 2
PREVIEW_S = 8.0
ACTIVE_DB = 0.5
WISHES = {
    "blind_mild": Wish(Tier.MILD, Kind.EQ, False, False),
    "blind_strong": Wish(Tier.STRONG, Kind.EQ, False, False),
    "reference_mild": Wish(Tier.MILD, Kind.EQ, True, False),
    "reference_strong": Wish(Tier.STRONG, Kind.EQ, True, False),
}


class Trainer:
    """A mastering model in training; see :class:`~engine.training.trainable.Trainable`.

    Parameters
    ----------
    recipe
        What to train.
    device
        Where.
    collection
        Songs for training and for validation.
    """

    def __init__(self, recipe: Recipe, device: str, collection: Collection) -> None:
        self.settings = MasteringSettings.of(recipe)
        self.module = MasteringNet(self.settings.model)
        self._seed = recipe.seed
        self._size = recipe.loop.batch_size
        self._device = device
        self._collection = collection
        tones = self.settings.data.tones
        self._bank = ToneBank(tones, recipe.seed)
        self._held_bank = ToneBank(min(tones, VALIDATION_TONES), recipe.seed + 1)
        self._points = Points.on(device)
        nothing = np.zeros((1, self.settings.model.bands)), np.zeros(1)
        self._usage: tuple[np.ndarray, np.ndarray] = nothing
        self._errors: dict[str, tuple[float, float]] = {}
        if not self.module.hears_audio:
            self._calibrate()
        self.module.to(device)

    def batch(self, step: int, rank: int, world: int) -> tuple[Batch, AudioBatch | None]:
        """Examples of a step, from its number alone."""
        rng = np.random.default_rng([self._seed, step, rank])
        settings, songs = self.settings, self._collection.train
        temporal = step % settings.temporal_every == 0
        examples = self._examples(songs, self._bank, self._size, rng, temporal)
        audio = settings.audio
        if not audio.every or step % audio.every:
            return examples, None
        return examples, draw_audio(
            songs, audio.examples, settings.examples.frames, rng, audio.resolutions
        )

    def losses(self, batch: tuple[Batch, AudioBatch | None]) -> Mapping[str, Tensor]:
        """Terms on features, and now and then those on audio."""
        examples, audio = batch
        examples = examples.to(self._device)
        answer: Answer = self.module(examples.heard, examples.reference)
        # Differences of decibels and sums over a grid are nothing for bfloat16.
        with torch.autocast(self._device.partition(":")[0], enabled=False):
            terms = feature_losses(answer, examples.truth, self._points)
            total = self.settings.features.total(terms)
        named = dict(terms)
        if audio is not None:
            settings = self.settings.audio
            heard = audio_losses(self.module, audio.to(self._device), settings.weights)
            total = total + settings.share * settings.weights.total(heard)
            named |= {f"audio_{name}": value for name, value in heard.items()}
        return named | {TOTAL: total}

    def validate(self, context: Context) -> Mapping[str, float]:
        """Errors in dB and LU on songs and tones that training never draws; the same every time.

        The score is the mean over the four tone tasks of error over that of doing nothing, plus a
        quarter of the same for the loudness contour, plus what is worse than doing nothing.
        """
        self.module.eval()
        scores: dict[str, float] = {}
        ratios, harms = [], []
        gates, active = [], []
        with torch.inference_mode():
            for name, wish in WISHES.items():
                context.checkpoint()
                batch = self._validation(wish, temporal=True)
                answer = self.module(batch.heard, batch.reference)
                error, nothing = self._tone_errors(answer, batch)
                worse = float((error > nothing + 0.3).float().mean())
                scores |= {name: float(error.mean()), f"{name}_worse": worse}
                self._errors[name] = (float(error.mean()), float(nothing.mean()))
                ratios.append(float(error.mean() / nothing.mean()))
                harms.append(worse)
                effective = answer.bands.effective_gain_db.abs().cpu()
                gates.append(answer.bands.gate.cpu().numpy())
                active.append((effective > ACTIVE_DB).sum(-1).numpy())
            score = float(np.mean(ratios)) + 0.5 * float(np.mean(harms))
            if self.module.grey is not None:
                batch = self._validation(Wish(kind=Kind.EQ, spoilt=True), temporal=True)
                answer = self.module(batch.heard, batch.reference)
                truth, pressed = batch.truth, ~torch.isnan(batch.truth.compressor[:, 0])
                if pressed.any():  # a pool need not have compressed windows
                    contour, wanted = truth.contour[pressed], truth.clean_contour[pressed]
                    change = gain_change_db(chosen(answer.chain, pressed), truth.envelope[pressed])
                    after = contour_error_lu(contour + change, wanted).mean()
                    before = contour_error_lu(contour, wanted).mean()
                    scores |= {"contour": float(after), "contour_nothing": float(before)}
                    score += 0.25 * float(after / before)
        self._usage = np.concatenate(gates), np.concatenate(active)
        self.module.train()
        return scores | {"score": score}

    def previews(self) -> tuple[Preview, ...]:
        """Songs of the validation, spoilt, and what the model makes of them."""
        # A copy: moving the trained one to the processor and back would leave behind what refers
        # to its tensors on the device.
        net = deepcopy(self.module).cpu()
        predictor = ModelPredictor("preview", self.settings.model.variant.value, "", net)
        return tuple(self._preview(predictor, number) for number in range(PREVIEWS))

    def figures(self) -> tuple[Figure, ...]:
        """Band usage, how many bands a song takes, and errors beside those of doing nothing."""
        gates, active = self._usage
        numbers = tuple(str(band + 1) for band in range(gates.shape[-1]))
        most = gates.shape[-1] + 1
        counts = np.bincount(active.astype(int), minlength=most) / max(len(active), 1)
        tasks = tuple(name.replace("_", " ") for name in self._errors)
        after, before = (tuple(pair[i] for pair in self._errors.values()) for i in (0, 1))
        return (
            Figure(
                "band_usage",
                "Band usage",
                (Series("mean gate", numbers, tuple(gates.mean(0).tolist())),),
                "band",
                "gate",
                "bar",
            ),
            Figure(
                "active_bands",
                "Active bands a song",
                (Series("share", tuple(str(n) for n in range(most)), tuple(counts.tolist())),),
                "bands",
                "share of songs",
                "bar",
            ),
            Figure(
                "errors",
                "Equalizer error",
                (Series("model", tasks, after), Series("doing nothing", tasks, before)),
                "",
                "dB",
                "bar",
            ),
        )

    def description(self) -> Mapping[str, Any]:
        """What the card says of model and data."""
        return {
            "design": self.settings.model.variant.value,
            "parameters": sum(weight.numel() for weight in self.module.parameters()),
            "data": self._collection.description,
            "training songs": len(self._collection.train),
            "validation songs": len(self._collection.validation),
            "licence": "MIT, as the program; the songs are composed by the program itself"
            if self.settings.data.folder is None
            else "depends on the recordings it was trained on",
        }

    def config(self) -> Mapping[str, Any]:
        """What rebuilds the network."""
        model: dict[str, Any] = plain(self.settings.model)
        return {"model": model}

    def _calibrate(self) -> None:
        """Take the mean and the spread of what is heard from the songs."""
        songs = self._collection.train
        rows = np.stack([Statistics(w).normalised().rows for s in songs for w in s.statistics])
        spectral, temporal = self.module.spectral, self.module.temporal
        spectral.mean.copy_(torch.from_numpy(rows.mean(0)))
        spread = rows.std(axis=(0, 2)).clip(min=1.0)
        spectral.deviation.copy_(torch.from_numpy(spread).unsqueeze(-1))
        rng = np.random.default_rng([self._seed, 1])
        heard = draw_batch(songs, self._bank, self.settings.examples, 64, rng).heard.windows
        if heard is not None:
            frames = heard.transpose(0, 2).flatten(1)
            temporal.mean.copy_(frames.mean(1, keepdim=True))
            temporal.deviation.copy_(frames.std(1, keepdim=True).clamp(min=3.0))

    def _validation(self, wish: Wish, temporal: bool) -> Batch:
        rng = np.random.default_rng([self._seed, 2])
        songs = self._collection.validation
        count = VALIDATION_AUDIO if self.module.hears_audio else VALIDATION_EXAMPLES
        batch = self._examples(songs, self._held_bank, count, rng, temporal, wish)
        return batch.to(self._device)

    def _examples(
        self,
        songs: Sequence[PooledSong],
        bank: ToneBank,
        count: int,
        rng: np.random.Generator,
        temporal: bool,
        wish: Wish | None = None,
    ) -> Batch:
        """Examples as the encoder takes them."""
        settings = self.settings.examples
        if self.module.hears_audio:
            frames = round(0.5 * self.settings.pool.excerpt_s * RATE)
            return draw_raw_batch(songs, bank, settings, count, frames, rng, wish)
        return draw_batch(songs, bank, settings, count, rng, temporal, wish)

    def _tone_errors(self, answer: Answer, batch: Batch) -> tuple[Tensor, Tensor]:
        predicted = curve_db(answer.bands, self._points.grid_hz)
        wanted, weights = batch.truth.curve_db, batch.truth.weights
        return curve_error_db(predicted - wanted, weights), curve_error_db(wanted, weights)

    def _preview(self, predictor: ModelPredictor, number: int) -> Preview:
        song = self._collection.validation[number % len(self._collection.validation)]
        clean = self._collection.audio(song.name, PREVIEW_S)
        rng = np.random.default_rng([self._seed, 3, number])
        kind = Kind.EQ if number % 2 == 0 else Kind.EQ_COMPRESSION
        spoilt = draw(rng, kind, Tier.STRONG, clean.channels).apply(clean)
        parameters = predictor.predict(spoilt).parameters
        limiter = replace(parameters.limiter, enabled=False)
        neutral = replace(parameters.residual, amount=0.0)
        after = render(spoilt, replace(parameters, limiter=limiter, residual=neutral))
        return Preview(f"{number + 1}-{kind.value}", _bounded(spoilt), _bounded(after))


def make(recipe: Recipe, device: str, context: Context) -> Trainer:
    """Make the songs ready and the model around them; what the training loop calls."""
    settings = MasteringSettings.of(recipe)
    return Trainer(recipe, device, collect(settings.data, settings.pool, context))


def _bounded(clip: Clip) -> Clip:
    """Turned down where it would clip."""
    peak = float(np.abs(clip.samples).max(initial=0.0))
    return Clip((clip.samples / max(peak, 1.0)).astype(np.float32), clip.rate)
