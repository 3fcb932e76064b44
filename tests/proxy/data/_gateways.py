"""A gateway in a process of its own, as an operator starts it, and callers who note what was answered."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from llmkit.proxy.settings import Settings

__all__ = ["Callers", "Process"]

_ASKED = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}


class Process:
    """``python -m llmkit.proxy``, in a group of its own."""

    def __init__(self, settings: Settings, *arguments: str) -> None:
        assert settings.master_key is not None
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        said = {
            "LLMKIT_MASTER_KEY": settings.master_key.reveal(),
            "LLMKIT_REQUESTS_A_MINUTE": "1000000",
        }
        self._command = [
            *(sys.executable, "-m", "llmkit.proxy", "--port", str(self.port)),
            *("--database-url", settings.database_url, "--config", str(settings.config)),
            *arguments,
        ]
        self._environment = os.environ | said
        self.log = Path(str(settings.config)).with_name("gateway.log")
        self.begin()

    def begin(self) -> None:
        """Start it, and return when it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health/liveliness").status_code < 500
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """All its processes at once, in the middle of whatever they do."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)

    def end(self) -> int:
        """Tell it to end, and wait until it has."""
        self._process.terminate()
        return self._process.wait(60)


class Callers:
    """Callers who ask as long as they are answered."""

    def __init__(self, origin: str, headers: dict[str, str]) -> None:
        self._origin, self._headers = origin, headers
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.answered: list[str] = []
        """The ids of requests whose answer came, whole."""

    def until(self, more: int, name: str) -> None:
        """Call from four threads until so many more were answered, and return while they still do."""
        goal = len(self.answered) + more
        self._stop.clear()
        self._threads = [
            threading.Thread(target=self._go_on, args=(f"{name}-{number}",)) for number in range(4)
        ]
        for thread in self._threads:
            thread.start()
        end = time.monotonic() + 60
        while len(self.answered) < goal:
            assert time.monotonic() < end, f"{len(self.answered)} of {goal} were answered"
            time.sleep(0.001)

    def leave(self) -> None:
        """No more."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _go_on(self, name: str) -> None:
        number = 0
        with httpx.Client(base_url=self._origin, headers=self._headers, timeout=30) as client:
            while not self._stop.is_set():
                number += 1
                try:
                    self._one(client, f"{name}-{number}", stream=number % 2 == 0)
                except httpx.TransportError:
                    # It was killed: this one was not answered.
                    return

    def _one(self, client: httpx.Client, request: str, *, stream: bool) -> None:
        asked = _ASKED | {"stream": stream}
        answer = client.post("/v1/chat/completions", json=asked, headers={"x-request-id": request})
        assert answer.status_code == 200, answer.text
        assert not stream or answer.text.rstrip().endswith("[DONE]"), answer.text
        with self._lock:
            self.answered.append(request)
