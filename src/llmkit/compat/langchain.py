"""LangChain over llmkit: ``ChatLLMKit`` and ``LLMKitEmbeddings``, or what to install for them. Names only."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("langchain_core") is None:
    raise ModuleNotFoundError(
        "llmkit.compat.langchain needs langchain-core: pip install 'llmkit[langchain]'",
        name="langchain_core",
    )

from ._langchain import ChatLLMKit, LLMKitEmbeddings

__all__ = ["ChatLLMKit", "LLMKitEmbeddings"]
