"""``Router`` as LiteLLM's programs use it: an ``llmkit.Router``, with this layer's answers, exceptions and loggers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final

from typing_extensions import override

from ... import router as llmkit_router
from ..._io._together import fastest, together
from ...errors import LLMKitError
from . import _mock
from ._absent import AbsentNameError
from ._arguments import with_positions
from ._calling import acall, call
from ._clients import how
from ._custom import register
from ._custom_calls import CustomClient
from ._settings import setting
from ._streams import raised
from ._vetting import Vetting, vet, vetted

__all__ = ["Router"]

_ALSO: Final = (
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "default_fallbacks",
    "fallbacks",
    "num_retries",
)
"""Settings that are keywords of a router's."""


class _Router(CustomClient, llmkit_router.Router):
    """An ``llmkit.Router`` that reaches custom providers, and asks loggers who may be asked."""

    @override
    def _vet(self, group: str, member: Any) -> Any:
        return vet(group, member)

    def vetting(self, named: dict[str, Any], *, awaited: bool) -> AbstractContextManager[None]:
        """What a call is made in, for its loggers to be asked."""
        return vetted(Vetting(named, self._table, self._clock.now, awaited=awaited))


class Router:
    """Deployments to choose from. All keywords of ``llmkit.Router``, and LiteLLM's for the same.

    Args:
        model_list: the deployments, as in LiteLLM.
        **settings: see ``llmkit.Router``; one that is not known is an error.

    Raises:
        ConfigurationError: something in it is wrong; of LiteLLM's class ``BadRequestError``.
    """

    def __init__(self, model_list: Sequence[Any] | None = None, **settings: Any) -> None:
        usual = how(awaited=False) | {name: setting(name) for name in _ALSO}
        usual["timeout"] = setting("request_timeout")
        given = {name: value for name, value in settings.items() if value is not None}
        told = {name: value for name, value in usual.items() if value is not None}
        given["callbacks"] = (*told.pop("callbacks"), *given.get("callbacks", ()))
        try:
            register()
            self._settings = {**told, **given}
            self.llmkit = _Router(model_list, **self._settings)
        except LLMKitError as error:
            raise raised(error) from error.__cause__

    @property
    def model_list(self) -> list[Any]:
        """The deployments, as in LiteLLM."""
        return list(self.get_model_list() or ())

    def _told(self, name: str, given: Any, named: Any) -> dict[str, Any]:
        return _mock.fallen(with_positions(name, given, named), self._settings)

    def completion(self, *given: Any, **named: Any) -> Any:
        """Ask a group; as ``litellm.completion``."""
        return call("completion", (), self._told("completion", given, named), self.llmkit)

    async def acompletion(self, *given: Any, **named: Any) -> Any:
        """``completion`` for async code; its second argument is ``messages``."""
        return await acall("completion", (), self._told("acompletion", given, named), self.llmkit)

    def embedding(self, *given: Any, **named: Any) -> Any:
        """Vectors of texts."""
        return call("embedding", given, named, self.llmkit)

    async def aembedding(self, *given: Any, **named: Any) -> Any:
        """``embedding`` for async code."""
        return await acall("embedding", given, named, self.llmkit)

    def text_completion(self, model: str, prompt: Any, **named: Any) -> Any:
        """Complete a text."""
        return call("text_completion", (prompt, model), named, self.llmkit)

    async def atext_completion(self, model: str, prompt: Any, **named: Any) -> Any:
        """``text_completion`` for async code."""
        return await acall("text_completion", (prompt, model), named, self.llmkit)

    def responses(self, *given: Any, **named: Any) -> Any:
        """The responses API."""
        return call("responses", given, named, self.llmkit)

    async def aresponses(self, *given: Any, **named: Any) -> Any:
        """``responses`` for async code."""
        return await acall("responses", given, named, self.llmkit)

    def image_generation(self, *given: Any, **named: Any) -> Any:
        """Pictures."""
        return call("image_generation", given, named, self.llmkit)

    async def aimage_generation(self, *given: Any, **named: Any) -> Any:
        """``image_generation`` for async code."""
        return await acall("image_generation", given, named, self.llmkit)

    async def atranscription(self, file: Any, model: str, **named: Any) -> Any:
        """A recording's text."""
        return await acall("transcription", (model, file), named, self.llmkit)

    async def aspeech(self, model: str, input: str, voice: Any = None, **named: Any) -> Any:  # noqa: A002
        """A text, spoken."""
        return await acall("speech", (model, input, voice), named, self.llmkit)

    def rerank(self, *given: Any, **named: Any) -> Any:
        """Documents by how well they fit."""
        return call("rerank", given, named, self.llmkit)

    async def arerank(self, *given: Any, **named: Any) -> Any:
        """``rerank`` for async code."""
        return await acall("rerank", given, named, self.llmkit)

    async def amoderation(self, *given: Any, **named: Any) -> Any:
        """What is objectionable in texts."""
        return await acall("moderation", given, named, self.llmkit)

    async def abatch_completion(
        self, models: Sequence[str], messages: Any, **named: Any
    ) -> list[Any]:
        """Ask several groups the same; where ``messages`` are several conversations, each of them of all."""
        several = bool(messages) and isinstance(messages[0], list | tuple)
        found = []
        for one in messages if several else [messages]:
            asks = [partial(self.acompletion, model, one, **named) for model in models]
            found.append(await together(asks))
        return found if several else found[0]

    async def abatch_completion_one_model_multiple_requests(
        self, model: str, messages: Sequence[Any], **named: Any
    ) -> list[Any]:
        """Ask one group several things."""
        return await together([partial(self.acompletion, model, one, **named) for one in messages])

    async def abatch_completion_fastest_response(
        self, model: str, messages: Any, **named: Any
    ) -> Any:
        """Ask several groups (``"a, b"``) at once, and take the first answer; the others may be billed, too."""
        names = [name.strip() for name in model.split(",") if name.strip()]
        return await fastest([partial(self.acompletion, name, messages, **named) for name in names])

    async def schedule_acompletion(
        self, model: str, messages: Any, priority: int, **named: Any
    ) -> Any:
        """``acompletion`` with a ``priority``: who waits for a free deployment goes in its order."""
        return await self.acompletion(model, messages, priority=priority, **named)

    def __getattr__(self, name: str) -> Any:
        """Whatever else an ``llmkit.Router`` has, such as ``get_model_names``, ``set_model_list``, ``route``."""
        if name == "llmkit":
            raise AttributeError(name)
        if name.startswith("__") or hasattr(self.llmkit, name):
            return getattr(self.llmkit, name)
        raise AbsentNameError(f"a Router has no {name!r}: docs/router.md says what it has")

    @override
    def __repr__(self) -> str:
        return f"<litellm of {self.llmkit!r}>"
