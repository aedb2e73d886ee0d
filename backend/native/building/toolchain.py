"""The C compiler: found once per process, asked what it can do, and run on one file at a time.

In goes the text of a C file, out comes a shared object. Where such files are kept, and when they are used again, is left to
`symkeras.backend.native.building.cache`.
"""

from __future__ import annotations

import errno
import functools
import importlib.util
import math
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from symkeras.errors import BackendError, ConfigError

INCLUDE = Path(__file__).parents[1] / "include"
"""The folder of the runtime's headers, `#include "symkeras/NAME.h"`."""

_ARITHMETIC = ("-fwrapv", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
_NATIVE = ("-march=native", "-mcpu=native")  # clang spells it the second way on some ARM machines
_WIDE = ("-mprefer-vector-width=512",)
_SIMD = ("-fopenmp-simd", "-DSK_LOOPS_AS_SIMD")  # OpenMP's word for loops whose steps are independent; no library comes with it
_THREADS = "-pthread"
_NO_RED_ZONE = "-mno-red-zone"
"""gcc 12 for some processors puts an aligned array of a function that calls no other below the stack pointer, at a place that is not aligned."""
_SECONDS = 900.0
"""How long a compiler may run on one file, unless `SYMKERAS_COMPILE_SECONDS` says otherwise."""
_SECONDS_TO_ANSWER = 60.0
"""How long it may take over a file of one line."""
CAUTIONS = ("", "not for this very processor", "not for this very processor and hardly optimised")
"""How flags are chosen, the first that pass the self-test (see `self_test`); in words where they are not the usual ones."""
_NO_ROOM = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
}
_CPU_FIELDS = ("vendor_id", "cpu family", "model", "model name", "flags", "CPU implementer", "CPU part", "Features", "cpu", "isa")
_ERROR_LINES = 10


@dataclass(frozen=True)
class Compiler:
    """A C compiler that was seen to compile.

    Attributes:
        command: the program and its own arguments.
        version: the first line of `--version`.
        simd: whether it knows loops that are marked as independent (`-fopenmp-simd`).
        name: "gcc", "clang" or "zig"; the program's name where it is another one.
        passed_over: why candidates before this one were not taken.
        red_zone: whether it is told to use nothing below the stack pointer: gcc on 64-bit x86, two nanoseconds for a call of a kernel.
    """

    command: tuple[str, ...]
    version: str
    simd: bool
    name: str
    passed_over: tuple[str, ...] = field(default=(), compare=False)
    red_zone: bool = False


cautions: dict[Compiler, int] = {}
"""What of `CAUTIONS` compilers need, as far as this process has asked."""


@functools.cache
def compiler() -> Compiler:
    """The compiler of this process: `$CC`, gcc, clang, cc or the `ziglang` package, the first that compiles.

    Raises:
        BackendError: none compiles; the message names what was tried and what to install.
    """
    refused: list[str] = []
    for label, command in _candidates():
        try:
            return _examine(command, tuple(refused))
        except BackendError as error:
            refused.append(f"{label}: {error}")
    raise BackendError(
        "backend 'native' needs a C compiler, and none was found. Install one, such as gcc, or `pip install symkeras[native]`; "
        f"set CC where it has another name. Tried: {'; '.join(refused)}"
    )


def describe() -> str:
    """One line on the compiler: version, command, and what was passed over."""
    try:
        found = compiler()
    except BackendError as error:
        return f"C compiler: none; {error}"
    passed_over = "".join(f"; passed over {reason}" for reason in found.passed_over)
    loops = "" if found.simd else "; no -fopenmp-simd, sums are not vectorised"
    careful = CAUTIONS[cautions.get(found, 0)]
    tested = f"; it failed its self-test, so it builds {careful}" if careful else ""
    return f"C compiler: {found.version}, run as {shlex.join(found.command)}{loops}{tested}{passed_over}"


