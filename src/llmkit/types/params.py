"""Parameters of a chat call, declared once: ``**params: Unpack[ChatParams]``.

Source: https://platform.openai.com/docs/api-reference/chat/create, read 2026-11-22. What a provider does not take
is refused before anything is sent; ``extra_body`` is the door for fields of one provider.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from typing_extensions import TypedDict

from .._call import MediaPolicy, Timeouts

__all__ = [
    "CallOptions",
    "ChatParams",
    "ClientOptions",
    "DeploymentOptions",
    "DeploymentParams",
    "Effort",
    "ModelParams",
]

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ModelParams(TypedDict, total=False):
    """What goes to the model. A key that is absent is not sent; ``None`` counts as absent."""

    temperature: float | None
    """Randomness, 0 to 2."""
    top_p: float | None
    """Sample from the likeliest tokens that make up this probability, 0 to 1."""
    top_k: int | None
    """Sample from this many likeliest tokens; not OpenAI's."""
    n: int | None
    """How many answers."""
    stop: str | Sequence[str] | None
    """Texts that end the answer; they are not part of it."""
    max_tokens: int | None
    """Most tokens of the answer; older name, taken everywhere."""
    max_completion_tokens: int | None
    """Most tokens of the answer, reasoning included."""
    presence_penalty: float | None
    """-2 to 2; more than 0 drives towards new topics."""
    frequency_penalty: float | None
    """-2 to 2; more than 0 keeps from repeating."""
    logit_bias: Mapping[str, float] | None
    """Token id to bias, -100 to 100."""
    logprobs: bool | None
    """Whether to return log-probabilities."""
    top_logprobs: int | None
    """How many alternatives for each token, 0 to 20."""
    seed: int | None
    """For answers as repeatable as the provider can make them."""
    user: str | None
    """Your end user's id, for the provider's abuse detection."""
    tools: Sequence[Mapping[str, Any] | Callable[..., Any] | type] | None
    """Tools: OpenAI's dicts, Python functions (signature and docstring are read), or pydantic classes."""
    tool_choice: str | Mapping[str, Any] | None
    """``auto``, ``none``, ``required``, or one tool."""
    parallel_tool_calls: bool | None
    """Whether several tools may be called at once."""
    functions: Sequence[Mapping[str, Any]] | None
    """OpenAI's older form of tools."""
    function_call: str | Mapping[str, Any] | None
    """OpenAI's older form of ``tool_choice``."""
    response_format: Mapping[str, Any] | type | None
    """``{"type": "json_object"}``, ``{"type": "json_schema", …}``, or a pydantic class (then ``.parsed``)."""
    reasoning_effort: Effort | str | None
    """How much the model should think."""
    thinking: Mapping[str, Any] | None
    """Thinking as Anthropic, DeepSeek and Z.ai spell it: ``{"type": "enabled", …}``."""
    verbosity: Literal["low", "medium", "high"] | None
    """How long answers should be."""
    modalities: Sequence[str] | None
    """What kinds of output: ``text``, ``audio``, ``image``."""
    audio: Mapping[str, Any] | None
    """Voice and format of spoken output."""
    prediction: Mapping[str, Any] | None
    """Text that most of the answer is expected to equal, to be faster."""
    web_search_options: Mapping[str, Any] | None
    """Let the model search the web."""
    service_tier: str | None
    """``auto``, ``default``, ``flex``, ``priority`` …; it changes the price."""
    store: bool | None
    """Whether the provider keeps the exchange."""
    metadata: Mapping[str, str] | None
    """Tags that the provider keeps with the exchange."""
    prompt_cache_key: str | None
    """Requests with one key are sent where their prompt is likely cached."""
    prompt_cache_retention: str | None
    """How long the cached prompt is kept: ``in_memory`` or ``24h``."""
    safety_identifier: str | None
    """A stable, hashed id of your end user, for the provider's safety systems."""
    stream_options: Mapping[str, Any] | None
    """``include_usage``: whether you want the closing chunk of usage (usage is kept on the stream anyway)."""


