"""What OpenAI and compatible hosts keep: files, batches and models. Each module is one wire, loaded when it is called.

Sources: the types and resources of openai 3.54.0 and recorded traffic, read 2026-11-22.
"""
