from __future__ import annotations

import base64
import copy
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.catalogue import counting
from llmkit.tokens._attached import apart, attached
from llmkit.tokens._media import part_tokens


def b64(data: bytes) -> str:
    """As base64."""
    return base64.b64encode(data).decode()


def png(width: int, height: int) -> bytes:
    """A PNG as far as its header."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(9)


def pdf(pages: int) -> bytes:
    """A document of so many pages."""
    head = b"%%PDF-1.4\n2 0 obj\n<< /Type /Pages /Count %d >>\nendobj\n" % pages
    return head + b"3 0 obj\n<< /Type /Page >>\nendobj\n" * pages


def wav(seconds: float) -> bytes:
    """Sound of 8,000 bytes a second."""
    sound = bytes(int(seconds * 8000))
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    return b"RIFF" + bytes(4) + b"WAVE" + fmt + b"data" + struct.pack("<I", len(sound)) + sound


def mp4(seconds: int) -> bytes:
    """Film with a header alone, after its data."""
    movie = struct.pack(">IIIII", 0, 0, 0, 1, seconds) + bytes(80)
    mvhd = struct.pack(">I4s", len(movie) + 8, b"mvhd") + movie
    moov = struct.pack(">I4s", len(mvhd) + 8, b"moov") + mvhd
    return struct.pack(">I4s4s", 12, b"ftyp", b"isom") + moov


def url(kind: str, data: bytes) -> str:
    """A data URL."""
    return f"data:{kind};base64,{b64(data)}"


PICTURE = b64(png(64, 64))
PICTURES: list[dict[str, Any]] = [
    {"type": "image_url", "image_url": {"url": url("image/png", png(64, 64))}},
    {"type": "image_url", "image_url": url("image/png", png(64, 64))},
    {"type": "image_url", "image_url": {"url": url("", png(64, 64))}},
    {"type": "input_image", "image_url": url("image/png", png(64, 64)), "detail": "auto"},
    {"type": "file", "file": {"file_data": url("image/png", png(64, 64))}},
    {"type": "file", "file": {"file_data": PICTURE, "filename": "a.png"}},
    {"type": "file", "file": {"file_data": PICTURE}},
    {"type": "file", "file": {"file_data": PICTURE, "format": "png"}},
    {"type": "input_file", "file_data": url("image/png", png(64, 64)), "filename": "a"},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
    {"type": "image", "data": PICTURE, "mime_type": "image/png"},
    {"inlineData": {"mimeType": "image/png", "data": PICTURE}},
    {"inline_data": {"mime_type": "image/png", "data": PICTURE}},
    {"inlineData": {"mimeType": "", "data": PICTURE}},
    {"image": {"format": "png", "source": {"bytes": PICTURE}}},
    {"image": {"format": "png", "source": {"bytes": png(64, 64)}}},
]


@pytest.mark.parametrize("part", PICTURES)
@pytest.mark.parametrize(
    ("provider", "model", "tokens", "exact"),
    [
        ("openai", "gpt-4o", 255, True),
        ("openai", "gpt-4.1-mini", 7, False),
        ("anthropic", "claude-opus-4-5", 12, False),
        ("gemini", "gemini-2.5-flash", 258, True),
        ("mistral", "mistral-small-latest", 12, False),
        ("nobody", "anything", 1000, False),
    ],
)
def test_a_picture_costs_the_same_in_every_form(
    part: dict[str, Any], provider: str, model: str, tokens: int, *, exact: bool
) -> None:
    """However a picture of 64 by 64 pixels is attached, its tokens are the rule's."""
    found = part_tokens(part, counting(provider, model))
    assert found is not None
    assert (int(found), found.exact) == (tokens, exact)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
        {"type": "image_url", "image_url": {}},
        {"type": "image_url", "image_url": {"url": url("image/png", b"no picture")}},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "image", "source": {"type": "base64", "data": 5}},
    ],
)
def test_a_picture_of_unknown_size_costs_the_most_that_is_stated(part: dict[str, Any]) -> None:
    """An address or a file's id says nothing of the size."""
    for provider, model, most in (
        ("openai", "gpt-4o", 1445),
        ("anthropic", "claude-3-5-haiku-latest", 1640),
        ("openai", "gpt-4o-mini", 48169),
    ):
        found = part_tokens(part, counting(provider, model))
        assert found is not None
        assert (int(found), found.exact, found.at_most) == (most, False, most)
        assert "maximum" in found.notes[0]


