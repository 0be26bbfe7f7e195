"""A procedural indoor world with exact depth and labels: no robot and no download needed."""
