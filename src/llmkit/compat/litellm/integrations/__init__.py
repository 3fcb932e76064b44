"""LiteLLM's place for loggers; ``custom_logger`` is the one that programs import from."""
