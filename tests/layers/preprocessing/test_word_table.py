"""Words are found in a row of bytes as a dictionary finds them when it is split."""

import numpy as np
import pytest

from symkeras.layers import text_table, word_table
from symkeras.layers.word_table import WordTable

SIGNS = [b"a", b"b", b"ab", "é".encode(), "漢".encode(), b"\x01", b"\x1f", b"!", b"abcdefgh", b"\x85", b"\xa0"]
SPACES = [b" ", b"  ", b"\t", b"\n", b"\r\n", b"\v", b"\f"]


def drawn(rng: np.random.Generator, longest: int) -> bytes:
    return b"".join(SIGNS[k] for k in rng.integers(0, len(SIGNS), rng.integers(1, longest + 1)))


@pytest.mark.parametrize("part", [1, 40, 2**18])
@pytest.mark.parametrize("room", [1, 8])
@pytest.mark.parametrize("longest", [1, 4, 30])
def test_every_word_is_found_as_a_dictionary_finds_it(part: int, room: int, longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_table, "_PART", part)
    monkeypatch.setattr(text_table, "_ROOM", room)
    rng = np.random.default_rng(part + room + longest)
    words = list({drawn(rng, longest) for _ in range(600)})
    numbers = {w: k for k, w in enumerate(words[::2], 5)} | {b"\0": -1}
    table = WordTable(numbers, 3)
    assert table._is_usable
    for count in (0, 1, 2, 900):
        chosen = [[b"\0", *words][k] for k in rng.integers(0, len(words) + 1, count)]
        row = b"".join(SPACES[rng.integers(len(SPACES))] + w for w in chosen) + b"\t" * (count % 2)
        assert row.split() == chosen
        assert table.find(row).tolist() == [numbers.get(w, 3) for w in row.split()]
        assert table.find(row.strip()).tolist() == [numbers.get(w, 3) for w in row.split()]


def test_words_whose_hashes_meet_are_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_table, "_hashes", lambda first, second: np.zeros_like(first))
    for count in (3, 40, 500):
        words = [f"w{k}".encode() for k in range(count)]
        table = WordTable({w: k for k, w in enumerate(words)}, -5)
        assert table.find(b" ".join([*words, b"w", b"w1000"])).tolist() == [*range(count), -5, -5]


def test_without_words_all_are_others() -> None:
    assert WordTable({}, 7).find(b"a b").tolist() == [7, 7]
    assert WordTable({b"x" * 17: 1}, 7).find(b"a " + b"x" * 17).tolist() == [7, 1]
