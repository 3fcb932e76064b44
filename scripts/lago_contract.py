"""Check what llmkit sends Lago against Lago's published OpenAPI, which is fetched or given, and never kept here.

usage: lago_contract.py [--spec PATH] [--prism DIR]

Without --spec, ``LAGO_OPENAPI`` names the file; else it is fetched. A billing object lives a whole life at a fake Lago:
calls, a stream, flushing, an entitlement, a doctor, a reconciliation. Each request of it must have a path of the
specification's, only query parameters and fields that it knows, and all that it requires. With --prism, or where npm
is, Prism (a mock server that validates) gets every one of them, too: DIR is where it is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import yaml

from llmkit import Client
from llmkit.billing import LagoBilling
from llmkit.testing import FakeLago, LagoRequest, Simulator

SPEC = "https://raw.githubusercontent.com/getlago/lago-openapi/main/openapi.yaml"
PRISM = "@stoplight/prism-cli@5.14.2"
ROOT = "/api/v1"
HI = [{"role": "user", "content": "Why do lighthouses rotate?"}]
Spec = Mapping[str, Any]


# --- a life --------------------------------------------------------------------------------------


def lived() -> list[LagoRequest]:
    """Every request of a billing object's life, in both modes."""
    found: list[LagoRequest] = []
    modes: tuple[Literal["standard", "dynamic"], ...] = ("standard", "dynamic")
    for mode in modes:
        with FakeLago() as lago, Simulator() as provider:
            lago.furnish(balance_cents=1000)
            live(lago, provider.base_url, mode)
            found += [one for one in lago.requests if one.path.startswith(ROOT)]
    return found


def live(lago: FakeLago, base_url: str, mode: Literal["standard", "dynamic"]) -> None:
    """Call, stream, deliver, ask, compare."""
    began = time.time()
    with (
        LagoBilling(lago.api_url, lago.api_key, mode=mode) as billing,
        Client(base_url=base_url, api_key="offline", billing=billing) as client,
    ):
        model = "openai/gpt-4o-mini"
        for _ in range(3):
            client.completion(model, HI, subscription="sub_1", customer="cus_1", max_tokens=50)
        with client.completion(model, HI, subscription="sub_1", stream=True) as stream:
            list(stream)
        client.completion(model, HI, customer="cus_1", max_tokens=50)
        billing.check_entitlement("cus_1", subscription="sub_1")
        billing.report_usage("0.0042", subscription="sub_1")
        billing.flush(10)
        billing.doctor()
        billing.reconcile(began - 60, time.time() + 60)


# --- the specification ---------------------------------------------------------------------------


def specification(given: Path | None) -> Path | None:
    """The file, or ``None`` if it is nowhere and cannot be fetched."""
    named = given or (Path(os.environ["LAGO_OPENAPI"]) if os.environ.get("LAGO_OPENAPI") else None)
    if named is not None:
        return named
    path = Path(tempfile.mkdtemp(prefix="llmkit-lago-")) / "openapi.yaml"
    try:
        with urllib.request.urlopen(SPEC, timeout=30) as answer:
            path.write_bytes(answer.read())
    except OSError:
        return None
    return path


class Operation(NamedTuple):
    """What the specification says of a method of a path."""

    path: str
    pattern: re.Pattern[str]
    said: Mapping[str, Any]
    shared: list[Any]


def operation(spec: Spec, method: str, path: str) -> Operation | None:
    """The one that is meant; a path without variables wins."""
    for template in sorted(spec["paths"], key=lambda one: one.count("{")):
        pattern = re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template)))
        entry = spec["paths"][template]
        if method.lower() in entry and pattern.fullmatch(path):
            said = resolved(spec, entry[method.lower()])
            return Operation(template, pattern, said, entry.get("parameters", []))
    return None


def resolved(spec: Spec, node: Any) -> Any:
    """The node that a reference points at, or itself."""
    while isinstance(node, Mapping) and "$ref" in node:
        found: Any = spec
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


# --- what is wrong -------------------------------------------------------------------------------


def wrongs(spec: Spec, request: LagoRequest) -> Iterator[str]:
    """What the specification has against a request; more than it must, for it forbids no unknown names."""
    url = urlsplit(request.path)
    found = operation(spec, request.method, url.path.removeprefix(ROOT))
    if found is None:
        yield "no such path"
        return
    yield from wrong_query(spec, found, dict(parse_qsl(url.query, keep_blank_values=True)))
    content = resolved(spec, found.said.get("requestBody", {})).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if schema is not None:
        yield from wrong_body(spec, schema, request.json(), "body")