class DeploymentOptions(TypedDict, total=False):
    """How somebody is asked: what a router's deployment can say of its calls, and each call by itself."""

    base_url: str | None
    """Another address for the provider's API."""
    api_base: str | None
    """LiteLLM's name for ``base_url``."""
    api_version: str | None
    """The API's version, where the provider has it in the query."""
    custom_llm_provider: str | None
    """The provider, where ``model`` does not name it."""
    organization: str | None
    """The OpenAI organisation to bill."""
    timeout: float | Timeouts | None
    """Seconds for the whole call, or ``Timeouts``."""
    stream_timeout: float | None
    """Seconds until a stream's first chunk."""
    num_retries: int | None
    """How often to try again after a failure that may pass."""
    max_retries: int | None
    """OpenAI's name for ``num_retries``."""
    drop_params: bool | None
    """Leave out what the provider does not take, listed in the ledger, instead of refusing."""
    additional_drop_params: Sequence[str] | None
    """Parameters to leave out whatever the provider takes."""
    allowed_openai_params: Sequence[str] | None
    """Parameters to send even where the provider is said not to take them."""
    extra_headers: Mapping[str, str] | None
    """Headers to send along."""
    headers: Mapping[str, str] | None
    """LiteLLM's other name for ``extra_headers``."""
    extra_query: Mapping[str, str] | None
    """Query parameters to send along."""
    extra_body: Mapping[str, Any] | None
    """Fields to put into the request's body as they are."""
    fetch_media: bool | MediaPolicy | None
    """Fetch images and files that the provider cannot fetch itself: ``True``, or a ``MediaPolicy``."""
    region_name: str | None
    """Where the provider's computers stand, for those that ask; the provider's own name for it goes first."""
    project_id: str | None
    """The project to bill, where there are such: watsonx."""
    space_id: str | None
    """The deployment space to bill: watsonx."""
    account_id: str | None
    """The account, where it is part of the address: Cloudflare, Snowflake."""
    aws_access_key_id: str | None
    """AWS: the key's id."""
    aws_secret_access_key: str | None
    """AWS: the key itself."""
    aws_session_token: str | None
    """AWS: what goes with a temporary key."""
    aws_region_name: str | None
    """AWS: the region."""
    aws_profile_name: str | None
    """AWS: a profile of the shared configuration files."""
    aws_role_name: str | None
    """AWS: the ARN of a role to take on."""
    aws_session_name: str | None
    """AWS: what the session with that role is called in the logs."""
    aws_external_id: str | None
    """AWS: what the role's owner asks for."""
    aws_web_identity_token: str | None
    """AWS: a token of another identity provider, or the path of a file that holds one."""
    aws_sts_endpoint: str | None
    """AWS: where roles are asked for."""
    aws_bedrock_runtime_endpoint: str | None
    """AWS: another address of Bedrock."""
    vertex_project: str | None
    """Google Cloud: the project to bill."""
    vertex_location: str | None
    """Google Cloud: the region, or ``global``."""
    vertex_credentials: str | Mapping[str, Any] | None
    """Google Cloud: credentials as JSON, parsed, or the path of a file that holds them."""
    azure_ad_token: str | None
    """Azure: a Microsoft Entra token."""
    azure_ad_token_provider: Callable[[], Any] | None
    """Azure: a function (or coroutine function) that returns one."""
    azure_scope: str | None
    """Azure: what a token is asked for."""
    tenant_id: str | None
    """Azure: the directory of an application that signs in for itself."""
    client_id: str | None
    """Azure, Databricks: the application's id."""
    client_secret: str | None
    """Azure, Databricks: the application's secret."""
    base_model: str | None
    """The model behind a deployment whose name does not tell; its price holds."""
    input_cost_per_token: float | str | Decimal | None
    """What you pay for a token of the prompt, in USD. This and the other prices go before the catalogue's for the same
    thing; what neither says has no price, and a call that uses it a cost that is unknown. Every price field of
    LiteLLM's that the catalogue understands can be given, so also ``input_cost_per_token_above_200k_tokens`` or
    ``output_cost_per_token_batches``."""
    output_cost_per_token: float | str | Decimal | None
    """What you pay for a token of the answer, in USD."""
    input_cost_per_second: float | str | Decimal | None
    """What you pay for a second of speech that is heard, in USD."""
    output_cost_per_second: float | str | Decimal | None
    """What you pay for a second of speech or film that is made, in USD."""
    input_cost_per_character: float | str | Decimal | None
    """What you pay for a character that is spoken, in USD."""
    output_cost_per_image: float | str | Decimal | None
    """What you pay for a picture that is made, in USD."""
    input_cost_per_query: float | str | Decimal | None
    """What you pay for a search of a reranking, in USD."""
    input_cost_per_request: float | str | Decimal | None
    """What you pay for each request beside all else, in USD."""
    input_cost_per_audio_token: float | str | Decimal | None
    """What you pay for a token of speech that is heard, in USD."""
    output_cost_per_audio_token: float | str | Decimal | None
    """What you pay for a token of speech that is made, in USD."""
    output_cost_per_reasoning_token: float | str | Decimal | None
    """What you pay for a token of reasoning, in USD, where that is not what other tokens of the answer cost."""
    cache_read_input_token_cost: float | str | Decimal | None
    """What you pay for a token of the prompt that was read from a cache, in USD."""
    cache_creation_input_token_cost: float | str | Decimal | None
    """What you pay for a token of the prompt that was written to a cache, in USD."""
    max_cost: float | str | Decimal | None
    """The most that one attempt can cost, in USD, by your own word: a budget holds this where nobody else can say.
    Where it is known that an attempt may cost more, nothing is sent."""
    mock_response: Any
    """Answer this (or raise it) without asking anybody."""


