"""What the tests of a provider's adapter inherit: a hundred checks of one declaration and its wire.

Imported by tests only: it needs pytest. The checks are in the modules below, one for each thing they look at.
"""

from __future__ import annotations

from ._called import Called
from ._declared import Declared
from ._read import Read
from ._written import Written

__all__ = ["ProviderConformance"]


class ProviderConformance(Declared, Written, Read, Called):
    """Inherit from this, and say who is under test; pytest does the rest.

    Example::

        class TestAcme(ProviderConformance):
            provider = llmkit_acme.PROVIDER
            model = "acme-large"

    Attributes:
        provider: the declaration.
        model: the provider's name for one of its models.
        base_url: an address, where the provider has none of its own.
        environ: the environment variables that its address needs.
        answer_text: what the answers below say.
        answer_body, stream_bytes: for a wire that the simulator does not speak: an answer, whole and streamed.
        tool_body, tool_stream: the same for a call of ``get_weather`` with ``{"city": "Paris"}``.
        stream_error: an error as a stream's first event. Override ``error_body(status, message)`` as well.
        cut_every: at every how many bytes streams are cut; 1 is thorough.
    """