def flags(
    compiler: Compiler, portable: bool = False, sanitize: Sequence[str] = (), level: str = "-O2", caution: int = 0
) -> tuple[str, ...]:
    """The flags that a shared object is built with.

    Args:
        compiler: the one that will be run.
        portable: build for every processor of this kind, not for the one at hand.
        sanitize: names of sanitizers, such as "address" and "undefined"; the build is slow, has debugging information, and
            ends the process at the first finding.
        level: of optimisation. Loops marked as SIMD become vectors at -O2 already, and a training step compiles in two thirds of
            the time that -O3 takes; the kernels of the headers gain from -O3.
        caution: a number of `CAUTIONS`.

    >>> gcc = Compiler(("gcc",), "gcc 12", simd=False, name="gcc")
    >>> flags(gcc, portable=True)
    ('-std=gnu11', '-O2', '-pthread', '-fwrapv', '-fno-math-errno', '-fno-trapping-math', '-ffp-contract=off')
    >>> flags(gcc, portable=True, sanitize=("address", "undefined"))[1:6]
    ('-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all')
    """
    checked = ("-O1", "-g", "-fno-omit-frame-pointer", f"-fsanitize={','.join(sanitize)}", "-fno-sanitize-recover=all")
    optimised = checked if sanitize else ("-O1" if caution > 1 else level,)
    native = () if portable or caution else _native_flags(compiler.command, "avx512f" in processor().split())
    stack = (_NO_RED_ZONE,) if compiler.red_zone else ()
    return ("-std=gnu11", *optimised, *native, *stack, *(_SIMD if compiler.simd and caution < 2 else ()), _THREADS, *_ARITHMETIC)


def build(source: str, target: Path, compiler: Compiler, flags: Sequence[str], seal: Callable[[Path], None] | None = None) -> None:
    """Compile a C file to a shared object; the source is kept beside it, with the suffix `.c`.

    Both files are there as a whole or not at all, also when the build is interrupted.

    Args:
        source: the text of the C file.
        target: path of the shared object; its folder must exist.
        compiler: what to run.
        flags: from `flags`.
        seal: called with the shared object's temporary path before it takes its place.

    Raises:
        BackendError: the compiler failed, or took too long; the message has the command, the first errors, and where the source is kept.
        OSError: the folder cannot be written, or is full.
    """
    kept = target.with_suffix(".c")
    with whole_file(kept) as part:
        part.write_text(source, encoding="utf-8")
    with whole_file(target) as part:
        command = [*compiler.command, *flags, "-shared", "-fPIC", "-I", str(INCLUDE), str(kept), "-o", str(part), "-lm"]
        try:
            status, output = _run(command, seconds())
        except TimeoutError as error:
            raise BackendError(f"{error}; SYMKERAS_COMPILE_SECONDS is its limit. The source is kept in {kept}") from None
        if status != 0 or not part.exists():
            for text, number in _NO_ROOM.items():
                if text in output:
                    raise OSError(number, text, str(target))
            raise BackendError(_failure(command, status, output, kept))
        if seal is not None:
            seal(part)


def outcome(source: str, compiler: Compiler, flags: Sequence[str]) -> tuple[int, str]:
    """Exit status and output of a program, which is built and run for that; of the compiler where it fails.

    Where nothing may be run from the temporary folder, status 0 and the reason: then it was not tried.

    Raises:
        BackendError: the compiler cannot be started, or it or the program takes longer than a minute.
    """
    with tempfile.TemporaryDirectory(prefix="symkeras-") as folder:
        file, program = Path(folder, "program.c"), Path(folder, "program")
        file.write_text(source, encoding="utf-8")
        try:
            status, output = _run([*compiler.command, *flags, "-I", str(INCLUDE), str(file), "-o", str(program), "-lm"])
            if status != 0:
                return status, output
            return _run([str(program)]) if os.access(program, os.X_OK) else (0, f"{program} may not be run")
        except TimeoutError as error:
            raise BackendError(str(error)) from None


