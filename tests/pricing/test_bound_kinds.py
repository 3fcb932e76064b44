"""The bound of every kind of call beside chat, and what each needs before it has one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from llmkit._call import Call
from llmkit._calls import (
    CountCall,
    EmbeddingCall,
    ImageCall,
    MessagesCall,
    ModerationCall,
    RerankCall,
    ResourceCall,
    ResponsesCall,
    SpeechCall,
    TextCall,
    TranscriptionCall,
)
from llmkit._http import HTTPRequest
from llmkit._upload import Upload
from llmkit.catalogue import FrozenMap
from llmkit.pricing import Gauges, bound

from ._bounded import GPT_4O, HELLO, PLAIN, SONNET, bounded, most, priced, rates, reason

if TYPE_CHECKING:
    from llmkit.catalogue import ModelInfo
    from llmkit.pricing import Cost, Unbounded

TOKENS = priced({"input": "1", "output": "2"})
SILENCE = Upload("a.wav", "audio/wav", b"RIFF")


def of(kind: type[Call], model: ModelInfo | None = TOKENS, /, **given: Any) -> Cost | Unbounded:
    """The bound of a call of this kind; ``params`` are its parameters."""
    how = {n: given.pop(n) for n in ("allowance", "gauges", "request") if n in given}
    return bound(kind("call", "p", "made-up", **given), model, **{"allowance": PLAIN, **how})


# --- text ------------------------------------------------------------------------------------


def test_every_prompt_of_a_completion_has_its_answers() -> None:
    """Two prompts with three choices each are six answers."""
    one = most(of(TextCall, prompt="abc", params={"max_tokens": 5}))
    assert one == {"input": 16 + 3, "output": 5}
    many = of(TextCall, prompt=["abc", [1, 2]], params={"max_tokens": 5, "n": 2, "best_of": 3})
    assert most(many) == {"input": 3 * (2 * 16 + 5), "output": 30}
    ids = most(of(TextCall, prompt=[1, 2, 3], params={"max_tokens": 5}))
    assert ids == {"input": 16 + 3, "output": 5}
    assert "neither text nor" in reason(of(TextCall, prompt=[{}], params={"max_tokens": 5}))
    extra = of(TextCall, prompt="a", params={"max_tokens": 5}, extra_body={"suffix": "bcd"})
    assert most(extra)["input"] == 16 + 4


def test_items_of_a_response() -> None:
    """Texts, messages, calls and their outputs; a stored item is not there to be counted."""
    said = most(of(ResponsesCall, input="abc", params={"max_output_tokens": 5}))
    assert said == {"input": 16 + 3, "output": 5}
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "abc"}]},
        {"type": "message", "role": "assistant", "content": "abc"},
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
        {"type": "function_call_output", "call_id": "c", "output": "abc"},
        {"type": "reasoning", "summary": [], "encrypted_content": "abc"},
    ]
    assert of(ResponsesCall, input=items, params={"max_output_tokens": 5}).known
    told = {"instructions": "abc", "text": {"format": {"type": "text"}}, "max_output_tokens": 5}
    assert most(of(ResponsesCall, input="abc", params=told))["input"] > 16 + 6
    for params in ({"previous_response_id": "r"}, {"conversation": "c"}, {"prompt": {"id": "p"}}):
        assert next(iter(params)) in reason(of(ResponsesCall, input="abc", params=params))
    stored = [{"type": "item_reference", "id": "x"}]
    assert "item_reference" in reason(of(ResponsesCall, input=stored))


def test_a_call_in_the_form_of_messages() -> None:
    """System, thinking within the limit, and tools that run at the provider."""
    params = {
        "max_tokens": 50,
        "system": "abc",
        "thinking": {"type": "enabled", "budget_tokens": 9},
    }
    result = of(MessagesCall, SONNET, messages=HELLO, params=params)
    assert most(result) == {"input": 27 + 3, "output": 50}
    held = {**params, "container": "c"}
    assert "container" in reason(of(MessagesCall, SONNET, messages=HELLO, params=held))


# --- texts to be compared --------------------------------------------------------------------


def test_every_input_of_an_embedding_counts() -> None:
    """Texts by bytes, token ids one by one, with what may be put before each."""
    assert most(of(EmbeddingCall, inputs=("abc", [1, 2]))) == {"input": 2 * 64 + 5}
    parts = ({"type": "text", "text": "abc"}, {"content": [{"type": "text", "text": "abc"}]})
    assert most(of(EmbeddingCall, inputs=parts)) == {"input": 2 * (64 + 16 + 3)}
    shown = ({"type": "image_url", "image_url": "https://x.test/a.png"},)
    assert "image_url" in reason(of(EmbeddingCall, inputs=shown))
    assert most(of(EmbeddingCall, inputs=shown, gauges=Gauges(part=lambda _: 7)))["input"] == 87
    assert "neither text nor" in reason(of(EmbeddingCall, inputs=(7,)))
    pieces = priced({"input": "1", "image_input/image": "1"})
    seen = of(EmbeddingCall, pieces, inputs=(*shown, *shown), gauges=Gauges(part=lambda _: 7))
    assert most(seen) == {"input": 174, "image_input": 2}
    fee = priced({"input": "1", "request/request": "1"})
    assert most(of(EmbeddingCall, fee, inputs=("a", "b")))["request"] == 2
    assert most(of(ModerationCall, inputs=("abc",))) == {"input": 64 + 3}


def test_a_requests_length_says_nothing_of_batches_of_texts() -> None:
    """Several requests may be made of one embedding, so the first one's length is not used."""
    request = HTTPRequest("POST", "", body=b"x" * 500)
    assert most(of(EmbeddingCall, inputs=("abc",), request=request)) == {"input": 67}


