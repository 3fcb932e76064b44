"""A bundle: a whole catalogue in one file. A line of manifest, then each provider's data file, byte for byte.

Pure reading and writing; nothing is fetched or kept here. The manifest names the revision, and each part's length and
SHA-256, so a part that was cut, changed, added or left out is seen. Whether the bundle is the one that was meant,
only its own SHA-256 says: whoever fetches one has to be told it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from .. import _json
from ..errors import CatalogueError
from ._load import DataFile, parse
from ._model import FrozenMap

__all__ = ["LARGEST", "Bundle", "is_bundle", "read_bundle", "write_bundle"]

VERSION: Final = 1
LARGEST: Final = 16 * 1024 * 1024
"""Most bytes of a bundle."""
_START: Final = b'{"llmkit_bundle":'
_LONGEST_LINE: Final = 1024 * 1024
_REVISION: Final = re.compile(r"\d{4}-\d\d-\d\d(T[\d:]+Z)?")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A whole catalogue, read and checked: each provider's file, the makers of models first."""

    date: str
    sha256: str
    files: Mapping[str, DataFile]

    @property
    def revision(self) -> str:
        """Its day, and which of the bundles of that day it is."""
        return f"{self.date}+{self.sha256[:12]}"

    def check_age(self, loaded: str) -> None:
        """Raise ``CatalogueError`` if it is of an earlier day than the revision that is loaded."""
        day = loaded.partition("+")[0]
        if self.date < day:
            raise CatalogueError(
                f"the bundle is of {self.date}, what is loaded of {day}: "
                "allow_older=True takes it all the same"
            )

    def names(self) -> tuple[str, ...]:
        """The providers that it has a file of."""
        return tuple(self.files)

    def mentions(self, provider: str, model: str) -> bool:
        """Whether the provider lists the model."""
        file = self.files.get(provider)
        return bool(file and model in file.rows)

    def makes(self, provider: str) -> bool:
        """Whether the provider makes the models that it lists."""
        file = self.files.get(provider)
        return bool(file and file.head["own"])

    def open(self, provider: str) -> DataFile | None:
        """The provider's file."""
        return self.files.get(provider)


def is_bundle(data: bytes) -> bool:
    """Whether the bytes begin as a bundle does."""
    return data.startswith(_START)


def write_bundle(parts: Mapping[str, bytes], revision: str) -> bytes:
    """One file of all these data files, by provider. The same parts give the same bytes.

    Raises:
        CatalogueError: a part is not a data file of that provider.
    """
    listed = {
        name: {"bytes": len(parts[name]), "sha256": hashlib.sha256(parts[name]).hexdigest()}
        for name in sorted(parts)
    }
    manifest = {"llmkit_bundle": VERSION, "revision": revision, "parts": listed}
    data = _json.dump(manifest) + b"\n" + b"".join(parts[name] for name in sorted(parts))
    read_bundle(data, "the bundle")
    return data


def read_bundle(data: bytes, origin: str) -> Bundle:
    """Check a bundle against its manifest and read all of it, every model included.

    Raises:
        CatalogueError: it is too large, cut, changed, or of another format; the message says which.
    """
    try:
        return _read(data)
    except CatalogueError as error:
        raise CatalogueError(f"catalogue bundle {origin!r:.300}: {error}") from None


def _read(data: bytes) -> Bundle:
    if len(data) > LARGEST:
        raise CatalogueError(f"it has more than {LARGEST} bytes")
    if not is_bundle(data):
        raise CatalogueError("it does not begin as a bundle does")
    line, newline, rest = data.partition(b"\n")
    if not newline or len(line) > _LONGEST_LINE:
        raise CatalogueError("its manifest is cut")
    manifest = _manifest(line)
    digest = hashlib.sha256(data).hexdigest()
    files = _files(manifest["parts"], rest, digest[:12])
    makers_first = sorted(files, key=lambda name: (not files[name].head.get("own"), name))
    return Bundle(manifest["revision"], digest, FrozenMap({n: files[n] for n in makers_first}))


def _manifest(line: bytes) -> Mapping[str, Any]:
    try:
        manifest: Any = _json.load(line)
    except ValueError:
        raise CatalogueError("its manifest is not JSON") from None
    if manifest.get("llmkit_bundle") != VERSION:
        raise CatalogueError(
            f"it is a bundle of version {manifest.get('llmkit_bundle')!r:.20}, this reads {VERSION}"
        )
    if not _REVISION.fullmatch(str(manifest.get("revision"))):
        raise CatalogueError(f"its revision is {manifest.get('revision')!r:.80}, not a date")
    if not isinstance(manifest.get("parts"), dict) or not manifest["parts"]:
        raise CatalogueError("its manifest names no parts")
    return manifest  # type: ignore[no-any-return]


def _files(parts: Mapping[str, Any], rest: bytes, mark: str) -> dict[str, DataFile]:
    files: dict[str, DataFile] = {}
    at = 0
    for name, about in parts.items():
        size = about.get("bytes") if isinstance(about, dict) else None
        if not isinstance(size, int) or size < 0:
            raise CatalogueError(f"its manifest does not say how long {name!r:.80} is")
        part = rest[at : at + size]
        at += size
        if len(part) != size or hashlib.sha256(part).hexdigest() != about.get("sha256"):
            raise CatalogueError(f"the part {name!r:.80} is cut or changed")
        files[name] = _file(name, part, mark)
    if at != len(rest):
        raise CatalogueError(f"{len(rest) - at} bytes follow its last part")
    return files


def _file(name: str, part: bytes, mark: str) -> DataFile:
    """A part as it is asked for; every record is made once, so that none fails when an answer is to be priced."""
    try:
        read = parse(part)
        if read.head["provider"] != name:
            raise ValueError(f"it is the file of {read.head['provider']!r:.80}")
        marked = replace(read, head={**read.head, "revision": f"{read.head['revision']}+{mark}"})
        marked.check()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
        why = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
        raise CatalogueError(f"the part {name!r:.80} cannot be read: {why:.200}") from None
    return marked
