"""What Anthropic's API has beside messages: files, batches of messages, models, and how many tokens a prompt has.

Sources: https://platform.claude.com/docs/en/api/files-list, …/creating-message-batches, …/models-list and
…/messages-count-tokens, read 2026-11-22. Each module is one wire, loaded when it is called.
"""