class ClientOptions(DeploymentOptions, total=False):
    """What a client can say for all of its calls, and each call by itself; nothing of it is sent to the model."""

    api_key: str | Callable[[], str | Awaitable[str]] | None
    """The key, or a function (or coroutine function) that returns it and is asked before every request; otherwise
    the provider's environment variables."""
    fallbacks: Sequence[str | Mapping[str, Any]] | None
    """Models to try, in order, when this one fails; a mapping overrides parameters too."""
    disable_fallbacks: bool | None
    """Router: try no other group than the one asked for."""
    context_window_fallbacks: Sequence[Mapping[str, Sequence[str]]] | None
    """Router: which groups to try where a prompt is too long for this one: ``[{"small": ["large"]}]``."""
    content_policy_fallbacks: Sequence[Mapping[str, Sequence[str]]] | None
    """Router: which groups to try where a provider's safety rules refused."""
    priority: int | None
    """Router: who waits for a free deployment goes in this order, the lowest number first; 0 if not said."""
    allowed_model_region: str | None
    """Router: ask only deployments of this region, such as ``eu``."""
    tags: str | Sequence[str] | None
    """What the call belongs to, for budgets: names of your own. It is not sent."""
    team: str | None
    """Whose team's budgets count the call. It is not sent."""
    customer: str | None
    """Which customer's budgets count the call. It is not sent."""
    subscription: str | None
    """Which subscription is billed for the call, where there is billing. It is not sent, and no budget's affair."""
    session: str | None
    """Which session's budgets count the call. It is not sent."""


class CallOptions(ClientOptions, total=False):
    """What llmkit does with the call; nothing of it is sent to the model."""

    cache: Mapping[str, Any] | None
    """What the call wants of the client's cache: ``no-cache`` (do not look), ``no-store`` (do not keep), ``ttl`` and
    ``s-maxage`` (seconds: how long to keep, how old an answer may be), ``namespace``, ``use-cache``. It is not sent."""
    caching: bool | None
    """Whether the client's cache is used, whatever its ``mode``. It is not sent."""


class DeploymentParams(ModelParams, DeploymentOptions, total=False):
    """What a router's deployment can say of its calls, but for its key."""


class ChatParams(ModelParams, CallOptions, total=False):
    """All keywords of ``completion`` but ``model``, ``messages`` and ``stream``."""
