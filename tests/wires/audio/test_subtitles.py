"""Subtitles from times: cut where sentences and speakers end, and never broken by what is said."""

from __future__ import annotations

from llmkit.types.audio import TranscriptionSegment as Segment
from llmkit.types.audio import TranscriptionWord as Word
from llmkit.wires._subtitles import segmented, subtitles


def test_times() -> None:
    """Hours, minutes, seconds and thousandths, each format with its own point."""
    cue = Segment(start=3661.0014, end=3662.9999, text="x")
    assert subtitles([cue], "srt") == "1\n01:01:01,001 --> 01:01:03,000\nx\n\n"
    assert subtitles([cue], "vtt") == "WEBVTT\n\n01:01:01.001 --> 01:01:03.000\nx\n\n"


def test_what_is_said_breaks_nothing() -> None:
    """No empty lines, no arrows; what has no time or no text is left out, and not counted."""
    cues = [
        Segment(start=0, end=1, text="a\n\nb --> c"),
        Segment(start=None, end=1, text="x"),
        Segment(start=1, end=2, text="  "),
        Segment(start=2, end=3, text="d", speaker="A"),
    ]
    assert subtitles(cues, "srt") == (
        "1\n00:00:00,000 --> 00:00:01,000\na b → c\n\n2\n00:00:02,000 --> 00:00:03,000\nA: d\n\n"
    )
    assert subtitles([], "vtt") == "WEBVTT\n\n"


def test_words_become_segments() -> None:
    """Cut at the ends of sentences, at another speaker, and where it would get too long."""
    words = [
        Word(word="One.", start=0, end=1, speaker="A"),
        Word(word="two", start=1, end=2, speaker="A"),
        Word(word="three", start=2, end=3, speaker="B"),
        *[Word(word="word", start=3 + n * 0.1, end=3.1 + n * 0.1, speaker="B") for n in range(40)],
        Word(word="late", start=60, end=61, speaker="B"),
    ]
    made = segmented(words)
    assert [(s.text, s.speaker) for s in made[:2]] == [("One.", "A"), ("two", "A")]
    assert max(len(s.text) for s in made) <= 84
    assert made[-1].text == "late"
    assert " ".join(s.text for s in made) == " ".join(w.word for w in words)
    assert segmented([]) == []
