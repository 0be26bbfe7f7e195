"""The recipe behind the bundled weights."""
