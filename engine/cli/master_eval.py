"""``audiobench master-eval``: how well each way of mastering repairs known harm."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.cli.command import DONE, FAILED, Command, UsageError
from engine.cli.paths import check_output
from engine.cli.terminal import Terminal
from engine.locations import Locations
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from engine.mastering.evaluate.methods import Method, Predicted
    from engine.mastering.evaluate.suite import Evaluation, Row, SuiteSettings

Item = TypeVar("Item")

KNOWN = ("identity", "fit", "matchering")
FIT_SUFFIX = "+fit"
RESIDUAL_SUFFIX = "+residual"
DESCRIPTION = """\
Do known harm to good songs, let every method repair it, and measure what is left.

  audiobench master-eval songs/
  audiobench master-eval songs/ --model runs/1d/bundle --methods identity,fit,1D,1D+fit
  audiobench master-eval songs/ --methods fit,matchering --report eval.html --report rows.csv

Each song is split in two by time. A passage of the first half is degraded (eq, eq_compression,
eq_width, gain, saturation, out_of_family, and eq_three_bands to count active bands on), mild
(+-6 dB) or strong (+-12 dB). The second half is the reference "same-song"; "other-song" is another
recording, "perfect" the passage as it was; of a loop whose halves are alike only "perfect" is run.
Doing nothing (identity) always takes part.