def test_detail_is_heeded() -> None:
    """Low detail has a price of its own, and so have the levels of a part."""
    part = {
        "type": "image_url",
        "image_url": {"url": url("image/png", png(900, 900)), "detail": "low"},
    }
    assert part_tokens(part, counting("openai", "gpt-4o")) == 85
    level = {"level": "MEDIA_RESOLUTION_LOW"}
    native = {"inlineData": {"mimeType": "image/png", "data": PICTURE}, "mediaResolution": level}
    assert part_tokens(native, counting("gemini", "gemini-3-pro")) == 280
    assert part_tokens(part, counting("gemini", "gemini-3-pro")) == 280
    flat = {"type": "image", "data": PICTURE, "mime_type": "image/png", "resolution": "ultra_high"}
    assert part_tokens(flat, counting("gemini", "gemini-3-pro")) == 2240


def test_where_an_address_may_be_anything_there_is_no_bound() -> None:
    """Gemini takes films and documents by image_url, unless the address or the bytes say it is a picture."""
    rule = counting("gemini", "gemini-2.5-pro")
    unknown = part_tokens({"type": "image_url", "image_url": {"url": "https://youtu.be/x"}}, rule)
    assert unknown is not None
    assert unknown.at_most is None
    known = part_tokens({"type": "image_url", "image_url": {"url": "https://a.b/c.JPG?x=1"}}, rule)
    assert known is not None
    assert known.at_most == 6192
    document = part_tokens(
        {"type": "image_url", "image_url": {"url": url("application/pdf", pdf(2))}}, rule
    )
    assert document is not None
    assert (int(document), document.exact) == (516, True)


PDFS: list[dict[str, Any]] = [
    {"type": "file", "file": {"file_data": url("application/pdf", pdf(3)), "filename": "a.pdf"}},
    {"type": "file", "file": {"file_data": b64(pdf(3)), "filename": "a.pdf"}},
    {"type": "input_file", "file_data": b64(pdf(3))},
    {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": b64(pdf(3))},
    },
    {"inlineData": {"mimeType": "application/pdf", "data": b64(pdf(3))}},
    {"document": {"format": "pdf", "name": "x", "source": {"bytes": b64(pdf(3))}}},
    {"type": "document_url", "document_url": url("application/pdf", pdf(3))},
]


@pytest.mark.parametrize("part", PDFS)
def test_a_document_costs_by_its_pages(part: dict[str, Any]) -> None:
    """Three pages: exact where the provider bills a page alone, an estimate where its text counts too."""
    gemini = part_tokens(part, counting("gemini", "gemini-2.0-flash"))
    assert gemini is not None
    assert (int(gemini), gemini.exact) == (774, True)
    third = part_tokens(part, counting("gemini", "gemini-3.5-flash"))
    assert third is not None
    assert (int(third), third.exact, third.at_most) == (1590, False, 3360)
    claude = part_tokens(part, counting("anthropic", "claude-sonnet-4-5"))
    assert claude is not None
    assert (int(claude), claude.exact, claude.at_most) == (6204, False, None)


