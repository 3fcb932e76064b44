"""``litellm.llms``: the one of its modules that programs import from."""
