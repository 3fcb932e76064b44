"""What the Gemini API has beside generateContent: files, cached contents, batches, embeddings, models, token counts.

Sources: the v1beta reference in its machine-readable form (docs/wires/gemini.md), what google-genai 3.4.0 sends, and
recorded traffic, read 2026-11-22. Each module is one wire, loaded when it is called.
"""
