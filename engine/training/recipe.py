"""Recipe: everything that decides a training, as a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w

from engine.atomic import write_text
from engine.tasks import Failure
from engine.training.settings import Between, SettingError, build, plain

T = TypeVar("T")

Steps = Annotated[int, Between(0)]


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How the weights are moved; the same for every kind of model.

    Parameters
    ----------
    steps
        How often the weights are changed.
    batch_size, accumulate
        Examples of one batch, and batches of one step. Every process has batches of its own, so a
        step sees ``batch_size * accumulate * processes`` examples.
    learning_rate, warmup_steps
        AdamW's highest rate, reached linearly after the warm-up; then half a cosine to 1 % of it.
    weight_decay
        Of matrices and kernels; biases and norms are left alone.
    clip_norm
        Most the norm of all gradients may be; 0 does not clip.
    ema_decay
        Of the running average of the weights, which is what is validated and kept; 0 keeps none.
    precision
        ``"bf16"`` computes in bfloat16 where that is safe, on a GPU.
    validate_every, checkpoint_every, preview_every, log_every
        In steps; 0 for previews makes none but the last.
    patience
        Validations in a row without a better score after which it stops; 0 never does.
    workers
        Threads that prepare batches ahead; 0 prepares each when it is needed. The batches are the
        same.
    """

    steps: Annotated[int, Between(1)] = 1000
    batch_size: Annotated[int, Between(1)] = 8
    learning_rate: Annotated[float, Between(1e-9, 10.0)] = 3e-4
    warmup_steps: Steps = 100
    weight_decay: Annotated[float, Between(0.0, 1.0)] = 0.01
    clip_norm: Annotated[float, Between(0.0)] = 1.0
    ema_decay: Annotated[float, Between(0.0, 0.999999)] = 0.999
    precision: Literal["float32", "bf16"] = "float32"
    accumulate: Annotated[int, Between(1, 4096)] = 1
    validate_every: Annotated[int, Between(1)] = 250
    checkpoint_every: Annotated[int, Between(1)] = 250
    preview_every: Steps = 500
    log_every: Annotated[int, Between(1)] = 10
    patience: Steps = 0
    workers: Annotated[int, Between(0, 64)] = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training: which kind of model, its seed, the loop, and the kind's own tables.

    ``source`` is the file it was read from, for the messages.
    """

    kind: str
    name: str
    seed: int = 0
    loop: LoopSettings = LoopSettings()
    sections: Mapping[str, Any] = field(default_factory=dict)
    source: Path | None = field(default=None, compare=False)

    def with_loop(self, **changes: Any) -> Recipe:
        """A copy whose loop has the given changes, checked like the file.

        Raises
        ------
        Failure
            If a value is not allowed.
        """
        with _told(self.source):
            return replace(self, loop=build(LoopSettings, plain(self.loop) | changes, "loop"))

    def to_toml(self) -> str:
        """The text of its file."""
        return tomli_w.dumps(
            {"kind": self.kind, "name": self.name, "seed": self.seed, "loop": plain(self.loop)}
            | plain(self.sections)
        )


@dataclass(frozen=True, slots=True)
class _Head:
    """The top of the file."""

    kind: str
    name: str
    seed: Annotated[int, Between(0, 2**63 - 1)] = 0
    loop: LoopSettings = LoopSettings()

    def __post_init__(self) -> None:
        if not self.name.strip() or self.name != Path(self.name).name:
            raise SettingError("name", f"{self.name!r} is no name", "a text that can name a file")


class _told:  # noqa: N801 - reads as a verb: with _told(source)
    """Turns a SettingError into a Failure that names the file."""

    def __init__(self, source: Path | None) -> None:
        self.source = source

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SettingError):
            where = f" in {self.source}" if self.source else ""
            raise Failure(
                f"The recipe's “{error.key}” cannot be used: {error.problem}{where}.",
                f"Allowed: {error.allowed}.",
                "Correct the recipe and start again.",
            ) from error


def parse_recipe(text: str, source: Path | None = None) -> Recipe:
    """Read a recipe's text; raises :class:`Failure` as :func:`load_recipe` does."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = f" {source}" if source else ""
        raise Failure(
            f"The recipe{where} is no TOML.", f"{error}.", "Correct that line and start again."
        ) from error
    own = ("kind", "name", "seed", "loop")
    with _told(source):
        head = build(_Head, {key: table[key] for key in own if key in table})
        sections = {key: value for key, value in table.items() if key not in own}
        for key, value in sections.items():
            if not isinstance(value, dict):
                raise SettingError(key, "this setting does not exist", f"{', '.join(own)}, tables")
    return Recipe(head.kind, head.name, head.seed, head.loop, sections, source)


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe file.

    Raises
    ------
    Failure
        If it is missing, no TOML, or a value of the top or of ``[loop]`` is not allowed. The
        kind's own tables are checked by :func:`section`.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Failure(
            f"There is no recipe {path}.", "", "“audiobench train --list” names those there are."
        ) from error
    except UnicodeDecodeError as error:
        raise Failure(f"The recipe {path} is no text.", f"{error}.") from error
    return parse_recipe(text, path)


def save_recipe(recipe: Recipe, path: Path | str) -> None:
    """Write the file :func:`load_recipe` reads, at once."""
    write_text(Path(path), recipe.to_toml())


def section(recipe: Recipe, name: str, kind: type[T]) -> T:
    """One of the kind's own tables as a dataclass; all defaults if the recipe has none.

    Raises
    ------
    Failure
        If a key is unknown or a value not allowed; it names the key, what is allowed and the file.
    """
    with _told(recipe.source):
        return build(kind, recipe.sections.get(name, {}), name)


def check_sections(recipe: Recipe, names: tuple[str, ...]) -> None:
    """Refuse tables the kind does not know: a misspelt one would silently be all defaults.

    Raises
    ------
    Failure
        Naming the table and those there are.
    """
    with _told(recipe.source):
        for name in recipe.sections:
            if name not in names:
                raise SettingError(name, "this table does not exist", ", ".join(names))
