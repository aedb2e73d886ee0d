"""Passes: what rewrites graphs, one per file named after the pass; `base` says what a pass is, `rules` what a rule is."""
