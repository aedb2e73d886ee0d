"""The tour of the inspector shows what its commands print."""

from tests.inspection.tour import PAGE, made


def test_the_page_shows_what_the_commands_print():
    text = PAGE.read_text()
    assert made(text) == text, "write it anew with: python -m tests.inspection.tour"
