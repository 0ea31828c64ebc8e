"""``audiobench master``: master one file, many, or an album."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.cli.command import DONE, FAILED, Command
from engine.cli.info import describe
from engine.cli.mastering_flags import add_arguments, amounts_of
from engine.cli.mastering_plan import Item, export_format, plan, read_parameters
from engine.cli.mastering_talk import Mastered, list_presets, summarise, tell, tell_album
from engine.cli.paths import check_output
from engine.cli.terminal import Terminal
from engine.locations import Locations
from engine.mastering.model_choice import AUTO, NONE, ModelChoice, choose_model, model_of
from engine.tasks import Cancelled, Context

if TYPE_CHECKING:
    from engine.audio.export_format import ExportFormat
    from engine.mastering.album import AlbumResult
    from engine.mastering.master_spec import MasterResult, MasterSpec
    from engine.mastering.parameters import Amounts, ChainParameters

CACHE_BUDGET_BYTES = 10 * 10**9

DESCRIPTION = """\
Master audio: a trained model says what equalizer, dynamics and width a song wants; then a loudness
is met under a true-peak ceiling. With --reference it goes towards the sound of those tracks. With
--preset or --model none the chain is fitted without a model.

  audiobench master song.wav song-master.wav
  audiobench master song.wav out.flac --reference good.wav --lufs -11 --report report.html
  audiobench master song.wav out.wav --reference a.wav --weight 2 --reference b.wav --weight 1
  audiobench master song.wav out.wav --only tone --amount 0.7
  audiobench master *.wav --out-dir mastered --format mp3
  audiobench master album/ --out-dir mastered --album

The format follows the ending of OUT. With --out-dir every other path is an input (folders are
searched), outputs carry the inputs' names, and the next file is mastered even if one fails.
An existing file is left alone unless --overwrite is given, and is never replaced by half a
file. An input is never overwritten.
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What holds for every file of one call."""

    arguments: argparse.Namespace
    amounts: Amounts
    parameters: ChainParameters | None
    choice: ModelChoice

    def spec(self, item: Item) -> MasterSpec:
        """The task for one file."""
        from engine.cache import Cache
        from engine.mastering.master_spec import MasterSpec

        arguments = self.arguments
        return MasterSpec(
            source=item.source,
            cache=Cache(Locations.standard().cache, CACHE_BUDGET_BYTES),
            target=arguments.preset or "balanced",
            references=tuple(arguments.reference),
            weights=tuple(arguments.weight),
            lufs=arguments.lufs,
            ceiling_dbtp=arguments.ceiling,
            amounts=self.amounts,
            parameters=self.parameters,
            keep_gain=arguments.keep_gain,
            model=self.choice.model,
            without_model=self.choice.note,
            refine=arguments.refine,
        )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Master everything that was asked for."""
    if arguments.list_presets:
        return list_presets(terminal)
    items = plan(arguments)
    amounts = amounts_of(arguments)
    parameters = read_parameters(arguments.parameters) if arguments.parameters else None
    _check_preset(arguments)
    with terminal.context("Loading", seed=arguments.seed) as context:
        context.report(0.0, 0.0)
        wish = Wish(arguments, amounts, parameters, _choose(arguments, amounts, parameters))
    return _album(wish, items, terminal) if arguments.album else _each(wish, items, terminal)


def _check_preset(arguments: argparse.Namespace) -> None:
    """Refuse a name for a preset before the work and not after it."""
    if arguments.save_preset:
        from engine.mastering.match import check_name

        check_name(arguments.save_preset, Locations.standard(), arguments.overwrite)


def _choose(
    arguments: argparse.Namespace, amounts: Amounts, parameters: ChainParameters | None
) -> ModelChoice:
    locations = Locations.standard()
    if parameters is not None:
        wanted = parameters.scaled(amounts).residual
        return model_of(wanted.model, locations) if wanted.active else ModelChoice(None)
    by_itself = arguments.model == AUTO and arguments.preset is not None
    return choose_model(NONE if by_itself else arguments.model, locations)


def _each(wish: Wish, items: Sequence[Item], terminal: Terminal) -> int:
    """Master files one by one; the next even if one fails."""
    done: list[Mastered] = []
    documents: list[dict[str, Any]] = []
    try:
        for number, item in enumerate(items, start=1):
            label = f"[{number}/{len(items)}] " if len(items) > 1 else ""
            try:
                mastered = _one(wish, item, terminal, label)
            except Cancelled:
                raise
            except Exception as error:  # the other files are still to be mastered
                about = f"{item.source.name}: " if len(items) > 1 else ""
                documents.append({"source": str(item.source), "error": terminal.fail(error, about)})
                continue
            done.append(mastered)
            documents.append(mastered.document)
            tell(mastered, terminal, label)
    finally:
        if len(items) > 1:
            summarise(items, done, terminal)
        terminal.emit({"files": documents})
    if done:
        _save_preset(wish, done[0].result, terminal)
    return DONE if len(done) == len(items) else FAILED


