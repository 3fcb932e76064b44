"""What Anthropic's API has beside messages: files, batches of messages, models, and how many tokens a prompt has.

Sources: the types and resources of anthropic 2.12.0 and recorded traffic, read 2026-11-22. Each module is one wire,
loaded when it is called.
"""