def seconds() -> float:
    """How long a compiler may run on one file.

    Raises:
        ConfigError: `SYMKERAS_COMPILE_SECONDS` is no positive number.
    """
    text = os.environ.get("SYMKERAS_COMPILE_SECONDS", "")
    try:
        number = float(text) if text else _SECONDS
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ConfigError(f"SYMKERAS_COMPILE_SECONDS is a number of seconds, such as {_SECONDS:g}; received {text!r}")
    return number


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there takes its place when the context ends well, and is removed otherwise."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@functools.cache
def processor() -> str:
    """What tells this processor from others: its model, and the instructions that it has."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    rows = [line.partition(":") for line in text.partition("\n\n")[0].splitlines()]
    return " ".join([platform.machine(), *(value.strip() for key, _, value in rows if key.strip() in _CPU_FIELDS)])


def _candidates() -> Iterator[tuple[str, tuple[str, ...]]]:
    """What to try, in order: a name for it and the command, which is empty where there is nothing to run."""
    chosen = os.environ.get("CC", "").strip()
    if chosen:
        try:
            command = tuple(shlex.split(chosen))
        except ValueError:
            command = (chosen,)
        yield f"$CC={chosen}", command
    for name in ("gcc", "clang", "cc"):
        yield name, (name,)
    zig = importlib.util.find_spec("ziglang")
    yield "the package ziglang", () if zig is None else (sys.executable, "-m", "ziglang", "cc")


def _examine(command: tuple[str, ...], passed_over: tuple[str, ...]) -> Compiler:
    """The compiler behind a command; BackendError with the reason where it cannot be used."""
    if not command or shutil.which(command[0]) is None:
        raise BackendError("not found")
    with tempfile.TemporaryDirectory(prefix="symkeras-") as folder:
        source, program = Path(folder, "probe.c"), str(Path(folder, "probe"))
        source.write_text("int main(void) { return 0; }\n", encoding="ascii")
        try:
            simd = _run([*command, *_SIMD, _THREADS, str(source), "-o", program])[0] == 0
            if not simd:
                status, output = _run([*command, str(source), "-o", program])
                if status != 0:
                    raise BackendError(f"does not compile ({' / '.join(_first_errors(output)[:2]) or f'exit status {status}'})")
            status, output = _run([*command, "--version"])
            name = _name(command, output)
            red_zone = name == "gcc" and _has_red_zone() and _run([*command, _NO_RED_ZONE, str(source), "-o", program])[0] == 0
        except TimeoutError as error:
            raise BackendError(str(error)) from None
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    version = lines[0] if status == 0 and lines else "unknown version"
    return Compiler(command, version, simd, name, passed_over, red_zone)


def _has_red_zone() -> bool:
    """Whether functions of this machine may keep something below the stack pointer: 64-bit x86, but for Windows."""
    return platform.machine().lower() in ("x86_64", "amd64") and os.name == "posix"


def _name(command: tuple[str, ...], version: str) -> str:
    """The family of a compiler, told by its command and by what `--version` prints."""
    program = Path(command[0]).name
    if "ziglang" in command or program == "zig":
        return "zig"
    for mark, name in (("clang", "clang"), ("Free Software Foundation", "gcc")):
        if mark in version:
            return name
    return program


@functools.cache
def _native_flags(command: tuple[str, ...], wide: bool) -> tuple[str, ...]:
    """Those of the flags for this very processor that the compiler takes; `wide` where it has registers of 512 bits."""
    choices = [(native, prefer) for native in _NATIVE for prefer in (_WIDE if wide else (), ())]
    with tempfile.TemporaryDirectory(prefix="symkeras-") as folder:
        source = Path(folder, "probe.c")
        source.write_text("int nothing;\n", encoding="ascii")
        for native, prefer in choices:
            flags = (native, *prefer)
            with suppress(TimeoutError):
                if _run([*command, *flags, "-c", str(source), "-o", str(Path(folder, "probe.o"))])[0] == 0:
                    return flags
    return ()


def _run(command: Sequence[str], limit: float | None = None) -> tuple[int, str]:
    """Exit status and all output of a command; an exception here, such as Ctrl-C, ends it together with what it started.

    Raises:
        BackendError: it cannot be started.
        TimeoutError: it ran for `limit` seconds (for None, those that a file of one line may take), and was ended.
    """
    limit = _SECONDS_TO_ANSWER if limit is None else limit
    process = subprocess.Popen.__new__(subprocess.Popen)  # known before it starts: Ctrl-C may come while it does
    try:
        _start(process, command)
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise TimeoutError(f"{Path(command[0]).name} was ended: it did not finish within {limit:g} s") from None
    except BaseException:
        _kill(process)
        raise
    return process.returncode, output.decode("utf-8", errors="replace")


def _start(process: subprocess.Popen[bytes], command: Sequence[str]) -> None:
    try:
        process.__init__(  # type: ignore[misc]
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            process_group=0 if os.name == "posix" else None,
        )
    except OSError as error:
        raise BackendError(f"cannot run {command[0]}: {error.strerror or error}") from error


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process with all of its group (a compiler's driver leaves the work to others): asked first, so that it removes its files."""
    if getattr(process, "pid", None) is None:  # it never began
        return
    try:
        _send(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
    finally:
        _send(process, getattr(signal, "SIGKILL", signal.SIGTERM))  # to who is left, also where the driver has ended
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _send(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)


def _first_errors(output: str) -> list[str]:
    """The lines from the first error on, about ten of them; the first lines where none says that it is one."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    start = next((i for i, line in enumerate(lines) if "error" in line.lower()), 0)
    return lines[start : start + _ERROR_LINES]


def _failure(command: Sequence[str], status: int, output: str, kept: Path) -> str:
    ended = f"signal {-status}" if status < 0 else f"exit status {status}"
    errors = "".join(f"\n  {line}" for line in _first_errors(output)) or "\n  (it printed nothing)"
    return f"the C compiler failed ({ended}):\n  {shlex.join(command)}{errors}\nThe source is kept in {kept}"
