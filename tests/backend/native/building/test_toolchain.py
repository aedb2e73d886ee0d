"""The C compiler: what is found, what it is told, and what is left behind when it fails or is stopped."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from symkeras import errors
from symkeras.backend.native.building import self_test, toolchain
from tests.patience import SECONDS, comes_true

NEEDS_COMPILER = pytest.mark.skipif(toolchain.describe().startswith("C compiler: none"), reason=toolchain.describe())
NEEDS_SHELL = pytest.mark.skipif(shutil.which("sh") is None, reason="stand-ins for compilers are shell scripts")


@pytest.fixture(autouse=True)
def _search_anew() -> Iterator[None]:
    """Each test looks for a compiler itself, and leaves nothing of that to others."""
    toolchain.compiler.cache_clear()
    yield
    toolchain.compiler.cache_clear()


def script(path: Path, text: str) -> str:
    """A program at `path`."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def stand_in(command: str, simd: bool = False) -> toolchain.Compiler:
    return toolchain.Compiler((command,), "1.0", simd, "stand-in")


def nothing_else(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No compiler under any of the usual names."""
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


@NEEDS_COMPILER
def test_a_file_is_built_and_its_source_is_kept(tmp_path: Path) -> None:
    compiler = toolchain.compiler()
    target = tmp_path / "triple.so"
    toolchain.build("#include <math.h>\ndouble f(double x) { return fabs(3 * x); }\n", target, compiler, toolchain.flags(compiler))
    function = ctypes.CDLL(str(target)).f
    function.argtypes, function.restype = [ctypes.c_double], ctypes.c_double
    assert function(-2.0) == 6.0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["triple.c", "triple.so"]
    assert toolchain.compiler() is compiler
    assert compiler.version in toolchain.describe()


@NEEDS_COMPILER
def test_the_compiler_may_be_given_with_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = toolchain.compiler()
    toolchain.compiler.cache_clear()
    monkeypatch.setenv("CC", f"{' '.join(found.command)} '-DSAID=\"by CC\"'")
    compiler = toolchain.compiler()
    assert compiler.command == (*found.command, '-DSAID="by CC"')
    toolchain.build("const char *said(void) { return SAID; }", tmp_path / "said.so", compiler, toolchain.flags(compiler))
    said = ctypes.CDLL(str(tmp_path / "said.so")).said
    said.restype = ctypes.c_char_p
    assert said() == b"by CC"


@NEEDS_COMPILER
@pytest.mark.parametrize("chosen", ["no-such-compiler -O2", "/nowhere/gcc", "'unbalanced", sys.executable])
def test_a_wrong_cc_is_passed_over_and_named(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", chosen)
    compiler = toolchain.compiler()
    assert len(compiler.passed_over) >= 1
    assert compiler.passed_over[0].startswith(f"$CC={chosen}: ")
    assert f"passed over $CC={chosen}" in toolchain.describe()


def test_without_any_compiler_the_error_says_what_was_tried_and_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_else(monkeypatch, tmp_path)
    monkeypatch.setenv("CC", "nope")
    with pytest.raises(errors.BackendError) as caught:
        toolchain.compiler()
    for text in ("$CC=nope: not found", "gcc: not found", "clang: not found", "cc: not found", "ziglang", "pip install symkeras[native]"):
        assert text in str(caught.value)
    assert toolchain.describe().startswith("C compiler: none; ")


@NEEDS_SHELL
def test_a_program_that_does_not_compile_is_refused_with_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_else(monkeypatch, tmp_path)
    script(tmp_path / "cc", "echo 'cc: error: stdio.h is not installed' >&2; exit 3")
    with pytest.raises(errors.BackendError, match=r"cc: does not compile .cc: error: stdio.h is not installed"):
        toolchain.compiler()


@NEEDS_SHELL
@pytest.mark.parametrize(
    ("banner", "name"), [("gcc 12\nCopyright Free Software Foundation", "gcc"), ("Apple clang version 15", "clang"), ("tiny 0.9", "cc")]
)
def test_a_compiler_without_marked_loops_is_taken_and_known_by_its_banner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, banner: str, name: str
) -> None:
    nothing_else(monkeypatch, tmp_path)
    script(tmp_path / "cc", f"case \"$*\" in *-fopenmp-simd*) exit 1;; *--version*) echo '{banner}';; esac; exit 0")
    compiler = toolchain.compiler()
    assert (compiler.name, compiler.simd, compiler.version) == (name, False, banner.splitlines()[0])
    assert "-fopenmp-simd" not in toolchain.flags(compiler, portable=True)


@NEEDS_SHELL
@pytest.mark.parametrize(
    ("refused", "cpu", "expected"),
    [
        ("-mcpu*", "avx2 avx512f", ("-march=native", "-mprefer-vector-width=512")),
        ("-mcpu*", "avx2", ("-march=native",)),
        ("-mprefer*", "avx512f", ("-march=native",)),
        ("-march*", "asimd", ("-mcpu=native",)),
        ("-m*", "avx512f", ()),
    ],
)
def test_flags_for_this_processor_are_those_that_the_compiler_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str, cpu: str, expected: tuple[str, ...]
) -> None:
    command = script(tmp_path / "cc", f'for a in "$@"; do case "$a" in {refused}) exit 1;; esac; done; exit 0')
    monkeypatch.setattr(toolchain, "processor", lambda: cpu)
    compiler = stand_in(command, simd=True)
    assert tuple(f for f in toolchain.flags(compiler) if f.startswith("-m")) == expected
    assert not [f for f in toolchain.flags(compiler, portable=True) if f.startswith("-m")]


def test_flags_never_allow_sums_to_be_reordered_and_sanitizers_lower_the_level() -> None:
    compiler = stand_in("cc", simd=True)
    plain, checked = toolchain.flags(compiler, portable=True), toolchain.flags(compiler, portable=True, sanitize=("address",))
    assert {"-O2", "-fopenmp-simd", "-pthread", "-fwrapv", "-ffp-contract=off"} <= set(plain)
    assert "-O3" in toolchain.flags(compiler, portable=True, level="-O3")
    assert not [f for f in plain if "fast" in f]
    assert {"-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address", "-fno-sanitize-recover=all"} <= set(checked)
    assert not {"-O2", "-O3"} & set(checked)


@NEEDS_COMPILER
def test_a_failing_build_shows_command_and_first_errors_and_keeps_the_source(tmp_path: Path) -> None:
    compiler = toolchain.compiler()
    source = "\n".join(f"int f{i}(void) {{ return missing_{i}; }}" for i in range(40))
    target = tmp_path / "bad.so"
    target.write_bytes(b"before")
    with pytest.raises(errors.BackendError) as caught:
        toolchain.build(source, target, compiler, toolchain.flags(compiler))
    message = str(caught.value)
    assert f"{compiler.command[0]}" in message and "-shared -fPIC -I" in message
    assert "missing_0" in message and "missing_30" not in message
    assert f"kept in {tmp_path / 'bad.c'}" in message
    assert (tmp_path / "bad.c").read_text() == source
    assert target.read_bytes() == b"before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.c", "bad.so"]


@NEEDS_SHELL
@pytest.mark.parametrize("text", ["kill -9 $$", "exit 0", "echo oh; exit 1"])
def test_a_compiler_that_dies_or_makes_nothing_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(errors.BackendError, match=r"signal 9|exit status"):
        toolchain.build("int x;", tmp_path / "x.so", stand_in(script(tmp_path / "cc", text)), ())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cc", "x.c"]


def test_a_compiler_that_vanished_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(errors.BackendError, match=r"cannot run .*gone"):
        toolchain.build("int x;", tmp_path / "x.so", stand_in(str(tmp_path / "gone")), ())


@NEEDS_SHELL
def test_a_compiler_that_hangs_is_ended_and_the_limit_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = script(tmp_path / "cc", f'sleep 600 & echo "$! $$" > {tmp_path}/pids; wait')
    monkeypatch.setenv("SYMKERAS_COMPILE_SECONDS", "2.5")
    with pytest.raises(errors.BackendError, match=r"cc was ended: it did not finish within 2.5 s; SYMKERAS_COMPILE_SECONDS is its limit.*x\.c"):
        toolchain.build("int x;", tmp_path / "x.so", stand_in(command), ())
    for pid in (tmp_path / "pids").read_text().split():
        assert comes_true(lambda pid=pid: not runs(int(pid)))
    assert not (tmp_path / "x.so").exists()


@NEEDS_SHELL
def test_a_compiler_that_does_not_answer_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_SECONDS_TO_ANSWER", 0.5)
    sleep = shutil.which("sleep")
    nothing_else(monkeypatch, tmp_path)
    monkeypatch.setenv("CC", script(tmp_path / "slow", f"exec {sleep} 600"))
    with pytest.raises(errors.BackendError, match=r"slow: slow was ended: it did not finish within 0\.5 s"):
        toolchain.compiler()


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_a_limit_that_is_none_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMKERAS_COMPILE_SECONDS", text)
    with pytest.raises(errors.ConfigError, match=f"SYMKERAS_COMPILE_SECONDS is a number of seconds.*'{text}'"):
        toolchain.seconds()


# ---- the self-test -----------------------------------------------------------------------------------------------------


@NEEDS_COMPILER
def test_the_compiler_at_hand_passes_its_self_test_without_a_red_zone() -> None:
    compiler = toolchain.compiler()
    assert self_test.caution(compiler) == 0
    if compiler.name == "gcc" and platform.machine() == "x86_64":
        assert compiler.red_zone and "-mno-red-zone" in toolchain.flags(compiler)


def wrong_with(tmp_path: Path, flag: str, wrong: str) -> toolchain.Compiler:
    """The compiler at hand, but that programs built with a flag are wrong."""
    found = toolchain.compiler()
    text = f'case "$*" in *{flag}*) exec {" ".join(found.command)} "$@" {wrong};; esac; exec {" ".join(found.command)} "$@"'
    return dataclasses.replace(found, command=(script(tmp_path / "wrong-cc", text),))


@NEEDS_COMPILER
@NEEDS_SHELL
@pytest.mark.parametrize(
    "wrong", ["-Dexpf=sinf", "-DMOST_ROWS=7 -Dmemory=stdin", "-include signal.h -Dfill()=raise(11)"], ids=["numbers", "no program", "signal"]
)
@pytest.mark.parametrize(("flag", "expected"), [("-march=native", 1), ("-O2", 2)])
def test_flags_that_make_wrong_programs_are_done_without(flag: str, expected: int, wrong: str, tmp_path: Path) -> None:
    compiler = wrong_with(tmp_path, flag, " ".join(f"'{w}'" for w in wrong.split()))
    if flag not in toolchain.flags(compiler):
        pytest.skip(f"this compiler has no {flag}")
    assert self_test.caution(compiler) == expected
    assert flag not in toolchain.flags(compiler, caution=expected)


@NEEDS_COMPILER
@NEEDS_SHELL
def test_a_compiler_that_is_always_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.BackendError, match=r"makes wrong programs on this machine, set CC.*wrong numbers in loops over 1 rows"):
        self_test.caution(wrong_with(tmp_path, "-std", "-Dexpf=sinf"))


@NEEDS_SHELL
def test_a_full_disk_is_told_from_a_failing_compiler(tmp_path: Path) -> None:
    command = script(tmp_path / "cc", "echo 'ld: final link failed: No space left on device'; exit 1")
    with pytest.raises(OSError, match="No space left on device"):
        toolchain.build("int x;", tmp_path / "x.so", stand_in(command), ())


@NEEDS_SHELL
@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("manner", ["", "trap '' TERM;"])
def test_ctrl_c_ends_the_compiler_with_its_children_and_leaves_no_half_file(tmp_path: Path, manner: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    half = 'while [ "$1" != -o ]; do shift; done; echo half > "$2"'
    command = script(tmp_path / "cc", f'{manner} {half}; sleep 1000 & echo "$! $$" > {tmp_path}/pids; wait; wait')
    program = (
        "from pathlib import Path\nfrom symkeras.backend.native.building import toolchain as t\n"
        f"t.build('int x;', Path({str(work / 'x.so')!r}), t.Compiler(({command!r},), '', False, 'cc'), ())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, start_new_session=True)
    pids = tmp_path / "pids"
    assert comes_true(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    assert len(list(work.iterdir())) == 2
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=SECONDS)
    assert b"KeyboardInterrupt" in stderr
    for pid in pids.read_text().split():
        assert comes_true(lambda pid=pid: not runs(int(pid)))
    assert [p.name for p in work.iterdir()] == ["x.c"]


@NEEDS_SHELL
@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("moment", ["_execute_child", "communicate"])
def test_ctrl_c_at_any_moment_ends_what_was_started(moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = script(tmp_path / "cc", f"trap '' TERM; sleep 1000 & echo $! $$ > {tmp_path}/pids; wait; wait")
    started, real = tmp_path / "pids", getattr(subprocess.Popen, moment)

    def interrupted(self: Any, *args: Any, **kwargs: Any) -> None:
        if moment == "_execute_child":
            real(self, *args, **kwargs)
        assert comes_true(lambda: started.exists() and len(started.read_text().split()) == 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, moment, interrupted)
    with pytest.raises(KeyboardInterrupt):
        toolchain.build("int x;", tmp_path / "x.so", stand_in(command), ())
    for pid in started.read_text().split():
        assert comes_true(lambda pid=pid: not runs(int(pid)))


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended (an ended one may wait for its parent)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or ") Z " not in status.read_text()


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "text"
    with pytest.raises(KeyboardInterrupt), toolchain.whole_file(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with toolchain.whole_file(path) as part:
        part.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["text"]


def test_the_processor_is_described_by_more_than_its_architecture() -> None:
    assert toolchain.processor() == toolchain.processor()
    if Path("/proc/cpuinfo").exists():
        assert len(toolchain.processor().split()) > 1
