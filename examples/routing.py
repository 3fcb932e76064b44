"""Two groups of deployments: who would be asked, a call that falls back, and how each deployment is afterwards.

Run: python examples/routing.py
"""

from __future__ import annotations

from _offline import a_provider

from llmkit.router import Deployment, Router


def main() -> None:
    """Ask a group whose only model is not there; the other group answers."""
    deployments = [
        Deployment("fast", "openai/missing-model", id="gone"),
        Deployment("careful", "openai/gpt-4o-mini", id="there", rpm=500, max_parallel=20),
    ]
    with Router(deployments, fallbacks=[{"fast": ["careful"]}]) as router:
        messages = [{"role": "user", "content": "Are you there?"}]
        print(router.route("fast", messages).why)
        response = router.completion("fast", messages)
        print(f"{response.call.group}: {response.call.deployment}")
        for attempt in response.call.attempts:
            print(attempt.number, attempt.deployment, attempt.error or "answered")
        for one in router.deployments():
            print(one.id, one.state, one.reason)


if __name__ == "__main__":
    with a_provider():
        main()
