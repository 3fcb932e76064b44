"""Subtitles from times: for APIs that tell times and write no subtitles. SubRip and WebVTT.

WebVTT: https://www.w3.org/TR/webvtt1/, read 2026-11-22. SubRip has no specification; this is what players read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..types.audio import TranscriptionSegment, TranscriptionWord

__all__ = ["FORMATS", "segmented", "subtitles"]

FORMATS = frozenset({"srt", "vtt"})
# Two lines of a usual player, and as long as a line may stand.
_CHARACTERS, _SECONDS = 84, 7.0
_EVER = 1e12  # seconds: more is no time


def subtitles(segments: Sequence[TranscriptionSegment], form: str) -> str:
    """The segments as ``srt`` or ``vtt``; those without times or text are left out."""
    cues = [s for s in segments if _is_time(s.start) and _is_time(s.end) and s.text.strip()]
    if form == "vtt":
        texts = (f"{_time(c.start, '.')} --> {_time(c.end, '.')}\n{_line(c)}\n\n" for c in cues)
        return "WEBVTT\n\n" + "".join(texts)
    numbered = enumerate(cues, 1)
    return "".join(
        f"{n}\n{_time(c.start, ',')} --> {_time(c.end, ',')}\n{_line(c)}\n\n" for n, c in numbered
    )


def _line(cue: TranscriptionSegment) -> str:
    """A cue's text: an empty line would end it, an arrow would begin another."""
    text = " ".join(cue.text.split()).replace("-->", "→")
    return f"{cue.speaker}: {text}" if cue.speaker is not None else text


def _is_time(seconds: float | None) -> bool:
    """Whether it can be written at all: JSON's numbers have no largest one."""
    return seconds is not None and abs(seconds) < _EVER


def _time(seconds: float | None, point: str) -> str:
    whole = round((seconds or 0.0) * 1000)
    minutes, thousandths = divmod(max(0, whole), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{thousandths // 1000:02}{point}{thousandths % 1000:03}"


def segmented(words: Sequence[TranscriptionWord]) -> list[TranscriptionSegment]:
    """Words as segments of a subtitle's length, cut where a sentence or a speaker ends."""
    return [_segment(group) for group in _groups(words) if group]


def _groups(words: Sequence[TranscriptionWord]) -> Iterator[list[TranscriptionWord]]:
    group: list[TranscriptionWord] = []
    size = 0
    for word in words:
        if group and (word.speaker != group[0].speaker or _is_long(group, size, word)):
            yield group
            group, size = [], 0
        group.append(word)
        size += len(word.word) + 1
        if word.word.rstrip().endswith((".", "?", "!", "\u3002", "\uff1f", "\uff01")):
            yield group
            group, size = [], 0
    yield group


def _is_long(group: list[TranscriptionWord], size: int, word: TranscriptionWord) -> bool:
    begin, end = group[0].start, word.end
    lasts = end - begin if begin is not None and end is not None else 0.0
    return size + len(word.word) > _CHARACTERS or lasts > _SECONDS


def _segment(group: list[TranscriptionWord]) -> TranscriptionSegment:
    text = " ".join(word.word.strip() for word in group)
    return TranscriptionSegment(
        start=group[0].start, end=group[-1].end, text=text, speaker=group[0].speaker
    )
