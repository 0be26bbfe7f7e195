"""The `asymformer` command: one module a verb."""
