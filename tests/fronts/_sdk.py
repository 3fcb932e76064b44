"""What the official SDKs make of the fronts' events. Nothing of llmkit."""

from __future__ import annotations

from typing import Any


def message_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Anthropic's accumulator over events."""
    from anthropic.lib.streaming._beta_messages import accumulate_event

    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in events:
        if event["type"] not in ("ping", "message_stop"):
            snapshot = accumulate_event(
                event=event, current_snapshot=snapshot, json_bufs=buffers, request_headers={}
            )
    # Pictures are no block that its types know: it keeps them, and warns.
    made: dict[str, Any] = snapshot.to_dict(warnings=False)
    return made


def response_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """OpenAI's accumulator over events; the answer of the last one."""
    from openai import NOT_GIVEN
    from openai._models import construct_type
    from openai.lib.streaming.responses._responses import ResponseStreamState
    from openai.types.responses import ResponseStreamEvent

    state: Any = ResponseStreamState(input_tools=NOT_GIVEN, text_format=NOT_GIVEN)
    for event in events:
        typed: Any = construct_type(value=event, type_=ResponseStreamEvent)
        assert typed.type == event["type"]
        state.handle_event(typed)
    # It takes only a completed answer for one; what was cut off is in the last event all the same.
    last: dict[str, Any] = events[-1]["response"]
    completed = state._completed_response
    assert (completed is None) == (last["status"] != "completed")
    made: dict[str, Any] = last if completed is None else completed.to_dict()
    return made
