"""Settings: what one person prefers on one machine; typed, versioned, written atomically."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.document.unknown import merged, unknown_part
from engine.atomic import write_text
from engine.locations import Locations as Locations
from engine.tasks import Failure

VERSION = 1
RECENT_LIMIT = 12

# MIGRATIONS[n] turns settings of version n into those of version n + 1.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


class ThemeChoice(StrEnum):
    """Colours of the window."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"
    HIGH_CONTRAST = "high contrast"


@dataclass(frozen=True, slots=True)
class SpectrogramDefaults:
    """How a spectrogram looks at first; size and hop in frames, range in dB."""

    window: str = "hann"
    size: int = 2048
    hop: int = 512
    low_db: float = -100.0
    high_db: float = 0.0
    colours: str = "magma"
    axis: str = "mel"


@dataclass(frozen=True, slots=True)
class MasterDefaults:
    """What mastering aims at first; ``amount`` is the overall one."""

    target: str = "balanced"
    lufs: float = -14.0
    ceiling_dbtp: float = -1.0
    amount: float = 1.0
    model: str = "auto"
    refine: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings.

    ``output_device`` is a device name, empty for the system's default. ``keys`` maps command ids
    to key sequences, ``layouts`` layout names to window states as base64 text. ``extra`` keeps
    fields this version does not know.
    """

    output_device: str = ""
    latency_ms: float = 60.0
    theme: ThemeChoice = ThemeChoice.SYSTEM
    cache_budget_gb: float = 10.0
    keys: Mapping[str, str] = field(default_factory=dict)
    recent_files: tuple[str, ...] = ()
    layouts: Mapping[str, str] = field(default_factory=dict)
    spectrogram: SpectrogramDefaults = SpectrogramDefaults()
    master: MasterDefaults = MasterDefaults()
    first_run: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    def with_recent(self, path: Path) -> Settings:
        """Put a file at the head of the recent ones."""
        text = str(path)
        others = [other for other in self.recent_files if other != text]
        return replace(self, recent_files=(text, *others)[:RECENT_LIMIT])


# (lowest, highest) value a number may have; what lies outside falls back to the default.
_LIMITS: dict[str, tuple[float, float]] = {
    "latency_ms": (5.0, 1000.0),
    "cache_budget_gb": (0.1, 100_000.0),
    "size": (16, 65536),
    "hop": (1, 65536),
    "low_db": (-300.0, 100.0),
    "high_db": (-300.0, 100.0),
    "lufs": (-70.0, 0.0),
    "ceiling_dbtp": (-24.0, 0.0),
    "amount": (0.0, 1.5),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that were read, and what the user should be told about that, if anything."""

    settings: Settings
    notice: Failure | None = None


class SettingsStore:
    """The settings in use and their file.

    Parameters
    ----------
    path
        The JSON file; it and its folder are made at the first change.

    Attributes
    ----------
    notice
        What the user should be told about the file: it was damaged, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        loaded = load(path)
        self._settings = loaded.settings
        self.notice = loaded.notice

    @property
    def current(self) -> Settings:
        """The settings in use."""
        return self._settings

    def change(self, **changes: Any) -> Settings:
        """Use other values and write them; raises :class:`Failure` if the disk does not take it.

        The new values are in use even if they could not be written.
        """
        return self.use(replace(self._settings, **changes))

    def use(self, settings: Settings) -> Settings:
        """As :meth:`change`, with a whole record."""
        if settings != self._settings:
            self._settings = settings
            save(settings, self._path)
        return settings


def save(settings: Settings, path: Path) -> None:
    """Write settings atomically; raises :class:`Failure` if the disk does not take it."""
    document = {"version": VERSION} | merged(_document(settings), settings.extra)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(document, indent=1))
    except OSError as error:
        raise Failure(
            "The settings could not be saved.",
            f"{path}: {error.strerror or error}.",
            "They hold until audiobench is closed; free the disk or mend the folder's rights.",
        ) from error


def load(path: Path) -> Loaded:
    """Read settings; never fails.

    A damaged file is set aside as ``settings.json.bad`` and defaults are used; a single value that
    is damaged falls back to its default. Both are said in the notice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Loaded(Settings())
    except (OSError, UnicodeDecodeError) as error:
        return _set_aside(path, str(error))
    try:
        document = json.loads(text)
        version = int(document.pop("version"))
        for step in range(version, VERSION):
            document = MIGRATIONS[step](document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return _set_aside(path, f"{type(error).__name__}: {error}")
    bad: list[str] = []
    settings = _record(Settings(), document, bad)
    extra = unknown_part(document, _document(settings))
    settings = replace(settings, extra=extra or {})
    if not bad:
        return Loaded(settings)
    notice = Failure(
        "Some settings were damaged and are at their defaults.",
        f"These could not be read: {', '.join(bad)}.",
        "Set them again in the preferences.",
    )
    return Loaded(settings, notice)


def _document(settings: Settings) -> dict[str, Any]:
    """The fields this version knows, as plain data."""
    return {key: value for key, value in asdict(settings).items() if key != "extra"}


def _set_aside(path: Path, why: str) -> Loaded:
    aside = path.with_name(path.name + ".bad")
    try:
        path.replace(aside)
        where = f"The old file is kept as {aside.name}."
    except OSError as error:
        where = f"The old file could not be set aside ({error.strerror})."
    notice = Failure(
        "The settings were damaged; audiobench starts with the defaults.",
        why + ".",
        where,
    )
    return Loaded(Settings(), notice)


def _record(default: Any, data: Any, bad: list[str], prefix: str = "") -> Any:
    """A record like ``default`` with the values of ``data`` that have the right type and range."""
    if not isinstance(data, dict):
        bad.append(prefix.rstrip(".") or "all")
        return default
    changes: dict[str, Any] = {}
    for item in fields(default):
        if item.name not in data or item.name == "extra":
            continue
        old, new = getattr(default, item.name), data[item.name]
        if is_dataclass(old):
            changes[item.name] = _record(old, new, bad, f"{prefix}{item.name}.")
            continue
        try:
            changes[item.name] = _value(item.name, old, new)
        except (TypeError, ValueError):
            bad.append(prefix + item.name)
    return replace(default, **changes)


def _value(name: str, old: Any, new: Any) -> Any:
    """``new`` as the type of ``old``; raises TypeError or ValueError where it is none."""
    if isinstance(old, StrEnum):
        return type(old)(new)
    if isinstance(old, Mapping):
        texts = isinstance(new, dict) and all(isinstance(text, str) for text in new.values())
        if not texts:
            raise TypeError("not a mapping of texts")
        return dict(new)
    if isinstance(old, tuple):
        if not isinstance(new, list) or not all(isinstance(part, str) for part in new):
            raise TypeError("not a list of texts")
        return tuple(new)
    if isinstance(old, bool | str):
        if type(new) is not type(old):
            raise TypeError(f"not a {type(old).__name__}")
        return new
    if isinstance(new, bool) or not isinstance(new, int | float):
        raise TypeError("not a number")
    low, high = _LIMITS[name]
    if not math.isfinite(new) or not low <= new <= high:
        raise ValueError("out of range")
    return type(old)(new)
