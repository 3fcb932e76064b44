"""What OpenAI and compatible hosts keep: files, batches and models. Each module is one wire, loaded when it is called.

Sources: https://platform.openai.com/docs/api-reference/files, …/batch and …/models, read 2026-11-22.
"""
