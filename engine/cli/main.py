"""Arguments -> command -> exit code."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from engine.cli import dataset, doctor, info, master, master_eval, models, train
from engine.cli.command import CANCELLED, FAILED, USAGE, Command, UsageError
from engine.cli.terminal import Terminal, flush
from engine.tasks import Cancelled

COMMANDS = (
    info.COMMAND,
    master.COMMAND,
    master_eval.COMMAND,
    models.COMMAND,
    train.COMMAND,
    dataset.COMMAND,
    doctor.COMMAND,
)

DESCRIPTION = """\
A workbench for people who work on sound with models: look at audio, hear it, master it.

  audiobench [FILES...]    open the window, with these files, folders or session
                           (--demo: the demo; --theme NAME: dark, light, high contrast)
  audiobench COMMAND ...   do one thing without a window
"""
EPILOG = """\
Exit codes: 0 done, 1 failed (one line on standard error says what, why and what to do),
2 wrong usage, 130 cancelled. Files are written under a temporary name and renamed when they are
complete: a failed or cancelled command leaves no half file and never harms an existing one.
"""


def build_parser(extra: Sequence[Command] = ()) -> argparse.ArgumentParser:
    """The whole parser.

    Parameters
    ----------
    extra
        Further commands, from packages the engine does not know.
    """
    from importlib.metadata import version

    parser = argparse.ArgumentParser(
        prog="audiobench",
        usage="audiobench [FILES...]\n       audiobench COMMAND [ARGUMENTS...]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"audiobench {version('audiobench')}"
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, prog="audiobench"
    )
    for command in (*COMMANDS, *extra):
        sub = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.description or command.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        output = sub.add_argument_group("output")
        output.add_argument("--json", action="store_true", help="print the result as JSON")
        output.add_argument(
            "--debug", action="store_true", help="follow a failure with its traceback"
        )
        sub.set_defaults(parser=sub, command=command)
    return parser


def run(argv: Sequence[str], extra: Sequence[Command] = ()) -> int:
    """Do what the arguments say.

    Returns
    -------
    int
        0 done, 1 failed, 2 usage, 130 cancelled. Nothing is raised but by a second Ctrl+C.
    """
    try:
        arguments = build_parser(extra).parse_args(argv)
    except SystemExit as error:  # argparse has printed help or what is wrong
        return int(error.code or 0)
    terminal = Terminal(as_json=arguments.json, debug=arguments.debug)
    command: Command = arguments.command
    try:
        with terminal.interruptible():
            return command.run(arguments, terminal)
    except UsageError as error:
        arguments.parser.print_usage(terminal.error_stream)
        terminal.note(f"{arguments.parser.prog}: {error}")
        return USAGE
    except (Cancelled, KeyboardInterrupt):
        terminal.note("audiobench: cancelled; nothing half-written was left.")
        return CANCELLED
    except BrokenPipeError:
        return FAILED
    except Exception as error:  # whatever it is, the user gets one line and an exit code
        terminal.emit({"error": terminal.fail(error)})
        return FAILED
    finally:
        flush()
