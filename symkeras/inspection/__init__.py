"""Looking into compiled functions: what became of every line, and why. `executable.inspect` is where it begins."""
