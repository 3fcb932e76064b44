"""The command line: in this process through ``main``, and as a program of its own."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import llmkit
from llmkit import errors
from llmkit._cli import main
from llmkit._cli._failure import exit_code, line
from llmkit._cli._input import messages
from llmkit._cli._ollama import _root
from llmkit._cli._parser import parse
from llmkit._cli._usage import UsageError
from llmkit.testing import Simulator

from .catalogue_layers._parts import bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "sk-test-0123456789abcdef0123"
PNG = b"\x89PNG\r\n\x1a\nrest"
WAV = b"RIFF\x00\x00\x00\x00WAVErest"


class Terminal(io.TextIOWrapper):
    """A stream that somebody sits at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A terminal to read from, and no Ollama: its address is a port that is taken and not served."""
    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(b"")))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{probe.getsockname()[1]}")
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A simulator that stands for a provider."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Pipe bytes into standard input."""

    def into(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return into


@pytest.fixture
def at_provider(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """OpenAI's key is set, and its address is the simulator's."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", sim.base_url)
    return sim


# --- input ------------------------------------------------------------------------------------


def test_a_question_alone_is_plain_text() -> None:
    """Without attachments the content is a string, which every provider takes."""
    assert messages("why?", None, [], b"") == [{"role": "user", "content": "why?"}]


def test_a_system_message_comes_first() -> None:
    """``--system`` becomes a message of its own, also an empty one."""
    assert messages("why?", "be brief", [], b"")[0] == {"role": "system", "content": "be brief"}
    assert messages("why?", "", [], b"")[0] == {"role": "system", "content": ""}


def test_a_text_file_is_inlined_in_a_fence(tmp_path: Path) -> None:
    """A text file stands after the question, under its name."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"\xef\xbb\xbfgr\xc3\xbcn\n")
    (message,) = messages("what colour?", None, [str(path)], b"")
    assert message["content"] == "what colour?\n\nnotes.txt:\n```\ngrün\n```"


def test_a_fence_is_longer_than_those_inside(tmp_path: Path) -> None:
    """Markdown with code blocks cannot end its fence early."""
    path = tmp_path / "a.md"
    path.write_text("````\ncode\n````")
    (message,) = messages("?", None, [str(path)], b"")
    assert message["content"].endswith("`````\n````\ncode\n````\n`````")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PNG, ("image_url", "url", "data:image/png;base64,")),
        (b"\xff\xd8\xff\xe0rest", ("image_url", "url", "data:image/jpeg;base64,")),
        (b"GIF89arest", ("image_url", "url", "data:image/gif;base64,")),
        (b"RIFF\0\0\0\0WEBPrest", ("image_url", "url", "data:image/webp;base64,")),
        (b"%PDF-1.7rest", ("file", "file_data", "data:application/pdf;base64,")),
        (WAV, ("input_audio", "data", "")),
        (b"ID3\x04rest", ("input_audio", "data", "")),
        (b"\xff\xfb\x90rest", ("input_audio", "data", "")),
    ],
)
def test_other_files_become_parts(
    tmp_path: Path, data: bytes, expected: tuple[str, str, str]
) -> None:
    """A file's first bytes say what it is, whatever it is called; its bytes arrive unchanged."""
    path = tmp_path / "file.txt"
    path.write_bytes(data)
    (message,) = messages("look", None, [str(path)], b"")
    text, part = message["content"]
    kind, member, prefix = expected
    assert text == {"type": "text", "text": "look"}
    assert part["type"] == kind
    assert part[kind][member].startswith(prefix)
    assert base64.b64decode(part[kind][member].removeprefix(prefix)) == data


def test_parts_say_their_name_and_format(tmp_path: Path) -> None:
    """A PDF keeps its file name, a sound says its format."""
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "b").write_bytes(WAV)
    (message,) = messages(None, None, [str(tmp_path / "a.pdf"), str(tmp_path / "b")], b"")
    pdf, sound = message["content"]
    assert pdf["file"]["filename"] == "a.pdf"
    assert sound["input_audio"]["format"] == "wav"


