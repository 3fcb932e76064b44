"""Ask pyright's language server what an editor would show of parameters and functions, and fail where that is nothing.

usage: hover.py   (beside ``basedpyright-langserver`` of this environment: pip install basedpyright)
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROGRAM = """import llmkit
from llmkit.types.params import ChatParams

given: ChatParams = {"temperature": 0.5, "max_tokens": 5}
llmkit.completion(model="openai/gpt-4o-mini", messages=[], temperature=0.5)
llmkit.Client(num_retries=2)
router = llmkit.Router(model_list=[], num_retries=2)
router.acompletion("fast", [], tools=[], fallbacks=[])
router.mark_failure("id", None)
llmkit.embedding("openai/text-embedding-3-small", ["a"], dimensions=8)
llmkit.Client().transcription("openai/whisper-1", "a.mp3", language="en")
llmkit.aspeech("openai/tts-1", "Hi", "nova", speed=1.0)
llmkit.responses("Hi", "openai/gpt-5-mini", instructions="x")
llmkit.amap([], "x")
llmkit.rerank("cohere/rerank-v3.5", "q", ["a"], top_n=1)
"""
# Where somebody points at, and what is said there.
SHOWN = {
    (4, "completion"): "messages: the conversation",
    (4, "temperature"): "Randomness",
    (3, "temperature"): "temperature",
    (5, "Client"): "callbacks",
    (5, "num_retries"): "How often",
    (6, "Router"): "model_list",
    (7, "acompletion"): "messages: the conversation",
    (7, "tools"): "Python functions",
    (7, "fallbacks"): "Models to try",
    (8, "mark_failure"): "deployment",
    (9, "embedding"): "input: a text",
    (9, "dimensions"): "dimensions",
    (10, "transcription"): "file: a path",
    (10, "language"): "language",
    (11, "aspeech"): "voice",
    (11, "speed"): "speed",
    (12, "responses"): "input",
    (12, "instructions"): "instructions",
    (13, "amap"): "checkpoint",
    (14, "top_n"): "How many results",
}


class Server:
    """The language server, over its standard streams."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise SystemExit("the language server has no streams")
        self._to, self._from = self._process.stdin, self._process.stdout

    def tell(self, method: str, params: Any, number: int | None = None) -> None:
        """Send a notification, or a request with this number."""
        said: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        if number is not None:
            said["id"] = number
        body = json.dumps(said).encode()
        self._to.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._to.flush()

    def ask(self, number: int, method: str, params: Any) -> Any:
        """Send a request and wait for its answer; what else the server says is left."""
        self.tell(method, params, number)
        while (told := self._read()).get("id") != number or "method" in told:
            pass
        return told.get("result")

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._from.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            raise SystemExit("the language server has ended")
        told: dict[str, Any] = json.loads(self._from.read(length))
        return told

    def end(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait()


def hovers(server: Server, folder: Path) -> dict[tuple[int, str], str]:
    """What is shown at each place of the program."""
    uri = (folder / "program.py").as_uri()
    here = {"uri": folder.as_uri(), "name": "programs"}
    root = {
        "rootUri": here["uri"],
        "workspaceFolders": [here],
        "capabilities": {"workspace": {"workspaceFolders": True}},
        "processId": None,
    }
    server.ask(1, "initialize", root)
    server.tell("initialized", {})
    document = {"uri": uri, "languageId": "python", "version": 1, "text": PROGRAM}
    server.tell("textDocument/didOpen", {"textDocument": document})
    found: dict[tuple[int, str], str] = {}
    for number, (line, word) in enumerate(SHOWN, start=2):
        at = {"line": line, "character": PROGRAM.splitlines()[line].index(word) + 1}
        asked = {"textDocument": {"uri": uri}, "position": at}
        found[line, word] = json.dumps(server.ask(number, "textDocument/hover", asked))
    return found


def main() -> None:
    """Print what is shown; fail where the documentation is missing."""
    program = Path(sys.executable).with_name("basedpyright-langserver")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
        config = {
            "pythonVersion": "3.11",
            "extraPaths": [str(Path(part).resolve()) for part in sys.path if part],
        }
        (folder / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
        server = Server(program)
        try:
            found = hovers(server, folder)
        finally:
            server.end()
    for place, text in found.items():
        print(place, text[:600])
    missing = [place for place, expected in SHOWN.items() if expected not in found[place]]
    if missing:
        raise SystemExit(f"nothing is shown at {missing}")


if __name__ == "__main__":
    main()
