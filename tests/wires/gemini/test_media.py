"""Pictures, sounds, documents, films: by bytes, by file, by address."""

from __future__ import annotations

from typing import Any

import pytest

import llmkit
from llmkit.wires.gemini import Gemini

from ._wire import LEVELLED, body, changes, request

OPEN = Gemini(media=("gs://", "https://files.test/"))


def part(given: dict[str, Any], **options: Any) -> Any:
    """What one content part becomes."""
    made = body([{"role": "user", "content": [given]}], OPEN, **options)
    return made["contents"][0]["parts"][0]


PARTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,eHl6", "detail": "auto"}},
        {"inlineData": {"mimeType": "image/png", "data": "eHl6"}},
    ),
    (
        {"type": "image_url", "image_url": "data:image/svg+xml;charset=utf-8,%3Csvg/%3E"},
        {"inlineData": {"mimeType": "image/svg+xml;charset=utf-8", "data": "PHN2Zy8+"}},
    ),
    (
        {"type": "image_url", "image_url": "data:,a%20b"},
        {"inlineData": {"mimeType": "text/plain", "data": "YSBi"}},
    ),
    (
        {"type": "image_url", "image_url": {"url": "gs://bucket/cat.JPG"}},
        {"fileData": {"fileUri": "gs://bucket/cat.JPG", "mimeType": "image/jpeg"}},
    ),
    (
        {
            "type": "video_url",
            "video_url": {"url": "https://files.test/film", "format": "video/mp4"},
        },
        {"fileData": {"fileUri": "https://files.test/film", "mimeType": "video/mp4"}},
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "eHl6", "format": "mp3"}},
        {"inlineData": {"mimeType": "audio/mp3", "data": "eHl6"}},
    ),
    (
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,eHl6"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "eHl6"}},
    ),
    (
        {"type": "file", "file": {"file_data": "eHl6", "filename": "a.pdf"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "eHl6"}},
    ),
    (
        {"type": "file", "file": {"file_id": "https://elsewhere.test/f/1", "format": "pdf"}},
        {"fileData": {"fileUri": "https://elsewhere.test/f/1", "mimeType": "application/pdf"}},
    ),
    (
        {"type": "file", "file": {"file_id": "https://elsewhere.test/f/1"}},
        {"fileData": {"fileUri": "https://elsewhere.test/f/1"}},
    ),
    (
        {"type": "file", "file": {"file_data": "https://files.test/a.pdf"}},
        {"fileData": {"fileUri": "https://files.test/a.pdf", "mimeType": "application/pdf"}},
    ),
    (
        {"type": "file", "file": {"file_url": "gs://b/a.pdf"}, "video_metadata": {"fps": 2}},
        {
            "fileData": {"fileUri": "gs://b/a.pdf", "mimeType": "application/pdf"},
            "videoMetadata": {"fps": 2},
        },
    ),
]


@pytest.mark.parametrize(("given", "wanted"), PARTS)
def test_parts(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Each kind of part has its place in the format."""
    assert part(given) == wanted


def test_detail() -> None:
    """A picture's detail is a part's resolution where the model has one, and told where it has not."""
    url = "data:image/png;base64,eHl6"
    given = {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
    assert part(given, model=LEVELLED)["mediaResolution"] == {"level": "MEDIA_RESOLUTION_HIGH"}
    assert "mediaResolution" not in part(given)
    said = [{"role": "user", "content": [given]}]
    assert changes(said) == [("messages[0].content[0].image_url.detail", "dropped")]


def test_what_needs_no_fetching() -> None:
    """The wire knows which addresses its host reads."""
    assert OPEN.reads_url("https://files.test/film")
    assert not OPEN.reads_url("https://elsewhere.test/film")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "image_url", "image_url": {"url": "https://x.test/a.png?sig=s3"}}, "data URL"),
    ({"type": "image_url", "image_url": {"url": "http://x.test/a.png"}}, "data URL"),
    ({"type": "image_url", "image_url": {}}, "url is missing"),
    ({"type": "input_audio", "input_audio": {}}, "must have data"),
    ({"type": "file", "file": "x"}, "file_data, file_url or file_id"),
    ({"type": "file", "file": {}}, "file_data, file_url or file_id"),
    ({"type": "file", "file": {"file_data": "eHl6"}}, "must be a data URL"),
    (
        {"type": "file", "file": {"file_data": "https://x.test/a.pdf", "filename": "a.pdf"}},
        "data URL",
    ),
    ({"type": "file", "file": {"file_data": "gs://x/a.pdf"}}, "does not read"),
    ({"type": "hologram"}, "it takes text"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_what_is_refused(given: dict[str, Any], words: str) -> None:
    """What would have to be fetched, or is nothing, is refused with what to do instead."""
    with pytest.raises(llmkit.errors.InvalidRequestError, match=words) as caught:
        request([{"role": "user", "content": [given]}])
    assert "s3" not in str(caught.value), "an address's query may be a signature"
