"""Engines timed against each other and against the plain network."""
