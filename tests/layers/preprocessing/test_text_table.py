"""A vocabulary as a hash table of arrays says what a dictionary says."""

import numpy as np
import pytest

from symkeras.layers import text_table
from symkeras.layers.text_table import TextTable


@pytest.mark.parametrize("count", [1, 2, 7, 300, 5000])
@pytest.mark.parametrize("room", [1, 8])
def test_texts_are_found_where_a_dictionary_has_them(count: int, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_table, "_ROOM", room)
    rng = np.random.default_rng(count)
    tokens = [f"{'é' * (k % 3)}{k * k}" for k in range(count)]
    table, known = TextTable(tokens), {t: k for k, t in enumerate(tokens)}
    assert table.is_usable
    texts = np.array([*tokens, "", "0 ", "é", *(str(n) for n in rng.integers(0, count * count + 9, 4000))])
    assert table.find(texts).tolist() == [known.get(t, -1) for t in texts.tolist()]
    assert table.find(texts.reshape(1, -1)[:, ::-1]).shape == (1, len(texts))


def test_a_table_in_which_texts_would_lie_far_from_their_slots_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_table, "_hashes", lambda texts: np.arange(len(texts), dtype=np.uint64))  # all lead to the first slot
    assert TextTable([str(k) for k in range(60)]).is_usable
    assert not TextTable([str(k) for k in range(100)]).is_usable


def test_what_cannot_be_hashed_apart_is_not_used() -> None:
    assert not TextTable([]).is_usable
    assert not TextTable(["a", "b\0"]).is_usable
    assert not TextTable(["a" * (text_table.LONGEST + 1)]).is_usable