def wrong_query(spec: Spec, found: Operation, query: Mapping[str, str]) -> Iterator[str]:
    """Names that are not known, or required and missing."""
    every = [resolved(spec, one) for one in [*found.shared, *found.said.get("parameters", [])]]
    known = {one["name"]: one for one in every if one["in"] == "query"}
    yield from (f"query: {name} is not known" for name in query if not is_known(name, known))
    for name, one in known.items():
        if one.get("required") and name not in query:
            yield f"query: {name} is required"


def is_known(name: str, known: Mapping[str, Any]) -> bool:
    """Lists are written with brackets, in the specification or only on the wire."""
    return name in known or name.removesuffix("[]") in known


def wrong_body(spec: Spec, schema: Any, value: Any, at: str) -> Iterator[str]:
    """Types, members, lists, and one of several."""
    schema = resolved(spec, schema)
    for part in schema.get("allOf", []):
        yield from wrong_body(spec, part, value, at)
    options = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    if options:
        fitting = [one for one in options if not list(wrong_body(spec, one, value, at))]
        if not fitting or ("oneOf" in schema and len(fitting) > 1):
            yield f"{at}: {len(fitting)} of {len(options)} fit"
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_a(value, kind) for kind in kinds):
        yield f"{at}: {value!r} is no {' or '.join(kinds)}"
    elif isinstance(value, Mapping):
        yield from wrong_object(spec, schema, value, at)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from wrong_body(spec, schema.get("items", {}), one, f"{at}[{number}]")
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"


def wrong_object(
    spec: Spec, schema: Mapping[str, Any], value: Mapping[str, Any], at: str
) -> Iterator[str]:
    """Members that are missing, unknown, or wrong in themselves."""
    members, more = schema.get("properties", {}), schema.get("additionalProperties")
    yield from (
        f"{at}.{name} is required" for name in schema.get("required", []) if name not in value
    )
    for name, one in value.items():
        if name in members:
            yield from wrong_body(spec, members[name], one, f"{at}.{name}")
        elif isinstance(more, Mapping):
            yield from wrong_body(spec, more, one, f"{at}.{name}")
        elif members and not more:
            yield f"{at}.{name} is not known"


def is_a(value: Any, kind: str) -> bool:
    """Whether it is of this JSON type; flags are no numbers."""
    if isinstance(value, bool):
        return kind == "boolean"
    types: Mapping[str, Any] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "object": Mapping,
        "array": list,
        "null": type(None),
    }
    return isinstance(value, types.get(kind, ()))


# --- Prism ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def prism(spec: Path, folder: Path) -> Iterator[int]:
    """Prism's port; it is installed into the folder if it is not there."""
    program = folder / "node_modules" / ".bin" / "prism"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), PRISM]
        subprocess.run(install, check=True, capture_output=True, timeout=600)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [str(program), "mock", "-h", "127.0.0.1", "-p", str(port), str(spec)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port)
            yield port
        finally:
            server.terminate()


def wait_for(port: int) -> None:
    """Until somebody listens. Raises ``TimeoutError`` after a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.2)
    raise TimeoutError("Prism does not listen")


def prisms_wrongs(port: int, request: LagoRequest) -> list[str]:
    """What Prism has against a request; what it has against its own examples is not asked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    path = request.path.removeprefix(ROOT)
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in ("authorization", "content-type", "accept")
    }
    connection.request(request.method, path, request.body or None, headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    found = json.loads(answer.headers.get("sl-violations", "[]"))
    ours = [str(one) for one in found if one["location"][:1] == ["request"]]
    if answer.status >= http.HTTPStatus.BAD_REQUEST:
        ours.append(f"{answer.status}: {said[:500]!r}")
    return ours


# --- the program ---------------------------------------------------------------------------------


def told(requests: list[LagoRequest], found: list[list[str]], by: str) -> int:
    """Print what is wrong, and return how much that is."""
    for request, wrong in zip(requests, found, strict=True):
        for one in wrong:
            print(f"{by}: {request.method} {request.path}: {one}")
    count = sum(map(len, found))
    print(f"{by}: {len(requests)} requests, {count} violations")
    return count


def main() -> int:
    """0 where nothing is wrong, or nothing can be checked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--prism", type=Path, help="where Prism is, or is to be installed")
    given = parser.parse_args()
    path = specification(given.spec)
    if path is None:
        print("skipped: the specification cannot be fetched")
        return 0
    requests = lived()
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    count = told(requests, [list(wrongs(spec, one)) for one in requests], "schema")
    if given.prism is None and shutil.which("npm") is None:
        print("skipped: Prism, for there is no npm")
        return min(count, 1)
    with contextlib.ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="llmkit-prism-")
        folder = given.prism or Path(stack.enter_context(temporary))
        port = stack.enter_context(prism(path, folder))
        count += told(requests, [prisms_wrongs(port, one) for one in requests], "Prism")
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