def test_a_reranking_by_tokens_repeats_the_query() -> None:
    """Each document is read with the query before it."""
    result = of(RerankCall, query="abc", documents=("defg", {"text": "h"}))
    assert most(result) == {"input": 4 + 12 + 2 * (3 + 64)}


def test_a_reranking_by_searches() -> None:
    """A hundred documents are one search, and a long one counts as several."""
    found = priced({"search/search": "1"})
    rule = PLAIN._replace(documents=100, chunk=500)

    def searches(query: str, *documents: str) -> int:
        made = of(RerankCall, found, query=query, documents=documents, allowance=rule)
        count: int = most(made)["search"]
        return count

    assert searches("abc", *["a"] * 100) == 1
    assert searches("abc", *["a"] * 101) == 2
    assert searches("abc", "a" * 497 * 100) == 1
    assert searches("abc", "a" * 497 * 100 + "a") == 2
    assert searches("a" * 600, "a" * 101) == 2
    assert searches("abc") == 1
    assert "one search" in reason(of(RerankCall, found, query="a", documents=("b",)))


# --- sound and pictures ----------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "billed"), [(0.0, 15), (15.0, 15), (15.1, 30), (61.0, 75)])
def test_seconds_are_billed_in_steps(seconds: float, billed: int) -> None:
    """By the second, from ten on or in steps of fifteen: the dearest of these."""
    heard = priced({"audio_input/second": "1"})
    result = of(TranscriptionCall, heard, file=SILENCE, gauges=Gauges(seconds=lambda _: seconds))
    assert most(result) == {"audio_input": billed}


def test_a_sound_that_is_billed_twice_or_either_way() -> None:
    """Text beside the sound adds up; two lists for one sound do not, and the dearer holds."""
    gauges = Gauges(seconds=lambda _: 60.0)
    beside = priced({"audio_input/second": "1", "input": "1", "output": "1"})
    assert most(of(TranscriptionCall, beside, file=SILENCE, gauges=gauges)) == {
        "audio_input": 60,
        "input": 0,
        "output": 16_384,
    }
    either = {"input": "1", "audio_input": "1", "output": "1"}
    cheap = priced({**either, "audio_input/second": "1"}, max_input_tokens=100)
    assert set(most(of(TranscriptionCall, cheap, file=SILENCE, gauges=gauges))) == {
        "input",
        "output",
    }
    dear = priced({**either, "audio_input/second": "999"}, max_input_tokens=100)
    assert set(most(of(TranscriptionCall, dear, file=SILENCE, gauges=gauges))) == {"audio_input"}


def test_a_stated_longest_sound() -> None:
    """Where the provider refuses longer ones, an unknown length is that one at most."""
    heard = priced({"audio_input/second": "1"})
    stated = PLAIN._replace(seconds=1500)
    assert most(of(TranscriptionCall, heard, file=SILENCE, allowance=stated)) == {
        "audio_input": 1500
    }


@pytest.mark.parametrize("seconds", [None, float("inf"), float("nan"), -1.0])
def test_a_sound_of_unknown_length(seconds: float | None) -> None:
    """Nothing is assumed of it."""
    heard = priced({"audio_input/second": "1", "request/request": "1"})
    result = of(TranscriptionCall, heard, file=SILENCE, gauges=Gauges(seconds=lambda _: seconds))
    assert "how long" in reason(result)


def test_a_sound_by_tokens_fills_the_model_at_most() -> None:
    """What a model cannot take in, it cannot bill."""
    heard = priced({"input": "1", "audio_input": "3", "output": "2"}, max_input_tokens=16_000)
    result = of(TranscriptionCall, heard, file=SILENCE, params={"prompt": "abc"})
    assert most(result) == {"input": 16_003, "output": 16_384}
    assert rates(result)[0] == 3
    endless = replace(heard, max_input_tokens=None)
    assert "how many tokens the sound has" in reason(of(TranscriptionCall, endless, file=SILENCE))
    assert "diarize" in reason(of(TranscriptionCall, heard, file=SILENCE, params={"diarize": True}))


