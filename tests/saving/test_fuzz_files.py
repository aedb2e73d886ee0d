"""Some hundred broken files; `SYMKERAS_FUZZ_FILES=100000` for more, or `python -m tests.saving.fuzz_files --count 100000`."""

from __future__ import annotations

import os
from pathlib import Path

from tests.saving import fuzz_files

COUNT = int(os.environ.get("SYMKERAS_FUZZ_FILES", "200"))


def test_broken_files_give_our_errors_and_nothing_else(tmp_path: Path) -> None:
    lines: list[str] = []
    results = fuzz_files.run(COUNT, keep=tmp_path, report=lines.append)
    assert len(results) == COUNT
    assert not fuzz_files.failures(results), "\n".join(lines)
    assert COUNT / 10 < [*results.values()].count("read") < COUNT, "the changes are neither too small nor too large"


def test_cases_follow_from_their_numbers(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        fuzz_files.good_files(folder)
    first = {n: fuzz_files.case(folders[0], n) for n in range(200)}
    assert all(fuzz_files.case(folders[1], n) == first[n] for n in reversed(range(200)))
