"""What the Gemini API has beside generateContent: files, cached contents, batches, embeddings, models, token counts.

Sources: the v1beta reference in its machine-readable form (docs/wires/gemini.md), https://ai.google.dev/api/files,
…/caching, …/embeddings, …/models and …/tokens, read 2026-11-22. Each module is one wire, loaded when it is called.
"""