def _album(wish: Wish, items: Sequence[Item], terminal: Terminal) -> int:
    """Master all files as one album; all or, where one cannot be read, none."""
    from engine.mastering.album import AlbumSpec, master_album

    forms = [_ready(wish, item) for item in items]
    began = time.monotonic()
    with terminal.context("Album", seed=wish.arguments.seed) as context:
        tracks = tuple(wish.spec(item) for item in items)
        album = master_album(AlbumSpec(tracks), context.part(0.0, 0.8))
        done = []
        for index, (item, form) in enumerate(zip(items, forms, strict=True)):
            step = 0.2 / len(items)
            part = context.part(0.8 + index * step, 0.8 + (index + 1) * step)
            seconds = (time.monotonic() - began) / len(items)
            done.append(_deliver(item, album.tracks[index], form, seconds, part))
    for mastered in done:
        tell(mastered, terminal, f"[{done.index(mastered) + 1}/{len(done)}] ")
    summarise(items, done, terminal)
    tell_album(album, terminal)
    _save_preset(wish, album.tracks[0], terminal)
    terminal.emit({"files": [each.document for each in done], "album": _album_document(album)})
    return DONE


def _album_document(album: AlbumResult) -> dict[str, Any]:
    return {
        "gain_db": album.gain_db,
        "before_lufs": album.before_lufs,
        "after_lufs": album.after_lufs,
        "note": album.note,
    }


def _one(wish: Wish, item: Item, terminal: Terminal, label: str) -> Mastered:
    """Master one file and write its report."""
    from engine.mastering.master import master

    form = _ready(wish, item)
    began = time.monotonic()
    with terminal.context(f"{label}{item.source.name}", seed=wish.arguments.seed) as context:
        result = master(wish.spec(item), context.part(0.0, 0.85))
        seconds = time.monotonic() - began
        return _deliver(item, result, form, seconds, context.part(0.85, 1.0))


def _ready(wish: Wish, item: Item) -> ExportFormat:
    """The format of a file, once it is sure that it can be written."""
    arguments = wish.arguments
    form = export_format(arguments, item.output)
    if arguments.out_dir is not None:
        arguments.out_dir.mkdir(parents=True, exist_ok=True)
    check_output(item.output, [item.source, *arguments.reference], arguments.overwrite)
    if item.report is not None:
        check_output(item.report, [item.source, item.output], arguments.overwrite)
    return form


def _deliver(
    item: Item, result: MasterResult, form: ExportFormat, seconds: float, context: Context
) -> Mastered:
    """Write the audio, measure what was written, and write the report."""
    from engine.audio.probe import probe
    from engine.mastering.master import export

    began = time.monotonic()
    metadata = probe(item.source).metadata
    written = export(result, item.output, form, metadata, context.part(0.0, 0.7, "Writing"))
    # A lossy codec or another rate moves the peaks: what counts is what is in the file.
    changed = not form.kind.bits or written.rate != result.rendered.rate
    measuring = context.part(0.7, 1.0, "Checking the file")
    delivered = describe(written.path, measuring).loudness if changed else result.after
    seconds += time.monotonic() - began
    mastered = Mastered(item, result, written, seconds, delivered, tuple(context.warnings))
    if item.report is not None:
        from engine.report import write_report

        write_report(replace(result, warnings=mastered.warnings), item.report)
    return mastered


def _save_preset(wish: Wish, result: MasterResult, terminal: Terminal) -> None:
    """Keep what was aimed at, or what came out, as a preset."""
    arguments = wish.arguments
    if not arguments.save_preset:
        return
    from engine.audio.store import decode
    from engine.cache import Cache
    from engine.mastering.analysis import analyse
    from engine.mastering.match import of_references, save
    from engine.mastering.targets import with_delivery

    with terminal.context("Saving the preset") as context:
        locations = Locations.standard()
        cache = Cache(locations.cache, CACHE_BUDGET_BYTES)
        sources = [decode(path, cache, context) for path in arguments.reference]
        heard = ", ".join(path.name for path in arguments.reference)
        target = of_references(
            [analyse(each, context) for each in sources or [result.rendered]],
            arguments.weight or None,
            arguments.save_preset,
            heard or f"the master of {result.name}",
        )
        target = with_delivery(target, result.target.lufs, result.target.ceiling_dbtp)
        path = save(target, arguments.save_preset, locations, arguments.overwrite)
    terminal.say(f"Kept as the preset {path.stem}.")


COMMAND = Command("master", "master audio files", add_arguments, run, DESCRIPTION)