def test_piped_text_is_the_question_if_there_is_none() -> None:
    """``echo why | llmkit`` asks why."""
    assert messages(None, None, [], b"why?\n")[0]["content"] == "why?\n"


def test_piped_text_goes_with_a_question() -> None:
    """``cat log | llmkit "what failed?"`` sends both."""
    content = messages("what failed?", None, [], b"line 7\n")[0]["content"]
    assert content == "what failed?\n\nstdin:\n```\nline 7\n```"


def test_a_piped_image_is_a_part() -> None:
    """A picture may come through a pipe as well."""
    content = messages("what is it?", None, [], PNG)[0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url"]
    assert messages(None, None, [], PNG)[0]["content"][0]["type"] == "image_url"


@pytest.mark.parametrize(
    ("question", "name", "stdin", "expected"),
    [
        (None, None, b"", "there is no question"),
        ("  ", None, b" \n", "there is no question"),
        ("?", "none.txt", b"", "there is no file"),
        ("?", ".", b"", "cannot read"),
        ("?", "a\0b", b"", "cannot read"),
        ("?", None, b"\xff\xfe\x00", "neither UTF-8 text nor"),
        (None, None, b"a\x00b", "neither UTF-8 text nor"),
    ],
)
def test_unusable_input_says_what_to_change(
    tmp_path: Path, question: str | None, name: str | None, stdin: bytes, expected: str
) -> None:
    """Nothing to ask, or a file that cannot be read or sent, is a usage error."""
    paths = [] if name is None else [f"{tmp_path}/{name}"]
    with pytest.raises(UsageError, match=expected):
        messages(question, None, paths, stdin)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """Fifty megabytes are more than any provider takes; the file is refused by its size."""
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(51 * 1024**2)
    with pytest.raises(UsageError, match="too large"):
        messages("?", None, [str(path)], b"")


# --- arguments --------------------------------------------------------------------------------


def test_files_may_stand_anywhere_after_the_question() -> None:
    """Options between the question and its files do not tear them apart."""
    arguments = parse(["why?", "-m", "a/b", "one.txt", "-f", "two.txt", "-v", "three.txt"])
    assert arguments.words == ["why?", "one.txt", "three.txt"]
    assert (arguments.more_files, arguments.model, arguments.verbose) == (["two.txt"], "a/b", True)


def test_a_command_can_be_a_question() -> None:
    """After ``--``, or after an option, a command's name is a question."""
    assert parse(["models", "openai"]).command == "models"
    for argv in (["--", "models"], ["-v", "models"]):
        assert (parse(argv).command, parse(argv).words) == ("ask", ["models"])


def test_options_are_json_or_text() -> None:
    """``-o`` takes numbers, lists and objects, and keeps anything else as text."""
    options = ["-o", "n=2", "-o", "top-p=0.5", "-o", 'stop=["a"]', "-o", "user=me", "-o", "seed="]
    expected = [("n", 2), ("top_p", 0.5), ("stop", ["a"]), ("user", "me"), ("seed", "")]
    assert parse(["?", *options]).options == expected


@pytest.mark.parametrize(
    "argv",
    [
        ["?", "-o", "n"],
        ["?", "-o", "=1"],
        ["?", "-o", "model=x"],
        ["?", "-o", "api_key=x"],
        ["?", "--timeout", "soon"],
        ["?", "--timeout", "-1"],
        ["?", "--timeout", "inf"],
        ["?", "--json", "--dry-run"],
        ["?", "--nonsense"],
        ["models", "openai", "anthropic"],
        ["providers", "openai"],
        ["catalogue", "update"],
        ["catalogue", "refresh"],
        ["catalogue", "refresh", "https://a.test/b"],
        ["catalogue", "refresh", "https://a.test/b", "--to", "x"],
        [],
        ["?", "no-such-file"],
        ["?", "--base-url", "http://127.0.0.1:1/v1"],
        ["?", "-m", "no_such_provider/model"],
        ["?", "-m", "offline", "-o", "temprature=1"],
        ["?", "-m", "openai/m", "--base-url", "ftp://x"],
        ["models", "no_such_provider"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_two(
    argv: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be run ends with 2, a message on stderr, nothing on stdout, and no traceback."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "llmkit" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("argv", [["--help"], ["providers", "-h"], ["models", "-h"]])
def test_help_is_there(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each command explains itself and ends with 0."""
    assert main(argv) == 0
    assert "usage: llmkit" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["billing"], ["budget"], ["proxy"]], ids=" ".join)
def test_help_is_there_in_any_encoding(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a terminal's encoding lacks keeps nothing from being shown."""
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding="ascii"))
    assert main([*command, "--help"]) == 0
    sys.stdout.flush()
    assert b"usage: llmkit" in buffer.getvalue()


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """``--version`` prints one line."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("llmkit ")


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (UsageError("no"), 2, "llmkit: no"),
        (errors.RateLimitError("slow down", retry_after=7.0), 1, "try again in 7 s"),
        (errors.RateLimitError("slow down"), 1, "wait, or choose another model"),
        (errors.AuthenticationError(f"bad key {KEY}"), 1, "check the key"),
        (errors.APITimeoutError("late"), 1, "raise --timeout"),
        (errors.NotFoundError("no such model"), 1, "check the model's name"),
        (errors.ServiceUnavailableError("busy"), 1, "try again later"),
        (errors.UnsupportedParamsError("no parameter"), 2, "no parameter"),
        (errors.MissingKeyError("no key"), 1, "`llmkit providers`"),
        (errors.APIError("two\r\nlines \x1b[31m"), 1, "two lines [31m"),
        (KeyError(f"Bearer {KEY}"), 1, "internal error: KeyError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_one_line(error: Exception, code: int, expected: str) -> None:
    """The line says what happened and what to change, without control characters or a key."""
    assert exit_code(error) == code
    assert expected in line(error)
    assert line(error).isprintable()
    assert KEY not in line(error)


# --- whom to ask ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api_base", "host", "expected"),
    [
        (None, None, "http://127.0.0.1:11434"),
        (None, "0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - read, not bound
        (None, "box:1234", "http://box:1234"),
        (None, ":1234", "http://127.0.0.1:1234"),
        (None, "[::1]:1234", "http://[::1]:1234"),
        (None, "https://box/ollama/", "https://box/ollama"),
        ("http://box:1/v1", "ignored", "http://box:1"),
        (None, "box:port", "http://127.0.0.1:11434"),
    ],
)
def test_where_ollama_is(
    monkeypatch: pytest.MonkeyPatch, api_base: str | None, host: str | None, expected: str
) -> None:
    """Both variables are read, in the forms in which people write them."""
    for name, value in (("OLLAMA_API_BASE", api_base), ("OLLAMA_HOST", host)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert _root() == expected


def ask(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> tuple[str, str]:
    """Run the command line; what it wrote to stdout and stderr. Neither ever holds the key."""
    assert main(argv) == code
    out, err = capsys.readouterr()
    assert KEY not in out + err
    assert "Traceback" not in err
    return out, err


@pytest.mark.parametrize("extra", [(), ("--no-stream",)])
def test_without_a_key_it_answers_offline(
    capsys: pytest.CaptureFixture[str], extra: tuple[str, ...]
) -> None:
    """A machine with nothing set up still gets an answer, and is told what kind of answer."""
    out, err = ask(capsys, "hello there", *extra)
    assert "offline simulator" in out
    assert out.endswith("hello there\n")
    assert "no key found" in err
    assert "answering offline" in err


def test_offline_can_be_asked_for(
    capsys: pytest.CaptureFixture[str], at_provider: Simulator
) -> None:
    """``-m offline`` sends nothing to a provider, and needs no explanation."""
    out, err = ask(capsys, "hello", "-m", "offline")
    assert "simulator" in out
    assert err == ""
    assert at_provider.requests == []


def test_a_proxy_is_not_asked_for_this_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a company's proxy the offline answer still comes, and the environment is as before."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "intranet.invalid")
    before = dict(os.environ)
    assert "hello" in ask(capsys, "hello")[0]
    assert dict(os.environ) == before


def test_nothing_is_left_running(capsys: pytest.CaptureFixture[str]) -> None:
    """The simulator's and the client's threads end with the command."""
    before = set(threading.enumerate())
    ask(capsys, "hello")
    assert set(threading.enumerate()) <= before


def test_the_first_key_that_is_set_decides(
    capsys: pytest.CaptureFixture[str], at_provider: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenAI goes before Groq; the provider's default model is asked, with its key."""
    monkeypatch.setenv("GROQ_API_KEY", "gsk_other")
    _, err = ask(capsys, "hello")
    (request,) = at_provider.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json()["model"] == "gpt-4o-mini"
    assert request.json()["stream"] is True
    assert err == ""


def test_a_blank_key_is_not_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty variable, as compose files leave them, does not count."""
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    assert "answering offline" in ask(capsys, "hello")[1]


class Ollama(BaseHTTPRequestHandler):
    """As much of Ollama as is asked for: its list of models, and one streamed answer."""

    listing: ClassVar[Any] = {"models": [{"name": "tiny:1b"}, {"name": "other"}]}

    def do_GET(self) -> None:
        self.answer(json.dumps(self.listing).encode(), "application/json")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/api/chat":
            said = {"role": "assistant", "content": f"I am {asked['model']}"}
            line = {"model": asked["model"], "message": said, "done": True, "done_reason": "stop"}
            self.answer(json.dumps(line).encode() + b"\n", "application/x-ndjson")
            return
        delta = {"role": "assistant", "content": f"I am like {asked['model']}"}
        choices = [{"index": 0, "delta": delta, "finish_reason": "stop"}]
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "choices": choices}
        event = json.dumps({**chunk, "model": asked["model"]})
        self.answer(f"data: {event}\n\ndata: [DONE]\n\n".encode(), "text/event-stream")

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Ollama]]:
    """A server at Ollama's address; its class, of which a test may change the listing."""
    made = type("Ollama", (Ollama,), {})
    with HTTPServer(("127.0.0.1", 0), made) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{server.server_port}")
        yield made
        server.shutdown()
        thread.join()


def test_a_local_ollama_answers(capsys: pytest.CaptureFixture[str], ollama: type[Ollama]) -> None:
    """Without a key, the first model of a running Ollama is asked, and that is said."""
    out, err = ask(capsys, "who are you?")
    assert out == "I am tiny:1b\n"
    assert "asking tiny:1b on local Ollama" in err


def test_a_server_that_is_like_ollama(
    capsys: pytest.CaptureFixture[str], ollama: type[Ollama]
) -> None:
    """Where models are listed as OpenAI does alone, they are asked in that form, too."""
    ollama.listing = {"data": [{"id": "tiny:1b"}]}
    assert ask(capsys, "who are you?")[0] == "I am like tiny:1b\n"


@pytest.mark.parametrize("listing", [{"models": []}, {}, [], None, {"models": [{"name": 3}]}])
def test_a_strange_server_is_no_ollama(
    capsys: pytest.CaptureFixture[str], ollama: type[Ollama], listing: Any
) -> None:
    """Without a model, or with an answer of another kind, the simulator answers instead."""
    ollama.listing = listing
    assert "answering offline" in ask(capsys, "hello")[1]


# --- what is sent -----------------------------------------------------------------------------


def test_what_was_written_is_sent(
    capsys: pytest.CaptureFixture[str],
    at_provider: Simulator,
    pipe: Callable[[bytes], None],
    tmp_path: Path,
) -> None:
    """System message, question, pipe, file, model and options all arrive."""
    (tmp_path / "a.txt").write_text("from a file")
    pipe(b"from a pipe")
    options = ["--system", "be brief", "-m", "openai/some-model", "-o", "temperature=0.2"]
    ask(capsys, "why?", str(tmp_path / "a.txt"), *options, "--timeout", "20")
    sent = at_provider.requests[0].json()
    assert (sent["model"], sent["temperature"]) == ("some-model", 0.2)
    assert sent["messages"][0]["content"] == "be brief"
    text = sent["messages"][1]["content"]
    assert all(part in text for part in ("why?", "from a file", "from a pipe"))


def test_an_image_is_sent(
    capsys: pytest.CaptureFixture[str], at_provider: Simulator, tmp_path: Path
) -> None:
    """An image reaches the provider, which says that it saw it."""
    (tmp_path / "a.png").write_bytes(PNG)
    out, _ = ask(capsys, "look", "-f", str(tmp_path / "a.png"))
    assert "(with 1 image)" in out
    assert at_provider.requests[0].json()["messages"][0]["content"][1]["type"] == "image_url"


def test_another_address_can_be_given(capsys: pytest.CaptureFixture[str], sim: Simulator) -> None:
    """``--base-url`` sends the call to any server that speaks the wire."""
    option = '-oextra_headers={"authorization": "Bearer k"}'
    out, _ = ask(capsys, "hello", "-m", "served-here", "--base-url", sim.base_url, option)
    assert "hello" in out
    assert sim.requests[0].json()["model"] == "served-here"


def test_a_dry_run_sends_nothing(
    capsys: pytest.CaptureFixture[str], at_provider: Simulator
) -> None:
    """The request is printed whole, without the key; no connection is made."""
    out, _ = ask(capsys, "why is that?", "--dry-run", "-o", "seed=7")
    assert at_provider.requests == []
    assert f"{at_provider.base_url}/chat/completions" in out
    assert "why is that?" in out
    assert "gpt-4o-mini" in out
    assert '"seed"' in out


# --- what is shown ----------------------------------------------------------------------------


def test_json_is_the_whole_response(
    capsys: pytest.CaptureFixture[str], at_provider: Simulator
) -> None:
    """``--json`` prints one object: the completion, its cost, and what happened to the call."""
    out, err = ask(capsys, "hello", "--json")
    shown = json.loads(out)
    assert "hello" in shown["choices"][0]["message"]["content"]
    assert shown["usage"]["total_tokens"] > 0
    assert shown["cost"]["currency"] == "USD"
    assert shown["call"]["provider"] == "openai"
    assert shown["call"]["key_source"] == "OPENAI_API_KEY"
    assert len(shown["call"]["attempts"]) == 1
    assert err == ""
    assert "stream" not in at_provider.requests[0].json()


@pytest.mark.parametrize("extra", [(), ("--no-stream",)])
def test_verbose_says_what_it_cost(
    capsys: pytest.CaptureFixture[str], at_provider: Simulator, extra: tuple[str, ...]
) -> None:
    """``-v`` tells model, tokens, cost and time on stderr, streaming or not."""
    out, err = ask(capsys, "hello", "-v", "-m", "openai/gpt-4o-mini", *extra)
    assert "openai/gpt-4o-mini" in err
    assert "tokens in" in err
    assert "cost" in err
    assert "tokens in" not in out


def test_a_cut_answer_is_called_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """An answer that hit its limit looks complete, so it is said that it is not."""
    out, err = ask(capsys, "hello", "-m", "offline", "-o", "max_tokens=2")
    assert out == "This is\n"
    assert "cut off at its token limit" in err


def test_several_answers_come_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``-o n=2`` both answers are printed, whole and apart."""
    out, _ = ask(capsys, "hello", "-m", "offline", "-o", "n=2")
    first, second = out.split("\n\n")
    assert first.endswith("hello")
    assert second.endswith("(Choice 2.)\n")


@pytest.mark.parametrize("extra", [(), ("--no-stream",)])
def test_tool_calls_are_shown(capsys: pytest.CaptureFixture[str], extra: tuple[str, ...]) -> None:
    """A model that calls a tool says nothing else; its calls are printed as JSON lines."""
    tool = '-otools=[{"type": "function", "function": {"name": "get_time"}}]'
    out, _ = ask(capsys, "call get_time", "-m", "offline", tool, *extra)
    call = json.loads(out)
    assert call["function"]["name"] == "get_time"
    assert call["id"].startswith("call_")


def test_a_schema_answer_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With a schema, what is printed can be piped into a JSON tool."""
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    out, _ = ask(capsys, "who?", "-m", "offline", "-o", f"response_format={json.dumps(wanted)}")
    assert json.loads(out) == {"age": 1}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["-m", "openai/missing-model"], "does not exist"),
        (["-m", "openai/rate-limited", "-o", "num_retries=0"], "try again in 1 s"),
        (["-o", "temperature=9"], "temperature"),
    ],
)
@pytest.mark.parametrize("extra", [(), ("--no-stream",), ("--json",)])
def test_an_error_is_one_line(
    capsys: pytest.CaptureFixture[str],
    at_provider: Simulator,
    argv: list[str],
    expected: str,
    extra: tuple[str, ...],
) -> None:
    """A refused call ends with 1 and one line that says why; stdout stays empty."""
    out, err = ask(capsys, "hello", *argv, *extra, code=1)
    assert out == ""
    assert expected in err
    assert err.startswith("llmkit: ")
    assert err.count("\n") == 1
    assert len(at_provider.requests) == 1


def test_a_wrong_key_is_not_shown(
    capsys: pytest.CaptureFixture[str], at_provider: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused key is neither printed nor recognisable, and the variable to look at is named."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-invalid-0123456789abcdef")
    _, err = ask(capsys, "hello", code=1)
    assert "check the key" in err
    assert "sk-invalid-0123456789abcdef" not in err


def test_a_missing_key_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A model whose provider has no key set says which variable to set."""
    _, err = ask(capsys, "hello", "-m", "openai/gpt-4o-mini", code=1)
    assert "OPENAI_API_KEY" in err


def test_no_answer_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody listens, the address is suspected."""
    argv = ["-m", "m", "--base-url", "http://127.0.0.1:9/v1", "-o", "num_retries=0"]
    assert "--base-url" in ask(capsys, "hello", *argv, code=1)[1]


@pytest.mark.parametrize("terminal", [True, False])
def test_an_answer_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    """Escape sequences are taken out where they would act, and kept where they are data."""
    buffer = io.BytesIO()
    made = (Terminal if terminal else io.TextIOWrapper)(buffer, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", made)
    assert main(["a\tb \x1b[31m grün", "-m", "offline"]) == 0
    expected = b"a\tb [31m gr?n\n" if terminal else b"a\tb \x1b[31m gr?n\n"
    assert buffer.getvalue().endswith(expected)


# --- lists ------------------------------------------------------------------------------------


def test_providers_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each provider has a line that says which variable its key is in and whether it is set."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    out, err = ask(capsys, "providers")
    rows = {row.split()[0]: row for row in out.splitlines()}
    assert rows["NAME"].split()[1:3] == ["KEY", "SET"]
    assert rows["openai"].split()[1:4] == ["OPENAI_API_KEY", "yes", "https://api.openai.com/v1"]
    assert rows["groq"].split()[2] == "no"
    assert err == ""


def test_credentials_of_another_kind_than_a_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They count where they are complete; what needs none says so."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AZURE_AD_TOKEN"):
        monkeypatch.setenv(name, "x")
    rows = {row.split()[0]: row.split()[1:3] for row in ask(capsys, "providers")[0].splitlines()}
    assert rows["bedrock"] == ["AWS_BEARER_TOKEN_BEDROCK", "yes"]
    assert rows["sagemaker"] == ["AWS_ACCESS_KEY_ID", "yes"]
    assert rows["azure"] == ["AZURE_API_KEY", "no"]  # it has no address yet
    assert rows["vertex_ai"] == ["VERTEX_API_KEY", "no"]
    assert rows["lm_studio"] == ["LM_STUDIO_API_KEY", "not"]


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each model of the catalogue has a line with limits and prices; one provider can be chosen."""
    out, _ = ask(capsys, "models")
    head, *rows = out.splitlines()
    assert head.split()[:2] == ["NAME", "CONTEXT"]
    assert len(rows) > 50
    (mini,) = (row for row in rows if row.startswith("openai/gpt-4o-mini "))
    assert mini.split()[1:] == ["128,000", "16,384", "0.15", "0.6"]
    only, _ = ask(capsys, "models", "anthropic")
    assert {row.partition("/")[0] for row in only.splitlines()[1:]} == {"anthropic"}
    (whisper,) = (row for row in rows if row.startswith("openai/whisper-1 "))
    assert whisper.split()[-2:] == ["0.0001/second", "?"]


def test_the_catalogue_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    """Its revision, and how many models of whom."""
    out, _ = ask(capsys, "catalogue")
    lines = dict(line.split(None, 1) for line in out.splitlines() if line)
    assert lines["revision"] == llmkit.catalogue.revision()
    assert int(lines["openai"].replace(",", "")) == len(llmkit.catalogue.models("openai"))
    assert lines["models"].startswith(f"{len(llmkit.catalogue.models()):,} of ")
    assert "files" not in lines


def test_the_catalogue_is_refreshed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Kept where it is said, or where the environment looks for it; an older one is refused."""
    paths = {day: tmp_path / day for day in ("2027-01-01", "2027-01-02")}
    for day, path in paths.items():
        path.write_bytes(bundle("0.1", day))
    to = tmp_path / "kept"
    out, _ = ask(capsys, "catalogue", "refresh", str(paths["2027-01-01"]), "--to", str(to))
    assert out.startswith("revision  2027-01-01+")
    assert f"set LLMKIT_CATALOGUE={to} to have it used" in out
    monkeypatch.setenv("LLMKIT_CATALOGUE", str(to))
    try:
        llmkit.catalogue.default().forget()
        out, _ = ask(capsys, "catalogue", "refresh", str(paths["2027-01-02"]))
        assert f"kept at   {to}" in out
        assert "to have it used" not in out
        assert to.read_bytes() == paths["2027-01-02"].read_bytes()
        out, _ = ask(capsys, "catalogue")
        assert f"files     {to} (LLMKIT_CATALOGUE)" in out
        older = ["catalogue", "refresh", str(paths["2027-01-01"])]
        assert main(older) == 2
        assert "allow_older" in capsys.readouterr().err
        assert main([*older, "--allow-older"]) == 0
    finally:
        monkeypatch.undo()
        llmkit.catalogue.default().forget()


# --- as a program -----------------------------------------------------------------------------


def program(*argv: str, **options: Any) -> subprocess.Popen[bytes]:
    """The command line as a process of its own, with every warning an error."""
    command = [sys.executable, "-W", "error", "-m", "llmkit", *argv]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **{**pipes, **options})