def test_a_document_of_unknown_pages_is_at_most_the_stated_number() -> None:
    """Gemini takes a thousand pages; nobody else states a maximum that bounds the text."""
    part = {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://a/b"}}
    found = part_tokens(part, counting("gemini", "gemini-2.5-flash"))
    assert found is not None
    assert (int(found), found.at_most) == (2580, 258_000)
    block = {"type": "document", "source": {"type": "url", "url": "https://a.b/c.pdf"}}
    claude = part_tokens(block, counting("anthropic", "claude-sonnet-5"))
    assert claude is not None
    assert claude.at_most is None
    encrypted = {"type": "input_file", "file_data": b64(pdf(2) + b"/Encrypt 1 0 R")}
    hidden = part_tokens(encrypted, counting("gemini", "gemini-2.5-flash"))
    assert hidden is not None
    assert (int(hidden), hidden.exact, hidden.at_most) == (516, False, None)


@pytest.mark.parametrize(
    ("part", "provider", "model", "tokens", "most"),
    [
        (wav(0.4), "openai", "gpt-4o-audio-preview", 4, 5),
        (wav(0.2), "openai", "gpt-audio-mini", 2, 3),
        (wav(1), "gemini", "gemini-2.0-flash", 25, 33),
        (wav(1), "gemini", "gemini-2.5-flash", 32, 33),
        (wav(1), "nobody", "anything", 4, None),
        (
            b"fLaC" + bytes(14) + struct.pack(">Q", 8000 << 44 | 16000) + bytes(9),
            "openai",
            "gpt-4o-audio",
            20,
            None,
        ),
        (b"\x1aE\xdf\xa3 who knows", "openai", "gpt-4o-audio-preview", 600, None),
        (b"\x1aE\xdf\xa3 who knows", "gemini", "gemini-2.5-flash", 1920, 1_094_400),
    ],
)
def test_sound_costs_by_the_second(
    part: bytes, provider: str, model: str, tokens: int, most: int | None
) -> None:
    """Recorded clips of 0.2, 0.4 and 1 second; an unknown length is taken as a minute, and bounded if stated."""
    sound = {"type": "input_audio", "input_audio": {"data": b64(part), "format": "wav"}}
    found = part_tokens(sound, counting(provider, model))
    assert found is not None
    assert (int(found), found.exact, found.at_most) == (tokens, False, most)


def test_film_costs_by_the_second_and_has_no_bound() -> None:
    """Five seconds, or a minute where nothing says how long; other rates of frames are said to be left out."""
    rule = counting("gemini", "gemini-2.0-flash")
    film = {"inlineData": {"mimeType": "video/mp4", "data": b64(mp4(5))}}
    found = part_tokens(film, rule)
    assert found is not None
    assert (int(found), found.at_most) == (5 * 295, None)
    away = part_tokens(
        {"fileData": {"fileUri": "https://a/b.mp4"}, "videoMetadata": {"fps": 0.2}}, rule
    )
    assert away is not None
    assert int(away) == 60 * 295
    assert "one frame a second" in away.notes[0]
    assert part_tokens({"type": "video_url", "video_url": {"url": "https://a/b"}}, rule) == 60 * 295


@pytest.mark.parametrize(
    "part",
    [
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "hello you"},
        },
        {"document": {"format": "txt", "source": {"text": "hello you"}}},
        {"document": {"format": "txt", "source": {"bytes": b64(b"hello you")}}},
        {"inlineData": {"mimeType": "text/plain", "data": b64(b"hello you")}},
        {"type": "file", "file": {"file_data": "data:text/plain,hello%20you"}},
    ],
)
def test_a_text_that_is_attached_counts_as_text(part: dict[str, Any]) -> None:
    """Its bytes are the bound, with what stands around a message."""
    found = part_tokens(part, counting("mistral", "mistral-large-latest"))
    assert found is not None
    assert (int(found), found.at_most) == (2, 9 + 16)


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ({"type": "file", "file": {"file_id": "file-1"}}, 10_000),
        ({"type": "file", "file": "file-1"}, 10_000),
        ({"type": "input_file", "file_url": "https://a.b/c.docx"}, 10_000),
        ({"type": "file", "file": {"file_data": b64(bytes(400)), "filename": "a.docx"}}, 100),
        ({"type": "file", "file": {"file_data": "https://a.b/c"}}, 10_000),
        ({"type": "input_file", "file_url": "https://a.b/c.txt"}, 10_000),
        ({"type": "audio", "uri": "files/1", "mime_type": ""}, 600),
        ({"fileData": {"fileUri": "files/1"}}, 10_000),
        ({"document": {"format": "docx", "source": {"s3Location": {}}}}, 10_000),
    ],
)
def test_what_a_file_holds_may_be_unknown(part: dict[str, Any], tokens: int) -> None:
    """An estimate without a bound, and a note."""
    found = part_tokens(part, counting("openai", "gpt-4o"))
    assert found is not None
    assert (int(found), found.exact, found.at_most) == (tokens, False, None)
    assert found.notes


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"type": "text", "text": "hello"},
        {"type": "tool_use", "id": "1"},
        {"type": "tool_result", "content": []},
        {"type": 5},
        {"type": ["image"]},
        {"type": "image"},
        {"type": "document", "source": {"type": "content", "content": []}},
        {"image": {"format": "png"}},
        {"image": "text"},
        {"text": "hello"},
    ],
)
def test_what_attaches_nothing_is_none(part: dict[str, Any]) -> None:
    """Texts and tools are counted elsewhere, unknown forms nowhere."""
    assert attached(part) is None
    assert part_tokens(part, counting("openai", "gpt-4o")) is None


