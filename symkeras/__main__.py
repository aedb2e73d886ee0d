"""`python -m symkeras`: the command line."""

from __future__ import annotations

import sys

from symkeras.cli import main

sys.exit(main())
