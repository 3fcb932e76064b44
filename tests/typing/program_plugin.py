"""A provider of somebody else's, registered at run time. Checked by type checkers, never run."""

from __future__ import annotations

from dataclasses import dataclass

import llmkit
from llmkit.plugins import Flow, HTTPRequest, Identity, OpenAIChat, Provider


@dataclass(frozen=True, slots=True)
class Ticket:
    """A header of its own."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Add it, if there is one."""
        yield from ()
        if identity.secret is None:
            return request
        return request.with_headers({"x-ticket": identity.secret.reveal()})


PROVIDER = Provider(
    name="parrot",
    base_url="https://api.parrot.example/v2",
    chat=OpenAIChat(),
    key_env=("PARROT_API_KEY",),
    auth=Ticket(),
)


def ask() -> str:
    """The provider's model, once it is registered."""
    llmkit.register_provider(PROVIDER)
    answer = llmkit.completion("parrot/grey-1", [{"role": "user", "content": "Hello"}])
    return answer.text
