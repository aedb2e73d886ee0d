"""The compiler: passes over graphs, the pipeline that runs and records them, and the program every code emitter lowers."""
