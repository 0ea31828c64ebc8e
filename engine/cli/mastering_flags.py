"""The arguments of ``audiobench master``."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from engine.cli.command import UsageError
from engine.mastering.amounts import STAGES, only
from engine.mastering.parameters import Amounts

FORMATS = ("wav", "flac", "mp3", "opus", "aac")
ONLY = ("tone", "dynamics", "width")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``master``."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="IN OUT, or inputs with --out-dir")
    parser.add_argument("-o", "--out-dir", type=Path, metavar="DIR", help="folder for many outputs")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_argument(
        "--report",
        metavar="R",
        help="R.json or R.html; with --out-dir “json” or “html”, written beside each output",
    )
    _aim(parser.add_argument_group("what to aim at"))
    _amounts(parser.add_argument_group("how much"))
    _form(parser.add_argument_group("what to write"))


def amounts_of(arguments: argparse.Namespace) -> Amounts:
    """How much of each stage was asked for.

    Raises
    ------
    UsageError
        If a stage is asked for that ``--only`` leaves out.
    """
    given = {stage: getattr(arguments, stage) for stage in STAGES}
    given = {stage: amount for stage, amount in given.items() if amount is not None}
    amounts = Amounts(overall=arguments.amount, **given)
    if not arguments.only:
        return amounts
    for stage, amount in given.items():
        if amount > 0.0 and stage not in arguments.only:
            raise UsageError(f"--only {' --only '.join(arguments.only)} leaves no --{stage}")
    return only(arguments.only, amounts)


def _aim(aim: argparse._ArgumentGroup) -> None:
    aim.add_argument(
        "--model",
        default="auto",
        metavar="NAME",
        help="model that decides: an installed one's name, a bundle's folder, none or auto: the"
        " installed one unless --preset is given (%(default)s)",
    )
    aim.add_argument("--preset", help="aim at this preset, built-in or yours, without a model")
    aim.add_argument("--list-presets", action="store_true", help="print the presets and stop")
    aim.add_argument(
        "--reference",
        action="append",
        default=[],
        type=Path,
        metavar="REF",
        help="track to sound like; repeat it for several",
    )
    aim.add_argument(
        "--weight",
        action="append",
        default=[],
        type=between(0.0, 1e6),
        metavar="W",
        help="how much a reference counts; one for each, in their order (equal)",
    )
    aim.add_argument(
        "--refine",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="fit each track to the references or the preset, from the model's answer on",
    )
    aim.add_argument(
        "--album",
        action="store_true",
        help="master all inputs as one album: common tone, relative loudness kept",
    )
    aim.add_argument(
        "--save-preset",
        metavar="NAME",
        help="keep the references (without any: the finished master) as a preset",
    )
    aim.add_argument(
        "--lufs",
        type=between(-70.0, 0.0),
        help="integrated loudness (the preset's, mostly -14)",
    )
    aim.add_argument(
        "--ceiling", type=between(-24.0, 0.0), help="true-peak ceiling in dBTP (the preset's, -1)"
    )
    aim.add_argument(
        "--parameters",
        type=Path,
        metavar="P.json",
        help="use these parameters, or those of a JSON report, instead of finding some",
    )
    aim.add_argument(
        "--keep-gain",
        action="store_true",
        help="with --parameters: keep their limiter gain instead of meeting --lufs",
    )
    aim.add_argument("--seed", type=int, default=0, help="of the dither (%(default)s)")


def _amounts(group: argparse._ArgumentGroup) -> None:
    share = between(0.0, 1.5)
    group.add_argument(
        "--amount", type=share, default=1.0, help="of everything, 0 to 1.5 (%(default)s)"
    )
    for stage in STAGES:
        usual = getattr(Amounts(), stage)
        group.add_argument(f"--{stage}", type=share, metavar="X", help=f"of {stage} ({usual:g})")
    group.add_argument(
        "--only",
        action="append",
        default=[],
        choices=ONLY,
        help="do this and nothing else but the level; may be repeated",
    )


def _form(form: argparse._ArgumentGroup) -> None:
    form.add_argument("--format", choices=FORMATS, help="instead of what OUT ends in")
    form.add_argument("--bits", type=int, choices=(16, 24, 32), help="16, 24, 32 float (24)")
    form.add_argument("--bit-rate", type=_bit_rate, help="of lossy formats: 192k or 192000")
    form.add_argument("--no-dither", action="store_true", help="round to 16 and 24 bit undithered")
    form.add_argument("--rate", type=int, metavar="HZ", help="sample rate (the input's)")


def between(low: float, high: float) -> Callable[[str], float]:
    """An argument type: a number within limits."""

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value) or not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low:g} and {high:g}")
        return value

    return number


def _bit_rate(text: str) -> int:
    """An argument type: bits per second, ``192k`` or ``192000``."""
    number = float(text.lower().removesuffix("k"))
    return round(number * (1000 if text.lower().endswith("k") else 1))