@pytest.mark.parametrize(
    ("provider", "model", "detail", "most"),
    [
        ("openai", "gpt-4o", "auto", 1445),
        ("openai", "gpt-4o", "high", 1445),
        ("openai", "gpt-4o", "low", 85),
        ("openai", "gpt-5.4", "high", 3001),
        ("anthropic", "claude-sonnet-5", "auto", 5002),
        ("gemini", "gemini-3-pro", "auto", None),
        ("groq", "qwen/qwen3-vl", "auto", None),
        ("openai", "gpt-4", "auto", None),
    ],
)
def test_the_most_that_a_picture_elsewhere_can_have(
    provider: str, model: str, detail: str, most: int | None
) -> None:
    """It is not fetched: the maximum that is stated for the level, where the type can be nothing else."""
    there = {"url": "https://a.test/b", "detail": detail}
    counted = part_tokens({"type": "image_url", "image_url": there}, counting(provider, model))
    assert counted is not None
    assert (counted if counted.exact else counted.at_most) == most


def test_attachments_are_taken_out_of_messages() -> None:
    """From content, from a tool's result and from Gemini's parts; what is given stays as it is."""
    picture = PICTURES[0]
    block = {"type": "image", "source": {"type": "base64", "data": PICTURE}}
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "see"}, picture]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "1", "content": ["a", block]}],
        },
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": PICTURE}}]},
        {"type": "function_call_output", "output": [{"type": "input_image", "image_url": "x"}]},
    ]
    before = copy.deepcopy(messages)
    parts: list[Any] = []
    rest = apart(messages, parts)
    assert messages == before
    assert [attached(part) is not None for part in parts] == [True] * 4
    assert rest[0] is messages[0]
    assert rest[1]["content"] == [{"type": "text", "text": "see"}]
    assert rest[2]["content"][0]["content"] == ["a"]
    assert rest[3]["parts"] == []
    assert rest[4]["output"] == []
    assert apart(rest, parts) is rest
    assert len(parts) == 4
    assert apart("text", parts) == "text"


TYPES = [
    None,
    "image_url",
    "input_image",
    "input_audio",
    "file",
    "input_file",
    "image",
    "document",
    "video_url",
]
KEYS = st.sampled_from(
    ["url", "data", "source", "type", "detail", "format", "file_data", "file", "image_url", "input_audio", "bytes",
     "inlineData", "fileData", "mimeType", "fileUri", "image", "document", "text", "filename", "mediaResolution"]
)  # fmt: skip
values = st.recursive(
    st.none()
    | st.integers()
    | st.sampled_from(["data:image/png;base64,iVBORw0KGgo", "data:,", "x", "low", "a.pdf"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(TYPES), st.dictionaries(KEYS, values, max_size=5))
def test_a_part_of_any_shape_raises_nothing(kind: Any, part: dict[str, Any]) -> None:
    """Known types with fields that are not what they should be."""
    for rule in (counting("openai", "gpt-4o"), counting("gemini", "gemini-3-pro"), {}):
        found = part_tokens({**part, "type": kind} if kind else part, rule)
        assert found is None or found >= 0
