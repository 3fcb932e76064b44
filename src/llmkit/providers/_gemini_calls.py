"""The Gemini API's other kinds of call: each wire with the rules of the host. Loaded when one is first made."""

from __future__ import annotations

from ..wires.gemini_resources.batches import GeminiBatches
from ..wires.gemini_resources.caches import GeminiCaches
from ..wires.gemini_resources.counting import GeminiCount
from ..wires.gemini_resources.embeddings import GeminiEmbeddings
from ..wires.gemini_resources.files import GeminiFiles
from ..wires.gemini_resources.images import GeminiImages
from ..wires.gemini_resources.models import GeminiModels
from .gemini import CHAT

__all__ = ["BATCHES", "CACHES", "COUNT", "EMBEDDINGS", "FILES", "IMAGES", "MODELS"]

BATCHES = GeminiBatches(chat=CHAT)
CACHES = GeminiCaches(chat=CHAT)
COUNT = GeminiCount(chat=CHAT)
EMBEDDINGS = GeminiEmbeddings()
FILES = GeminiFiles()
IMAGES = GeminiImages()
MODELS = GeminiModels()
