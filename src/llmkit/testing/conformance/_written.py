"""Checks of the requests that a wire writes: what is given arrives, or is listed, or is refused."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from ..._http import HTTPRequest
from ...errors import InvalidRequestError, UnsupportedParamsError
from ._samples import ECHO, HI, KEY, PARAMS, PICTURE, SCHEMA, TOOL, TURNS, USES
from ._subject import Subject

__all__ = ["Written"]


class Written(Subject):
    """The requests."""

    @pytest.mark.parametrize("name", PARAMS)
    def test_each_parameter(self, name: str) -> None:
        """A parameter changes the body, or is listed in the ledger, or is refused by its name."""
        values, along = PARAMS[name]
        without = _companions(name, along)
        plain = self._built(name, **without)
        for value in values:
            made = self._built(name, **along, **{name: value})
            if isinstance(made, UnsupportedParamsError):
                continue
            arrived = isinstance(plain, UnsupportedParamsError) or _body(made) != _body(plain)
            listed = _listed(made, name)
            self.expect(arrived or listed, f"{name}={value!r:.60} was dropped, and is not listed")

    @pytest.mark.parametrize("name", [name for name in PARAMS if len(PARAMS[name][0]) > 1])
    def test_each_value(self, name: str) -> None:
        """Two values of a parameter make two bodies, unless the ledger says what became of them."""
        values, along = PARAMS[name]
        made = [self._built(name, **along, **{name: value}) for value in values]
        kept = [one for one in made if isinstance(one, HTTPRequest) and not _listed(one, name)]
        bodies = [_body(one) for one in kept]
        fine = all(one != other for one, other in pairwise(bodies))
        self.expect(fine, f"{name} is written the same whatever its value is")

    def test_what_is_refused_can_be_dropped(self) -> None:
        """With ``drop_params`` a refused parameter is left out, and listed as dropped."""
        for name, (values, along) in PARAMS.items():
            given = {**along, name: values[0]}
            try:
                self.build(params=given)
            except UnsupportedParamsError:
                made = self.build(params=given, drop_params=True)
                self.expect(_listed(made, name, *along), f"{name} was dropped, and is not listed")
            except InvalidRequestError:
                continue

    def test_the_turns_of_a_conversation(self) -> None:
        """System, user and assistant messages arrive once each, the turns in their order."""
        text = self.build(TURNS).body.decode()
        for turn in TURNS:
            count = text.count(turn["content"])
            self.expect(count == 1, f"the {turn['role']} message is in the body {count} times")
        places = [text.index(turn["content"]) for turn in TURNS[1:]]
        self.expect(places == sorted(places), "the turns are out of order")

    def test_text_arrives_as_it_is(self) -> None:
        """Quotes, control characters and all scripts survive."""
        body = _body(self.build([{"role": "user", "content": ECHO}]))
        self.expect(any(ECHO in leaf for leaf in _leaves(body)), "a text does not arrive as it is")

    def test_pictures(self) -> None:
        """A picture given as data arrives, or is refused."""
        url = f"data:image/png;base64,{PICTURE}"
        parts = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": url}}]
        try:
            body = _body(self.build([{"role": "user", "content": parts}]))
        except InvalidRequestError:
            return
        self.expect(any(PICTURE in leaf for leaf in _leaves(body)), "a picture was dropped")

    def test_tools_round_trip(self) -> None:
        """Calls and their results go back: names, arguments, results, in order."""
        try:
            text = self.build(USES, params={"tools": [TOOL]}).body.decode()
        except UnsupportedParamsError:
            return
        wanted = ("get_weather", "conformance-paris", "conformance-rome")
        for word in (*wanted, "conformance-sun", "conformance-rain"):
            self.expect(word in text, f"of the tool calls and results, {word} is not in the body")
        first, second = text.index("conformance-sun"), text.index("conformance-rain")
        self.expect(first < second, "the results are out of order")

    def test_structured_output(self) -> None:
        """A schema reaches the model, natively or as an instruction that the ledger lists; or it is refused."""
        try:
            made = self.build(params={"response_format": SCHEMA})
        except UnsupportedParamsError:
            return
        arrived = "conformance_field" in made.body.decode()
        self.expect(arrived, "the schema of response_format does not reach the model")

    def test_extra_body_goes_through(self) -> None:
        """The caller's own fields are in the body as they are."""
        extra = {"conformance_extra": {"deep": [1, None, True, ECHO]}}
        body = _body(self.build(extra_body=extra))
        same = body.get("conformance_extra") == extra["conformance_extra"]
        self.expect(same, "extra_body does not go through as it is")

    def test_the_callers_values_stay_as_they_are(self) -> None:
        """Building a request changes nothing that the caller gave."""
        messages, params = copy.deepcopy(USES), {"tools": [copy.deepcopy(TOOL)], "stop": ["x"]}
        extra = {"conformance_extra": {"deep": [1]}}
        before = copy.deepcopy((messages, params, extra))
        with contextlib.suppress(InvalidRequestError):
            self.build(messages, params=params, extra_body=extra, drop_params=True)
        self.expect((messages, params, extra) == before, "build() changes the caller's values")

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_request_is_repeatable(self, *, stream: bool) -> None:
        """The same call is the same bytes, below its base URL, and JSON."""
        one, other = self.build(stream=stream), self.build(stream=stream)
        self.expect(one == other, "the same call makes two different requests")
        base = self.endpoint().base_url.partition("?")[0].rstrip("/")
        self.expect(one.url.startswith(base), f"{one.url} is not below {base}")
        self.expect(isinstance(_body(one), dict), "its body is no JSON object")

    def test_a_stream_is_asked_for(self) -> None:
        """The request of a stream differs from that of a whole answer."""
        whole, stream = self.build(), self.build(stream=True)
        same = (whole.url, whole.body) == (stream.url, stream.body)
        self.expect(not same, "a stream's request is that of a whole answer")

    def test_a_dry_run_is_what_is_sent(self) -> None:
        """``dry_run`` shows the request that is then sent, but for the key."""
        along: dict[str, Any] = {"extra_headers": {"X-Conformance": "1"}}
        dry, talk = self.dry(api_key=KEY, **along), self.talk(**along)
        self.answered_well(talk)
        sent = talk.sent[0]
        self.expect((dry.method, dry.url) == (sent.method, sent.url), f"dry: {dry.url}")
        self.expect(dry.body == json.loads(sent.body), "the dry body is not the one sent")
        self.expect(sent.headers.get("x-conformance") == "1", "extra_headers are not sent")
        shown = {name.lower(): value for name, value in dry.headers.items()}
        loose = {(self.provider.idempotency_header or "").lower()}
        names = (shown.keys() | sent.headers.keys()) - loose
        other = [n for n in names if sent.headers.get(n) != shown.get(n) != "[redacted]"]
        self.expect(not other, f"headers {sorted(other)} are dry other than sent")

    def _built(self, name: str, **params: Any) -> HTTPRequest | UnsupportedParamsError:
        """The request with these, or their refusal."""
        try:
            return self.build(HI, params=params)
        except UnsupportedParamsError as error:
            named = [name, *PARAMS[name][1]]
            told = any(word in str(error) for word in named)
            self.expect(told, f"the refusal of {name} does not name it: {error}")
            return error


def _companions(name: str, along: Mapping[str, Any]) -> dict[str, Any]:
    # Two that need each other are told apart from neither.
    return {k: v for k, v in along.items() if name not in PARAMS.get(k, ((), {}))[1]}


def _listed(request: HTTPRequest | UnsupportedParamsError, *names: str) -> bool:
    if isinstance(request, UnsupportedParamsError):
        return True
    heads = {a.parameter.partition(".")[0].partition("[")[0] for a in request.adjustments}
    return bool(heads & set(names))


def _body(request: HTTPRequest | UnsupportedParamsError) -> Any:
    return None if isinstance(request, UnsupportedParamsError) else json.loads(request.body)


def _leaves(value: Any) -> Iterator[str]:
    """Every text in a body."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
