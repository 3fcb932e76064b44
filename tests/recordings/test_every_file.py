"""Every file of recordings is replayed by a test of this directory, or left out for a reason that stands here."""

from __future__ import annotations

from pathlib import Path

from . import _reader

LEFT_OUT = {
    "alephalpha.complete": "an API that is no more",
    "anthropic.complete": "the API before Messages, switched off",
    "anthropic.skills": "no call that llmkit has",
    "azure.realtime": "realtime voice",
    "azure.realtime_ws": "realtime voice",
    "bedrock.agent": "agents and knowledge bases",
    "bedrock.apply-guardrail": "a guardrail by itself; those of a chat are kept",
    "bedrock.manage": "what models and profiles there are",
    "cohere.tokenize": "no call that llmkit has",
    "gemini.fileSearchStores": "stores to search in",
    "gemini.interactions": "another API than generateContent",
    "gemini.other": "no call that llmkit has",
    "gemini.realtime_ws": "realtime voice",
    "gemini.uploadToFileSearchStore": "stores to search in",
    "huggingface.inference": "the API before the router",
    "huggingface.models": "the hub",
    "llamacpp.other": "its own state",
    "mistral.ocr": "refused with what to do instead",
    "ollama.other": "its own state",
    "ollama.pull": "its own state",
    "openai.assistants": "agents, switched off",
    "openai.conversations": "kept conversations",
    "openai.fine_tuning": "fine-tuning",
    "openai.other": "no call that llmkit has",
    "openai.realtime": "realtime voice",
    "openai.realtime_ws": "realtime voice",
    "openai.threads": "agents, switched off",
    "openai.vector_stores": "stores to search in",
    "portkey.completions": "templates of prompts",
    "replicate.collections": "the catalogue of its site",
    "replicate.files": "its own files; predictions take data in place",
    "replicate.hardware": "the catalogue of its site",
    "replicate.models": "the catalogue of its site",
    "replicate.trainings": "fine-tuning",
    "venice.other": "no call that llmkit has",
    "ws.realtime_ws": "realtime voice",
    "xai.realtime_ws": "realtime voice",
}
"""File (without its ending) → why nothing replays it."""
_BY_ENDING = (".responses",)


def test_every_file(recordings: Path) -> None:
    """A file that is new is noticed, and so is one whose test has gone."""
    here = Path(__file__)
    tests = [path for path in here.parent.glob("*.py") if path != here]
    said = "".join(path.read_text(encoding="utf-8") for path in tests)
    files = _reader.apis(recordings)
    unread = {f for f in files if f'"{f}"' not in said and not f.endswith(_BY_ENDING)}
    assert unread == set(LEFT_OUT) & set(files)
    assert unread == set(LEFT_OUT)
