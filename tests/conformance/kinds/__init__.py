"""A module for each kind of thing."""
