"""What backends share that hand a graph to an engine of its own: the walk over nodes, residence of variables, faults."""
