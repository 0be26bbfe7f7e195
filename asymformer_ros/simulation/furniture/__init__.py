"""Things that stand on the floor of a room."""
