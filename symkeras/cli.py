"""The command `symkeras`: run Keras scripts as they are, look into saved models, and a demonstration."""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType

from symkeras import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: those of the command line when None.

    Returns:
        The exit status: 0 when all went well.
    """
    parser = argparse.ArgumentParser(prog="symkeras", description="Keras models, compiled in the open.")
    parser.add_argument("--version", action="version", version=f"symkeras {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="run a Keras script, in which keras and tensorflow.keras mean symkeras")
    run.add_argument("script", help="a Python file")
    run.add_argument("rest", nargs=argparse.REMAINDER, metavar="ARGS", help="what the script finds in sys.argv")
    inspect = commands.add_parser("inspect", help="show what a saved model is compiled to")
    inspect.add_argument("file", help="a model saved by model.save")
    form = inspect.add_mutually_exclusive_group()
    form.add_argument("--text", action="store_true", help="one screen of text for each function (so it is without options)")
    form.add_argument("--json", action="store_true", help="all that is known, as JSON")
    form.add_argument("--html", metavar="PATH", help="all that is known, as a page written to PATH")
    inspect.add_argument("--function", choices=("predict", "train"), help="of this function alone; a page shows one: train if it is there")
    inspect.add_argument("--find", metavar="NAME", help="of a layer, line, value, kernel, pass or rule alone, with the chain it stands in")
    inspect.add_argument("--out", metavar="PATH", help="the file to write, instead of stdout")
    commands.add_parser("demo", help="train a small convolutional network on digits, and show how it was compiled")
    commands.add_parser("backends", help="list the backends, their devices, and what each can run")
    chosen = parser.parse_args(arguments)
    if chosen.command == "run":
        return run_script(chosen.script, chosen.rest)
    if chosen.command == "inspect":
        from symkeras.inspection.command import inspect_file

        return inspect_file(chosen.file, chosen.json, chosen.out, chosen.find, chosen.html, chosen.function)
    if chosen.command == "backends":
        from symkeras.backend.inventory import report

        print(report())
        return 0
    from symkeras.demo import demo

    return demo()


def run_script(script: str, arguments: Sequence[str] = ()) -> int:
    """Run a Python file as `__main__`, with `import keras` giving symkeras.

    Args:
        script: path of the file.
        arguments: what it finds in `sys.argv` after its own name.

    Returns:
        The exit status: 1 when it raised an exception, whose traceback goes to stderr.
    """
    from symkeras import keras_alias

    if not os.path.isfile(script):
        print(f"symkeras run: there is no file {script!r}", file=sys.stderr)
        return 2
    keras_alias.install()
    sys.argv = [script, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit:
        raise
    except BaseException as error:
        error.__traceback__ = _of_the_script(error.__traceback__, script)
        traceback.print_exception(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _of_the_script(frames: TracebackType | None, script: str) -> TracebackType | None:
    """The part of a traceback that begins in the script; all of it where the script does not occur (a syntax error)."""
    rest = frames
    while rest is not None and rest.tb_frame.f_code.co_filename != script:
        rest = rest.tb_next
    return rest if rest is not None else frames
