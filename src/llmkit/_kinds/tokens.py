"""``token_counter``, ``trim_messages``, ``encode`` and ``decode``: counting without a call, or with one where asked.

How tokens are counted is in ``tokens``, which is loaded when something is counted; which rule holds is the catalogue's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from typing_extensions import Unpack

from .. import catalogue
from .._control import plan
from .._control.address import model_of, resolve, uncalled
from .._control.structured import as_response_format, as_tools
from ..errors import ConfigurationError, InvalidRequestError, UnknownProviderError
from .counting import CountCalls

if TYPE_CHECKING:
    from ..catalogue import Catalogue
    from ..tokens import CountedTokens, Trimmed
    from ..types.listing import TokenCount
    from ..types.params import CallOptions

__all__ = ["TokenCalls", "decode", "encode"]

_COUNTED = "counted by the provider"


class TokenCalls(CountCalls):
    """Tokens counted here, and conversations trimmed by that."""

    def token_counter(
        self,
        model: str,
        messages: Sequence[Any] | None = None,
        *,
        text: str | Sequence[str] | None = None,
        tools: Sequence[Any] | None = None,
        tool_choice: Any = None,
        response_format: Any = None,
        count_response_tokens: bool = False,
        exact: bool = False,
        **options: Unpack[CallOptions],
    ) -> CountedTokens:
        """Count the tokens of a prompt. Nothing is sent, unless ``exact`` has to ask the provider.

        Args:
            model: ``provider/model``; a bare name that the catalogue does not know is counted by what it looks like.
            messages: the conversation, as ``completion`` takes it, with what the provider puts around it.
            text: plain text instead (or several), with nothing around it.
            tools: as of ``completion``; functions and classes, too.
            tool_choice: as of ``completion``.
            response_format: as of ``completion``.
            count_response_tokens: ``messages`` are answers: count only what the model wrote.
            exact: where the count would be an estimate, ask the provider's own count endpoint.
            **options: of the call that ``exact`` makes, such as ``api_key``.

        Returns:
            The number, which says whether it is ``exact``, what it is ``at_most``, and why (``notes``).

        Raises:
            InvalidRequestError: there is nothing to count, or what is given is of another shape.
            ConfigurationError: ``exact``, and the provider counts no tokens; or an encoding cannot be loaded.
            APIError: ``exact``, and the provider's count failed.
        """
        params = _params(tools, tool_choice, response_format)
        rule = _rule(self._catalogue, model, options)
        counted = _counted(rule, messages, text, params, written=count_response_tokens)
        if counted.exact or not exact:
            return counted
        asked = _asked(messages, text, written=count_response_tokens)
        return _told(self.count_tokens(model, asked, **params, **options))

    async def atoken_counter(
        self,
        model: str,
        messages: Sequence[Any] | None = None,
        *,
        text: str | Sequence[str] | None = None,
        tools: Sequence[Any] | None = None,
        tool_choice: Any = None,
        response_format: Any = None,
        count_response_tokens: bool = False,
        exact: bool = False,
        **options: Unpack[CallOptions],
    ) -> CountedTokens:
        """``token_counter`` for async code, on asyncio or trio.

        Args:
            model: ``provider/model``; a bare name that the catalogue does not know is counted by what it looks like.
            messages: the conversation, as ``completion`` takes it, with what the provider puts around it.
            text: plain text instead (or several), with nothing around it.
            tools: as of ``completion``; functions and classes, too.
            tool_choice: as of ``completion``.
            response_format: as of ``completion``.
            count_response_tokens: ``messages`` are answers: count only what the model wrote.
            exact: where the count would be an estimate, ask the provider's own count endpoint.
            **options: of the call that ``exact`` makes, such as ``api_key``.

        Returns:
            The number, which says whether it is ``exact``, what it is ``at_most``, and why (``notes``).

        Raises:
            InvalidRequestError: there is nothing to count, or what is given is of another shape.
            ConfigurationError: ``exact``, and the provider counts no tokens; or an encoding cannot be loaded.
            APIError: ``exact``, and the provider's count failed.
        """
        params = _params(tools, tool_choice, response_format)
        rule = _rule(self._catalogue, model, options)
        counted = _counted(rule, messages, text, params, written=count_response_tokens)
        if counted.exact or not exact:
            return counted
        asked = _asked(messages, text, written=count_response_tokens)
        return _told(await self.acount_tokens(model, asked, **params, **options))

    @overload
    def trim_messages(
        self,
        messages: Sequence[Any],
        model: str,
        *,
        max_tokens: int | None = None,
        trim_ratio: float = 0.75,
        tools: Sequence[Any] | None = None,
        return_response_tokens: Literal[False] = False,
    ) -> list[Any]: ...

    @overload
    def trim_messages(
        self,
        messages: Sequence[Any],
        model: str,
        *,
        max_tokens: int | None = None,
        trim_ratio: float = 0.75,
        tools: Sequence[Any] | None = None,
        return_response_tokens: Literal[True],
    ) -> Trimmed: ...

    def trim_messages(
        self,
        messages: Sequence[Any],
        model: str,
        *,
        max_tokens: int | None = None,
        trim_ratio: float = 0.75,
        tools: Sequence[Any] | None = None,
        return_response_tokens: bool = False,
    ) -> list[Any] | Trimmed:
        """Leave the oldest messages out until the rest fits. A tool's call and its result stay together.

        Args:
            messages: the conversation; it is left as it is.
            model: whose tokens are counted, and whose limit holds.
            max_tokens: most tokens of the prompt; by default ``trim_ratio`` of the model's input limit. With neither
                known, all messages come back.
            trim_ratio: see ``max_tokens``.
            tools: what is sent along, and counts, too.
            return_response_tokens: also answer how many tokens are left under the limit.

        Raises:
            CannotTrimError: instructions and the newest turn are over the limit, however they are shortened.
            InvalidRequestError: ``messages`` is no list of messages, or a limit no number.
        """
        from ..tokens import count, plain_messages, trimmed  # noqa: PLC0415 - only when something is counted

        provider, name = _named(self._catalogue, model, None)
        rule = self._catalogue.counting(provider, name)
        known = model_of(self._catalogue, provider, name)
        params = _params(tools, None, None)
        found = trimmed(
            plain_messages(messages),
            lambda some: int(count(rule, messages=some, **params)),
            max_tokens=max_tokens,
            max_input_tokens=known.max_input_tokens if known else None,
            trim_ratio=trim_ratio,
        )
        return found if return_response_tokens else found.messages


def encode(model: str, text: str) -> list[int]:
    """The tokens of a text, for a model whose encoding is public. Special tokens in it are ordinary text.

    Raises:
        ConfigurationError: no public encoding is known for the model, or it is not on this machine.
        InvalidRequestError: it is no text.
    """
    from ..tokens import encode as encoded  # noqa: PLC0415 - only when something is counted

    return encoded(_rule(catalogue.default(), model, {}), text)


def decode(model: str, tokens: Sequence[int]) -> str:
    """The text of tokens; bytes that are no UTF-8 become U+FFFD.

    Raises:
        ConfigurationError: as ``encode`` does; or a number is no token of the model's.
    """
    from ..tokens import decode as decoded  # noqa: PLC0415 - only when something is counted

    return decoded(_rule(catalogue.default(), model, {}), tokens)


def _rule(known: Catalogue, model: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """What counts the model's tokens."""
    if options:
        plan.asked(options, {})
    return known.counting(*_named(known, model, options.get("custom_llm_provider")))


