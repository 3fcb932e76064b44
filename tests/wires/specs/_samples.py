"""Values made from an OpenAPI document's schemas, so that each branch of them is taken in turn. Tests only, no llmkit.

Optional fields are there, absent and (where they may be) null; unknown fields and unknown words of a list come, too:
providers add both without notice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Samples", "lost"]

_DEEP, _DEEPEST = 6, 12
_SAID = {"byte": "aGVsbG8=", "date-time": "2026-11-22T10:20:30.5Z", "uri": "https://h.test/a"}


class Samples:
    """A maker of values. ``odd``: how often something comes that the document does not know, 0 to 1."""

    def __init__(self, spec: Mapping[str, Any], seed: str, odd: float = 0.15) -> None:
        self._schemas = spec["components"]["schemas"]
        self._random = random.Random(seed)
        self._odd = odd
        self._taken: Counter[tuple[int, int]] = Counter()

    def of(self, name: str, count: int) -> Iterator[Any]:
        """So many values of a schema, each by other branches."""
        for _ in range(count):
            yield self.make({"$ref": f"#/{name}"})

    def make(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """One value."""
        schema = self._whole(schema)
        choices = schema.get("oneOf") or schema.get("anyOf")
        if choices:
            return self._chosen(schema, choices, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._word(schema["enum"])
        kind = self._kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        return self._scalar(kind, schema)

    def _whole(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with what it refers to, and all that it is made of, in one."""
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[-1]]
        if "allOf" not in schema:
            return schema
        made: dict[str, Any] = {}
        own = {k: v for k, v in schema.items() if k != "allOf"}
        for part in map(self._whole, (own, *schema["allOf"])):
            fields = {**made.get("properties", {}), **part.get("properties", {})}
            needed = [*made.get("required", ()), *part.get("required", ())]
            made |= {**part, "properties": fields, "required": needed}
        return made if made["properties"] else {k: v for k, v in made.items() if k != "properties"}

    def _kind(self, schema: Mapping[str, Any]) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return str(self._least(schema, kinds))
        if kinds is None:
            return "object" if "properties" in schema else "array" if "items" in schema else "any"
        return str(kinds)

    def _least(self, schema: Mapping[str, Any], choices: Any) -> Any:
        """The branch that was taken least often."""
        places = [
            (self._taken[id(schema), i], self._random.random(), i) for i in range(len(choices))
        ]
        place = min(places)[2]
        self._taken[id(schema), place] += 1
        return choices[place]

    def _chosen(self, schema: Mapping[str, Any], choices: Any, depth: int) -> Any:
        if depth > _DEEP:
            plain = [
                c for c in choices if self._whole(c).get("type") in ("string", "null", "integer")
            ]
            choices = plain or choices
        made = self.make(self._least(schema, choices), depth + 1)
        beside = {k: v for k, v in schema.items() if k in ("properties", "required", "type")}
        if isinstance(made, dict) and "properties" in beside:
            made = {**self._object(beside, depth), **made}
        return made

    def _word(self, words: list[Any]) -> Any:
        if self._random.random() < self._odd and all(isinstance(w, str) for w in words):
            return "a_word_of_tomorrow" if len(words) > 1 else words[0]
        return self._random.choice(words)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        needed = schema.get("required", ())
        for name, inner in schema.get("properties", {}).items():
            if name in needed or (
                depth < _DEEPEST and self._random.random() < (0.7 if depth < _DEEP else 0.1)
            ):
                made[name] = self.make(inner, depth + 1)
            if (
                name in made
                and made[name] is not None
                and inner.get("nullable")
                and self._random.random() < 0.3
            ):
                made[name] = None
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping) and more and depth < _DEEP:
            made |= {
                f"key {i}": self.make(more, depth + 1) for i in range(self._random.randrange(3))
            }
        if not isinstance(more, Mapping) and self._random.random() < self._odd:
            made["field_of_tomorrow"] = {"said": [1, None, "x"]}
        return made

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        most = 4 if depth < 3 else 2 if depth < _DEEP else 1
        least = schema.get("minItems", 0)
        count = max(min(least, 3), self._random.randrange(most))
        return [self.make(schema.get("items", {}), depth + 1) for _ in range(count)]

    def _scalar(self, kind: str, schema: Mapping[str, Any]) -> Any:
        if kind == "string":
            said = _SAID.get(schema.get("format", ""))
            return said or self._random.choice(["", "Hello", "Grüße 🌍", "a\nb"])
        if kind in ("integer", "number"):
            return self._number(kind, schema)
        if kind == "boolean":
            return self._random.random() < 0.5
        return None if kind == "null" else {"any": "thing"}

    def _number(self, kind: str, schema: Mapping[str, Any]) -> float:
        least, most = schema.get("minimum", 0), schema.get("maximum", 1_700_000_000)
        some = [0, 1, 7, 1_700_000_000] if kind == "integer" else [0.0, 0.5, 3, 12.25]
        made = self._random.choice([n for n in some if least <= n <= most] or [least])
        return int(made) if kind == "integer" else made


def lost(sent: Any, kept: Any, at: str = "$") -> list[str]:
    """What was sent and is not kept. A null counts as nothing."""
    if isinstance(sent, dict) and isinstance(kept, Mapping):
        found = []
        for name, value in sent.items():
            if name in kept:
                found += lost(value, kept[name], f"{at}.{name}")
            elif value is not None:
                found.append(f"{at}.{name} is gone")
        return found
    if isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        return [
            one
            for i, pair in enumerate(zip(sent, kept, strict=True))
            for one in lost(*pair, f"{at}[{i}]")
        ]
    return [] if sent == kept else [f"{at} was {sent!r:.60} and is {kept!r:.60}"]
