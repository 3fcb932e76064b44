"""Asking one question: who is asked, what is sent, and what is shown while the answer comes.

The client is closed and the call settled however this ends, Ctrl-C and a broken pipe included.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from .. import Client
from . import _input, _output
from ._target import choose

if TYPE_CHECKING:
    import argparse

    from ..types.chat import ChatCompletion

__all__ = ["ask"]


def ask(arguments: argparse.Namespace) -> None:
    """Ask what *arguments* say and show the answer."""
    question, *files = arguments.words or [None]
    paths = [*files, *arguments.more_files]
    messages = _input.messages(question, arguments.system, paths, _input.piped())
    with ExitStack() as stack:
        target = choose(arguments.model, arguments.base_url, stack)
        if target.note:
            _output.note(target.note)
        client = stack.enter_context(Client())
        params = {**target.params(), "messages": messages, **dict(arguments.options)}
        if arguments.timeout is not None:
            params["timeout"] = arguments.timeout
        _answered(client, params, arguments)


def _answered(client: Client, params: dict[str, Any], arguments: argparse.Namespace) -> None:
    # Several answers at once would come out word by word in turns.
    streams = not (arguments.no_stream or arguments.json or params.get("n", 1) != 1)
    if arguments.dry_run:
        return _dry_run(client, params, stream=streams)
    response = _streamed(client, params) if streams else client.completion(**params)
    if arguments.json:
        print(_output.as_json(response))
    elif not streams:
        _show(response)
    for remark in _output.remarks(response):
        _output.note(remark)
    if arguments.verbose or sys.stderr.isatty():
        for text in _output.summary(response):
            _output.note(text)
    return None


def _streamed(client: Client, params: dict[str, Any]) -> ChatCompletion:
    writer = _output.Writer()
    with client.completion(**params, stream=True) as stream:
        try:
            for chunk in stream:
                for choice in chunk.choices:
                    writer.delta(choice.delta)
        except BrokenPipeError:
            raise
        except BaseException:
            # What follows on the terminal starts on a line of its own.
            writer.end_line()
            raise
        response: ChatCompletion = stream.response
    for choice in response.choices:
        writer.calls(choice)
    writer.end_line()
    return response


def _show(response: ChatCompletion) -> None:
    for number, choice in enumerate(response.choices):
        writer = _output.Writer()
        writer.write("\n" if number else "")
        writer.choice(choice)


def _dry_run(client: Client, params: dict[str, Any], *, stream: bool) -> None:
    request = client.completion(**params, stream=stream, dry_run=True)
    print(json.dumps(request.to_dict(), indent=2, ensure_ascii=False, default=str))
