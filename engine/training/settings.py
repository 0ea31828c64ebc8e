"""Strict settings: plain values (a TOML table) to frozen dataclasses and back."""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Between:
    """The allowed range of a number, both ends included; None is open.

    It annotates a field: ``steps: Annotated[int, Between(1)]``.
    """

    low: float | None = None
    high: float | None = None

    def holds(self, value: float) -> bool:
        """Whether the value lies in the range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        if self.low is None:
            return "any number" if self.high is None else f"a number up to {self.high:g}"
        if self.high is None:
            return f"a number from {self.low:g}"
        return f"a number from {self.low:g} to {self.high:g}"


class SettingError(ValueError):
    """A value that cannot be used.

    ``key`` is its dotted name, ``problem`` what is wrong with it, ``allowed`` what would be right.
    """

    def __init__(self, key: str, problem: str, allowed: str) -> None:
        super().__init__(f"{key}: {problem}; allowed: {allowed}")
        self.key = key
        self.problem = problem
        self.allowed = allowed


def build(kind: type[T], values: Mapping[str, Any], key: str = "") -> T:
    """Make a dataclass out of plain values, refusing whatever does not fit.

    Fields may be numbers, texts, bools, enums, paths, literals, optional values, tuples, mappings
    from text and other dataclasses; ``Annotated[float, Between(0, 1)]`` limits a number. What is
    not given takes its default.

    Parameters
    ----------
    kind
        A dataclass.
    values
        A table as TOML gives it.
    key
        Where the table stands, for the errors.

    Raises
    ------
    SettingError
        For an unknown or a missing key, a wrong type, a value out of range, and whatever a
        ``__post_init__`` refuses with a ValueError.
    """
    if not dataclasses.is_dataclass(kind):
        raise TypeError(f"{kind!r} is no dataclass")
    if not isinstance(values, Mapping):
        raise SettingError(key, f"{values!r} is no table", "a table of settings")
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    for name in values:
        if name not in fields:
            raise SettingError(_join(key, name), "this setting does not exist", ", ".join(fields))
    hints = get_type_hints(kind, include_extras=True)
    given = {name: _value(hints[name], value, _join(key, name)) for name, value in values.items()}
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in given:
            raise SettingError(_join(key, name), "it is missing", _name(hints[name]))
    try:
        return kind(**given)
    except SettingError as error:
        raise SettingError(_join(key, error.key), error.problem, error.allowed) from error
    except ValueError as error:
        raise SettingError(key, str(error), "see the documentation of this section") from error


def plain(settings: Any) -> Any:
    """The form :func:`build` reads: tables, lists, numbers, texts; what is None is left out."""
    if dataclasses.is_dataclass(settings) and not isinstance(settings, type):
        pairs = {
            field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)
        }
        return plain(pairs)
    if isinstance(settings, Mapping):
        return {str(key): plain(item) for key, item in settings.items() if item is not None}
    if isinstance(settings, tuple | list):
        return [plain(item) for item in settings]
    if isinstance(settings, Enum):
        return settings.value
    return settings.as_posix() if isinstance(settings, Path) else settings


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key and name else key or name


def _name(hint: Any) -> str:
    """What a type allows, in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return next((str(rule) for rule in arguments[1:] if isinstance(rule, Between)), "a value")
    if origin is Literal:
        return ", ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " or ".join(_name(part) for part in arguments if part is not type(None))
    if origin is tuple:
        return f"a list of {len(arguments)} values" if Ellipsis not in arguments else "a list"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(str(member.value) for member in hint)
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    return words.get(hint, "a path" if hint is Path else "a table")


def _value(hint: Any, value: Any, key: str) -> Any:
    """The value of one field, checked against its type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        checked = _value(arguments[0], value, key)
        for rule in arguments[1:]:
            if isinstance(rule, Between) and checked is not None and not rule.holds(checked):
                raise SettingError(key, f"{value!r} is out of range", str(rule))
        return checked
    if origin in (Union, types.UnionType):
        return _first_that_fits(arguments, value, key)
    if origin is Literal:
        if value in arguments and not isinstance(value, bool):
            return value
        raise SettingError(key, f"{value!r} is unknown", _name(hint))
    if origin is tuple:
        return _tuple(arguments, value, key)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise SettingError(key, f"{value!r} is no table", "a table")
        return {name: _value(arguments[1], item, _join(key, name)) for name, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return build(hint, value, key)  # type: ignore[arg-type]
    return _scalar(hint, value, key)


def _first_that_fits(hints: tuple[Any, ...], value: Any, key: str) -> Any:
    for hint in hints:
        if hint is type(None):
            continue
        try:
            return _value(hint, value, key)
        except SettingError as error:
            problem = error
    raise problem


def _tuple(arguments: tuple[Any, ...], value: Any, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise SettingError(key, f"{value!r} is no list", "a list")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(arguments) != len(value):
        problem = f"it has {len(value)} values"
        raise SettingError(key, problem, f"a list of {len(arguments)} values")
    pairs = enumerate(zip(arguments, value, strict=True))
    return tuple(_value(hint, item, f"{key}[{index}]") for index, (hint, item) in pairs)


def _scalar(hint: Any, value: Any, key: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError:
            raise SettingError(key, f"{value!r} is unknown", _name(hint)) from None
    if hint is Path and isinstance(value, str):
        return Path(value).expanduser()
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, float) and not math.isfinite(value):
        raise SettingError(key, f"{value!r} is not finite", "a finite number")
    if hint in (int, float, str, bool) and type(value) is hint:
        return value
    if hint not in (int, float, str, bool, Path):
        raise TypeError(f"{key}: settings cannot be of the type {hint!r}")
    raise SettingError(key, f"{value!r} is of the wrong type", _name(hint))