def test_speech_by_characters_or_by_tokens() -> None:
    """Bytes stand for characters, as some count a Han character as two."""
    spelled = priced({"input/character": "1", "request/request": "1"})
    assert most(of(SpeechCall, spelled, text="漢a", params={"speed": 1.0})) == {
        "input": 4,
        "request": 1,
    }
    for more in ({"extra_body": {"text": "bcd"}}, {"params": {"instructions": "bcd"}}):
        assert most(of(SpeechCall, spelled, text="a", **more))["input"] == 4
    told = of(SpeechCall, spelled, text="a", params={"instructions": "bcd"})
    assert most(told)["input"] == 4
    spoken = priced({"input": "1", "audio_output": "9"}, output_modalities=frozenset({"audio"}))
    result = of(SpeechCall, spoken, text="abc")
    assert (most(result), rates(result)[1]) == ({"input": 3, "output": 16_384}, 9)
    timed = priced({"input": "1", "audio_output": "9", "audio_output/second": "1"})
    assert "how long the speech" in reason(of(SpeechCall, timed, text="abc"))
    endless = replace(spoken, max_output_tokens=None)
    assert "output limit" in reason(of(SpeechCall, endless, text="abc"))


def test_pictures_by_the_picture() -> None:
    """The dearest size and quality, unless they are said; what is given may be billed, too."""
    cheap = priced({"image_output/image": "1", "image_input/image": "5"})
    fine = replace(
        priced({"image_output/image": "4"}).rates[0], condition=FrozenMap({"quality": "hd"})
    )
    both = replace(cheap, rates=(*cheap.rates, fine))
    assert rates(of(ImageCall, both, prompt="abc", params={"n": 2})) == [4]
    assert most(of(ImageCall, both, prompt="abc", params={"n": 2})) == {"image_output": 2}
    assert rates(of(ImageCall, both, prompt="abc", params={"quality": "auto"})) == [4]
    assert rates(of(ImageCall, both, prompt="abc", params={"quality": "standard"})) == [1]
    for more in ({"resolution": "2k"}, {"quality": "hd"}):
        assert "costs is not known" in reason(of(ImageCall, cheap, prompt="abc", params=more))
    assert rates(of(ImageCall, cheap, prompt="abc", params={"resolution": "1k"})) == [1]
    given = of(ImageCall, both, prompt=None, images=(SILENCE,), mask=SILENCE, action="edit")
    assert most(given) == {"image_output": 1, "image_input": 2}


def test_pictures_by_the_pixel() -> None:
    """The size has to be said."""
    dots = priced({"image_output/pixel": "1"})
    assert most(of(ImageCall, dots, prompt="a", params={"size": "10x20", "n": 2})) == {
        "image_output": 400
    }
    for size in ({}, {"size": "auto"}, {"size": "huge"}):
        assert "size" in reason(of(ImageCall, dots, prompt="a", params=size))


def test_pictures_by_tokens() -> None:
    """The most that the provider states for one, and what is shown while it is made."""
    drawn = priced({"input": "1", "image_output": "9"})
    stated = PLAIN._replace(picture=1000)
    result = of(
        ImageCall, drawn, prompt="abc", params={"n": 2, "partial_images": 1}, allowance=stated
    )
    assert most(result) == {"image_output": 2256, "input": 6}
    assert most(of(ImageCall, drawn, prompt="abc"))["image_output"] == 16_384
    endless = replace(drawn, max_output_tokens=None)
    assert "a picture has" in reason(of(ImageCall, endless, prompt="abc"))
    odd = of(ImageCall, drawn, prompt="a", params={"partial_images": "1"}, allowance=stated)
    assert "partial_images" in reason(odd)
    edit = of(ImageCall, drawn, prompt="a", images=(SILENCE,), action="edit", allowance=stated)
    assert "given pictures" in reason(edit)
    assert "svg" in reason(of(ImageCall, drawn, prompt="a", params={"svg": {}}, allowance=stated))


# --- what is not answered by a model ---------------------------------------------------------


@pytest.mark.parametrize("action", ["retrieve", "list", "delete", "cancel", "content", "update"])
def test_looking_after_things_is_not_billed(action: Any) -> None:
    """Nor is uploading a file, nor counting tokens."""
    for resource in ("files", "batches", "caches", "models", "responses"):
        result = of(ResourceCall, None, resource=resource, action=action)
        if (resource, action) == ("caches", "update"):
            assert "may be longer" in reason(result)
            continue
        made = bounded(result)
        assert (made.total, made.status) == (0, "none")
    assert bounded(of(ResourceCall, None, resource="files", action="create")).status == "none"
    assert bounded(of(CountCall, None, messages=HELLO)).status == "none"


@pytest.mark.parametrize("resource", ["batches", "caches"])
def test_what_is_made_to_be_billed_later(resource: Any) -> None:
    """A batch's lines, and what is kept by the hour."""
    assert "later" in reason(of(ResourceCall, GPT_4O, resource=resource, action="create"))


@dataclass(frozen=True, slots=True)
class OtherCall(Call):
    """A kind that nobody has thought of."""


def test_other_kinds_and_models_without_prices() -> None:
    """There is a reason, not a figure."""
    assert "this kind of call" in reason(of(OtherCall))
    assert "no price" in reason(of(EmbeddingCall, None, inputs=("a",)))
