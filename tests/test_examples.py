"""Every example runs as its first lines say."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

COMMANDS = {
    "tutorial_mlp.py": (["-m", "symkeras", "run"], [], "200 rows that were not trained on"),
    "tutorial_news.py": (["-m", "symkeras", "run"], [], "with names:  losses"),
    "character_model.py": ([], ["0"], "bits per character"),
    "siamese_patterns.py": (["-m", "symkeras", "run"], [], "pairs that were not trained on"),
    "compiled_in_the_open.py": ([], [], "differ by at most"),
}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_example_runs(name):
    before, after, expected = COMMANDS[name]
    done = subprocess.run([sys.executable, *before, str(EXAMPLES / name), *after], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout and not done.stderr


def test_every_example_is_tried():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(COMMANDS)