def _counted(
    rule: Mapping[str, Any],
    messages: Sequence[Any] | None,
    text: str | Sequence[str] | None,
    params: Mapping[str, Any],
    *,
    written: bool,
) -> CountedTokens:
    from ..tokens import count, plain_messages, texts  # noqa: PLC0415 - only when something is counted

    if messages is None and text is None:
        raise InvalidRequestError("token_counter needs messages or a text", param="messages")
    plain = texts(text)
    said = None if messages is None else plain_messages(messages)
    if said is not None and written:
        return count(rule, text=[*plain, *_answers(said)])
    return count(rule, text=plain, messages=said, **params)


def _named(known: Catalogue, model: str, provider: Any) -> tuple[str, str]:
    """Provider and model; no provider where only a name is given that nobody, or more than one, lists."""
    own = uncalled(known, model) if provider is None else None
    if own is not None:
        return own.provider, own.name
    try:
        found, name = resolve(model, provider, known)
    except UnknownProviderError:
        if provider is not None or "/" in model:
            raise
        return "", model
    return found.name, name


def _params(tools: Any, tool_choice: Any, response_format: Any) -> dict[str, Any]:
    """What is given, with functions and classes as what a chat would send of them."""
    params: dict[str, Any] = {}
    if tools:
        params["tools"] = as_tools(tools)
    if tool_choice is not None:
        params["tool_choice"] = tool_choice
    if response_format is not None:
        made, _, _ = as_response_format(response_format)
        if not isinstance(made, Mapping):
            raise InvalidRequestError(
                "response_format must be {'type': …} or a pydantic class", param="response_format"
            )
        params["response_format"] = made
    return params


def _answers(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a model wrote: texts, names and arguments."""
    texts = []
    for message in messages:
        content = message.get("content") or ""
        parts = content if isinstance(content, list | tuple) else [content]
        texts += [part if isinstance(part, str) else _field(part, "text") for part in parts]
        for call in message.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, Mapping) else call
            texts += [_field(function, "name"), _field(function, "arguments")]
    return texts


def _field(given: Any, name: str) -> str:
    if not isinstance(given, Mapping):
        raise InvalidRequestError(
            f"an answer's parts and calls must be dicts, not {type(given).__name__}",
            param="messages",
        )
    return str(given.get(name) or "")


def _asked(messages: Sequence[Any] | None, text: Any, *, written: bool) -> Sequence[Any]:
    """The messages, if it is them alone that the provider can count."""
    if messages is None or text is not None or written:
        raise ConfigurationError(
            "this model's tokens can only be counted exactly by its provider, and a provider counts "
            "messages alone: give messages, or take the estimate"
        )
    return messages


def _told(answer: TokenCount) -> CountedTokens:
    from ..tokens import CountedTokens  # noqa: PLC0415 - only when something is counted

    return CountedTokens(answer.input_tokens, exact=True, notes=(_COUNTED,))