Methods: identity; fit (no training); matchering (its own package, run by an interpreter of its
own); models by their variant (1A to 1D) or name, with +fit behind it as the start of a fit, with
+residual behind it with what their network adds.
Models are those named by --model, or else the installed ones.
A report that ends in .csv grows row by row while the suite runs.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``master-eval``."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="good songs")
    parser.add_argument(
        "--methods", metavar="A,B", help="who repairs (default: identity, fit, the models)"
    )
    parser.add_argument(
        "--model", action="append", default=[], metavar="MODEL", help="a model's name or folder"
    )
    cases = parser.add_argument_group("cases")
    cases.add_argument("--kinds", metavar="A,B", help="what is done to the songs (default: all)")
    cases.add_argument("--tiers", metavar="A,B", help="mild, strong (default: both)")
    cases.add_argument(
        "--references", metavar="A,B", help="none, same-song, other-song, perfect (default: all)"
    )
    cases.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="draws per song, kind and tier"
    )
    cases.add_argument(
        "--seconds", type=float, default=20.0, metavar="S", help="longest passage (default 20)"
    )
    cases.add_argument("--limit", type=int, metavar="N", help="most songs, spread over the folder")
    cases.add_argument("--seed", type=int, default=0, help="seed of all draws (default 0)")
    parser.add_argument(
        "--matchering-python", metavar="PYTHON", help="interpreter that has Matchering"
    )
    parser.add_argument(
        "--report",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write .html, .json or .csv; may be given more than once",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing reports")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Evaluate, tell, write."""
    from engine.mastering.data.songs import Recordings
    from engine.mastering.evaluate.report import as_dict, row_file, write_report
    from engine.mastering.evaluate.suite import evaluate

    settings = _settings(arguments)
    for path in arguments.report:
        _check_report(path, arguments.overwrite)
    grown = [path for path in arguments.report if path.suffix.lower() == ".csv"]
    with ExitStack() as stack, terminal.context("Evaluating", seed=arguments.seed) as context:
        methods = list(_methods(arguments, terminal, stack, context))
        songs = Recordings(arguments.folder, context=context.part(0.0, 0.02, "Searching"))
        for failure in songs.failures:
            terminal.note(str(failure))
        files = [stack.enter_context(row_file(path)) for path in grown]

        def keep(row: Row) -> None:
            for file in files:
                file.write(row)

        evaluation = evaluate(songs, methods, settings, context.part(0.02, 1.0), keep)
    _tell(evaluation, terminal)
    for warning in context.warnings:
        terminal.note(warning)
    for path in arguments.report:
        if path not in grown:
            write_report(evaluation, path)
        terminal.say(f"Wrote {path}.")
    terminal.emit(as_dict(evaluation))
    return FAILED if all(row.error for row in evaluation.rows) else DONE


def _settings(arguments: argparse.Namespace) -> SuiteSettings:
    from engine.mastering.data.degradation import Tier
    from engine.mastering.evaluate.cases import KINDS, Listening
    from engine.mastering.evaluate.suite import SuiteSettings

    if arguments.seeds < 1 or (arguments.limit is not None and arguments.limit < 1):
        raise UsageError("--seeds and --limit start at 1")
    if not 3.0 <= arguments.seconds <= 600.0:
        raise UsageError("--seconds goes from 3 to 600")
    if arguments.seed < 0:
        raise UsageError("--seed starts at 0")
    return SuiteSettings(
        kinds=_chosen(arguments.kinds, "--kinds", KINDS, str),
        tiers=_chosen(arguments.tiers, "--tiers", tuple(Tier), Tier),
        listening=_chosen(arguments.references, "--references", tuple(Listening), Listening),
        repeats=arguments.seeds,
        seconds=arguments.seconds,
        limit=arguments.limit,
        seed=arguments.seed,
    )


def _chosen(
    text: str | None, option: str, known: Sequence[Item], make: Callable[[str], Item]
) -> tuple[Item, ...]:
    """The items a comma-separated list names; all of them without one."""
    if text is None:
        return tuple(known)
    names = _words(text)
    for name in names:
        if name not in [str(item) for item in known]:
            raise UsageError(
                f"{option}: {name!r} is none of {', '.join(str(item) for item in known)}"
            )
    if not names:
        raise UsageError(f"{option} names nothing")
    return tuple(dict.fromkeys(make(name) for name in names))


def _check_report(path: Path, overwrite: bool) -> None:
    from engine.mastering.evaluate.report import SUFFIXES

    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--report: {path.name!r} does not end in {', '.join(SUFFIXES)}")
    check_output(path, [], overwrite)


def _methods(
    arguments: argparse.Namespace, terminal: Terminal, stack: ExitStack, context: Context
) -> Iterator[Method]:
    """The methods asked for, in that order."""
    from engine.mastering.evaluate.methods import Fit, Identity

    asked = _words(arguments.methods) if arguments.methods is not None else None
    models = _models(arguments.model, asked)
    if asked is None:
        asked = ["identity", "fit", *models]
    for name in dict.fromkeys(asked):
        model = models.get(_design(name))
        if name == "identity":
            yield Identity()
        elif name == "fit":
            yield Fit()
        elif name == "matchering":
            try:
                yield stack.enter_context(_matchering(arguments.matchering_python, context))
            except Failure as failure:
                terminal.note(f"{failure} It is left out.")
        elif model is not None:
            if name.endswith(FIT_SUFFIX):
                model = model.then_fit(name)
            elif name.endswith(RESIDUAL_SUFFIX):
                model = model.with_residual(name)
            yield model
        else:
            every = (*KNOWN, *models, *(f"{each}{FIT_SUFFIX}" for each in models))
            raise UsageError(f"--methods: {name!r} is none of {', '.join(every)}")


@contextmanager
def _matchering(interpreter: str | None, context: Context) -> Iterator[Method]:
    from engine.mastering.evaluate.matchering import running

    if interpreter is None and getattr(sys, "frozen", False):
        raise Failure(
            "Matchering cannot be run from the packaged program.",
            "It needs a Python of its own.",
            "Name one with --matchering-python.",
        )
    with running(context, interpreter or sys.executable) as method:
        yield method


def _design(name: str) -> str:
    """A method's name without what it adds to the model."""
    return name.removesuffix(FIT_SUFFIX).removesuffix(RESIDUAL_SUFFIX)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _models(named: Sequence[str], methods: Sequence[str] | None) -> dict[str, Predicted]:
    """The models by what they are called: their variant, or their name where that is asked for.

    Without any named, those of the installed ones that the methods ask for, or the preferred one.
    """
    asked = {_design(name) for name in methods or ()} - {*KNOWN}
    if methods is not None and not asked:
        return {}
    from engine.mastering.evaluate.methods import Predicted
    from engine.mastering.models.library import default_model, find_model, installed, load

    locations = Locations.standard()
    folders = [find_model(name, locations) for name in named]
    if not named and methods is None:
        preferred = default_model(locations)
        folders = [preferred] if preferred is not None else []
    elif not named:
        folders = [
            info.folder for info in installed(locations) if asked & {info.name, info.variant}
        ]
    models: dict[str, Predicted] = {}
    for folder in folders:
        predictor = load(folder)
        taken = predictor.variant in models or predictor.name in asked
        name = predictor.name if taken else predictor.variant
        models[name] = Predicted(predictor, name)
    return models


def _tell(evaluation: Evaluation, terminal: Terminal) -> None:
    from engine.mastering.evaluate.report import bar_rows, group_rows
    from engine.mastering.evaluate.summary import METRICS, bars, groups

    found = groups(evaluation.rows)
    for metric in ("eq_error_db", "contour_error_lu", "width_error_db"):
        title, unit = METRICS[metric]
        terminal.say(f"{title} ({unit}); better, worse: share of cases against doing nothing")
        terminal.table(group_rows(found, metric), right=frozenset(range(4, 11)))
        terminal.say()
    terminal.table(bar_rows(bars(evaluation.rows)))
    for reason in evaluation.skipped.values():
        terminal.note(f"Left out: {reason}")
    failed = [row for row in evaluation.rows if row.error]
    for row in failed[:10]:
        case = f"{row.song}, {row.kind} {row.tier}, {row.listening}"
        terminal.note(f"{row.method} failed on {case}: {row.error}")
    if len(failed) > 10:
        terminal.note(f"... and {len(failed) - 10} more; a report lists them all.")


COMMAND = Command(
    "master-eval",
    "how well each way of mastering repairs known harm",
    add_arguments,
    run,
    DESCRIPTION,
)
