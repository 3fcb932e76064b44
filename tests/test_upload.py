"""Files to be sent, and forms, as values: names, types, lengths, pieces; what is refused."""

from __future__ import annotations

import gc
import io
import os
import tempfile
import threading
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit._multipart import Multipart, abridged, field_text, whole
from llmkit._upload import PIECE, Upload
from llmkit.errors import InvalidRequestError

from .io.test_uploads import Pipe


@pytest.mark.parametrize(
    ("given", "name", "kind"),
    [
        ("some/where/a.MP3", "a.MP3", "audio/mpeg"),
        (Path("x.flac"), "x.flac", "audio/flac"),
        (b"RIFF\0\0\0\0WAVEfmt ", "file.wav", "audio/wav"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "file.webp", "image/webp"),
        (b"ID3\4", "file.mp3", "audio/mpeg"),
        (b"\0\0\0\x20ftypM4A ", "file.m4a", "audio/mp4"),
        (bytearray(b"OggS"), "file.ogg", "audio/ogg"),
        (memoryview(b"%PDF-1.7"), "file.pdf", "application/pdf"),
        (b"", "file", "application/octet-stream"),
        (io.BytesIO(b"fLaC"), "file.flac", "audio/flac"),
        (("speech", b"RIFF\0\0\0\0WAVE"), "speech", "audio/wav"),
        (("a.bin", b"x", "audio/x-own"), "a.bin", "audio/x-own"),
        (("a.wav", b"x", None, {"h": "1"}), "a.wav", "audio/wav"),
        ((None, b"ID3"), "file.mp3", "audio/mpeg"),
        ("https://host.test/b/c.mp3?sig=a.b", "c.mp3", "audio/mpeg"),
    ],
)
def test_name_and_type(given: Any, name: str, kind: str) -> None:
    """The name's ending says what it is, or else what it begins with; without a name it gets one with an ending."""
    upload = Upload.of(given)
    assert (upload.name, upload.media_type) == (name, kind)


def test_told_beats_found() -> None:
    """A name and a type that are given win; an upload may be given for an upload."""
    first = Upload.of(b"ID3abc", name="voice.ogg")
    assert (first.name, first.media_type) == ("voice.ogg", "audio/ogg")
    assert Upload.of(first) is first
    again = Upload.of(first, media_type="audio/opus")
    assert (again.name, again.media_type, whole(again)) == ("voice.ogg", "audio/opus", b"ID3abc")


def test_an_address_is_kept_as_one(tmp_path: Path) -> None:
    """An address is for the provider to fetch; a path of that name is one all the same."""
    assert Upload.of("https://host.test/a.wav").url == "https://host.test/a.wav"
    assert Upload.of(tmp_path / "https:").url is None


@pytest.mark.parametrize("given", [12, None, ("a",), ("a", b"x", None, None, None), object()])
def test_what_is_no_file(given: Any) -> None:
    """Anything else is refused, with what it is."""
    with pytest.raises(InvalidRequestError, match="a file"):
        Upload.of(given)


def test_text_is_refused(tmp_path: Path) -> None:
    """A file opened as text is refused at once, one that says so only when it is read, then."""
    path = tmp_path / "a.wav"
    path.write_text("x")
    with path.open() as opened, pytest.raises(InvalidRequestError, match="mode 'rb'"):
        Upload.of(opened)
    with pytest.raises(InvalidRequestError, match="mode 'rb'"):
        Upload.of(io.StringIO("x"))

    class Odd:
        def read(self, size: int) -> str:
            return "x" * size

    with pytest.raises(InvalidRequestError, match="mode 'rb'"):
        list(Upload.of(Odd()).pieces())  # type: ignore[arg-type]

    class Sought(io.BytesIO):
        def read(self, size: int | None = -1, /) -> Any:
            return "x"

    with pytest.raises(InvalidRequestError, match="mode 'rb'"):
        list(Upload.of(("a.wav", Sought())).pieces())