def test_it_runs_as_a_program() -> None:
    """``python -m llmkit`` answers on a machine without a key."""
    with program("hello there") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.decode().endswith("hello there\n")
    assert b"answering offline" in err


def test_it_reads_a_real_pipe() -> None:
    """What another program prints becomes the question."""
    with program(stdin=subprocess.PIPE) as process:
        out, _ = process.communicate(b"hello from a pipe", timeout=60)
    assert process.returncode == 0
    assert b"hello from a pipe" in out


def test_help_loads_nothing_heavy() -> None:
    """``--help`` comes without the HTTP library, the models and the catalogue."""
    code = "import sys; from llmkit._cli import main; main(['--help']); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"httpx", "pydantic", "anyio", "http.server", "llmkit.client", "llmkit.catalogue"}
    assert done.returncode == 0
    assert not loaded & heavy


def test_a_reader_that_leaves_is_no_error() -> None:
    """``llmkit … | head`` ends quietly when head has seen enough."""
    with program("hello") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 141
        assert process.stderr is not None
        err = process.stderr.read()
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err


def endless(server: socket.socket, closed: threading.Event) -> None:
    """Answer one chat call with a stream that has no end, until the client goes away."""
    connection, _ = server.accept()
    delta = {"choices": [{"index": 0, "delta": {"content": "tick "}}]}
    event = f"data: {json.dumps(delta)}\n\n".encode()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        try:
            while True:
                connection.sendall(event)
                time.sleep(0.01)
        except OSError:
            closed.set()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_ctrl_c_closes_the_stream() -> None:
    """An interrupted answer ends with 130, without a traceback, and the provider is hung up on."""
    closed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=endless, args=(server, closed))
        thread.start()
        base_url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        with program("hello", "-m", "m", "--base-url", base_url) as process:
            assert process.stdout is not None
            assert process.stdout.read(10) == b"tick tick "
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert closed.wait(30)
        thread.join()
    assert process.returncode == 130
    assert out.endswith(b"\n")
    assert err == b""
