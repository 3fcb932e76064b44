"""What OpenAI puts around a conversation, as numbers of tokens for each family of models. Nothing is counted here.

Not documented: worked out from recorded usage, where a form stands for dozens of calls. The families are told by
what a message looks like to the model: https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken_client
(chat, plain messages) and https://cookbook.openai.com/articles/openai-harmony (reasoning), both read 2026-11-22.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["FORMS", "Form"]


class Form(NamedTuple):
    """Tokens beside the texts. ``shown``: the kinds of content for which recordings show the count to be exact."""

    shown: frozenset[str]
    message: int = 3
    """Around a message, beside its role."""
    primer: int = 3
    """What starts the answer."""
    answer: int = 0
    """More around an answer of the model: the channel."""
    call: int = 7
    """Before a call of a tool, beside the tool's name; ``result`` before what it answered."""
    result: int = 6
    calls: int = 10
    """Before calls made at once, which are one message; ``results`` before their answers, which are one, too."""
    results: int = 10
    tools: int = -1
    """Beside the text that declares the tools."""
    instructed: int = 0
    """A heading over the instructions, where tools or a schema follow them."""
    choice: int | None = 7
    """For a tool that has to be called, beside its name; ``None``: nothing is said of it."""
    schema: int | None = 2
    """Beside the text of a schema, and then its name once more, unless there are tools; ``None``: nothing."""
    sound: int = 0
    """Around a piece of sound."""
    undescribed: bool = True
    """Whether tools without a description have been seen."""


_PLAIN: Final = frozenset({"plain"})
_ALL: Final = frozenset({"plain", "tools", "choice", "schema", "history", "parallel"})
# A message of a reasoning model names its channel.
_REASONING: Final = Form(
    _ALL - {"headed schema"},
    primer=2,
    answer=2,
    call=10,
    result=9,
    calls=13,
    results=13,
    tools=0,
    instructed=3,
    choice=None,
    schema=None,
)

FORMS: Final = {
    "openai-chat": Form(_ALL | {"headed schema", "tools and schema"}),
    "openai-chat-0301": Form(_PLAIN, message=4),
    "openai-reasoning": _REASONING,
    # Declares, beside the functions, the tool that calls several at once.
    "openai-gpt-5": _REASONING._replace(tools=81, undescribed=False),
    "openai-audio": Form(_PLAIN, primer=2, sound=5),
    # Only the texts are counted.
    "openai-search": Form(_PLAIN, message=-1, primer=0),
}
