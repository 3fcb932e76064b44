"""Other libraries' spellings and shapes over llmkit, for programs that are moving. ``compat.litellm`` is LiteLLM's."""