def test_a_file_is_sent_from_where_it_stands() -> None:
    """And again from there, each time."""
    file = io.BytesIO(b"abcdef")
    file.seek(2)
    upload = Upload.of(("a.wav", file))
    assert (upload.length, whole(upload), whole(upload)) == (4, b"cdef", b"cdef")


def test_a_closed_file() -> None:
    """Says so, as an error of the request."""
    file = io.BytesIO(b"abc")
    upload = Upload.of(("a.wav", file))
    file.close()
    for read in (lambda: upload.length, lambda: whole(upload)):
        with pytest.raises(InvalidRequestError, match="cannot be read"):
            read()
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        Upload.of(file)


def test_what_cannot_be_sought_is_copied_once() -> None:
    """A pipe is read once, sent as often as need be, and its copy is closed with the upload."""
    data = os.urandom(3 * 1024 * 1024)
    upload = Upload.of(Pipe(data))
    assert upload.name == "piped.mp3"
    assert (upload.length, whole(upload) == data, whole(upload) == data) == (len(data), True, True)
    del upload
    gc.collect()  # a file that was left open would warn here


def test_a_named_pipe(tmp_path: Path) -> None:
    """A path may lead to a pipe, whose length nobody knows before it is read."""
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    upload = Upload.of(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"RIFF",))
    writer.start()
    assert (upload.length, whole(upload), whole(upload)) == (4, b"RIFF", b"RIFF")
    writer.join()


def test_pieces_are_small(tmp_path: Path) -> None:
    """64 KiB at most, whatever it is read from."""
    data = bytes(PIECE * 2 + 1)
    (tmp_path / "a").write_bytes(data)
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        for given in (data, tmp_path / "a", file):
            sizes = [len(piece) for piece in Upload.of(given).pieces()]
            assert sizes == [PIECE, PIECE, 1]


def test_a_repr_has_no_bytes() -> None:
    """A file says its name and its type."""
    assert repr(Upload.of(b"ID3secret")) == "Upload('file.mp3', audio/mpeg)"
    assert repr(Multipart("b", [("x", "1")], [("file", Upload.of(b""))])) == "Multipart(x, file)"


def parsed(form: Multipart) -> list[tuple[str | None, str | None, bytes]]:
    """What the standard library reads."""
    head = f"Content-Type: {form.content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + whole(form), policy=HTTP)
    parts: Any = message.get_payload()
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in parts
    ]


TEXT = st.text(st.characters(codec="ascii", exclude_characters='\r\n"\\%'), min_size=1)


@given(st.lists(st.tuples(TEXT, TEXT)), st.lists(st.binary(), max_size=3))
def test_forms_are_read_by_others(fields: list[tuple[str, str]], files: list[bytes]) -> None:
    """What is written, the standard library reads, and the length told is the length sent."""
    form = Multipart("b0undary", fields, [("f", Upload.of(("n.bin", data))) for data in files])
    found = parsed(form) if fields or files else []
    assert [(n, v) for n, f, v in found if f is None] == [(n, v.encode()) for n, v in fields]
    assert [v for _, f, v in found if f is not None] == files
    assert form.length == len(whole(form))


def test_names_cannot_break_out() -> None:
    """Quotes and line ends in names are written as browsers write them."""
    file = Upload.of(('a"\r\nx: y.wav', b""))
    text = whole(Multipart("b", [('n"\r\n', "v")], [("file", file)])).decode()
    assert 'name="n%22%0D%0A"' in text
    assert 'filename="a%22%0D%0Ax: y.wav"' in text


def test_fields_as_text() -> None:
    """JSON's words, and texts as they are."""
    values = ["x", True, 1.5, None, [1], {"a": "é"}]
    assert [field_text(v) for v in values] == ["x", "true", "1.5", "null", "[1]", '{"a": "é"}']


def test_abridged() -> None:
    """A recorder keeps small files, and of larger ones the size."""
    form = Multipart("b", [], [("s", Upload.of(b"small")), ("l", Upload.of(b"x" * 11))])
    assert b"small" in abridged(form, 10)
    assert b"<11 bytes, left out>" in abridged(form, 10)
    assert abridged(b"x" * 11, 10) == b"x" * 11
