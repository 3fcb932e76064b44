"""A guard that lets nothing leave the machine: whoever tries to connect or resolve is told where that happened.

One audit hook for the process (it can never be removed) that looks at nothing while no guard is active. Patching the
``socket`` module instead would miss who imported its functions before, and ``_socket``. Standard library only.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final, Self

__all__ = ["LOOPBACK", "NetworkBlockedError", "no_network"]

LOOPBACK: Final = ("127.0.0.0/8", "::1", "localhost")
"""What a guard allows unless it is told otherwise."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_INTERNET: Final = frozenset({socket.AF_INET, socket.AF_INET6})


class NetworkBlockedError(RuntimeError):
    """Something tried to leave the machine under ``no_network``. No ``OSError``, so that nobody tries again.

    ``host`` and ``port`` say where it wanted to go, ``place`` is the file and line that asked for it.
    """

    def __init__(self, what: str, host: str, port: object, place: str) -> None:
        target = host if port is None else f"{host}, port {port}"
        super().__init__(f"no_network: {what} {target} is not allowed; asked for at {place}")
        self.host, self.port, self.place = host, port, place


class no_network:  # noqa: N801 - reads as the statement it makes: with no_network():
    """``with no_network():`` nothing in this process may connect to or resolve what is not loopback.

    It holds for sync code, asyncio, trio and all threads. The innermost guard decides. It does not see other
    processes, nor connections that C libraries make by themselves (uvloop, gRPC, database drivers in C).

    Args:
        allow: addresses, networks (``10.0.0.0/8``) and host names that may be reached, instead of ``LOOPBACK``. A
            name's addresses may be connected to once it has been resolved.
        strict: whether an attempt whose error was swallowed is raised at the end of the block.

    Raises:
        NetworkBlockedError: at the place of the attempt, and again at the end if nothing came of it.
        ValueError: an entry of ``allow`` is no address, network or name.
    """

    def __init__(self, allow: Iterable[str] = LOOPBACK, *, strict: bool = True) -> None:
        self.attempts: list[NetworkBlockedError] = []
        """What was refused, in order."""
        self._strict = strict
        self._names: set[str] = set()
        self._networks: list[_Network] = []
        self._resolved: set[str] = set()
        for entry in [allow] if isinstance(allow, str) else allow:
            self._admit(entry)

    def _admit(self, entry: str) -> None:
        try:
            self._networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            if not entry or "/" in entry or ":" in entry:
                raise ValueError(f"allow: {entry!r} is no address, network or host name") from None
            self._names.add(_name(entry))

    def __enter__(self) -> Self:
        _install()
        _active.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _active.remove(self)
        if error is None and self._strict and self.attempts:
            raise self.attempts[0]

    def check(self, what: str, host: object, port: object) -> None:
        """Let an attempt pass, or raise ``NetworkBlockedError`` and remember it."""
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        # None and "" mean this machine.
        if not isinstance(text, str) or not text or self._allows(text):
            return
        error = NetworkBlockedError(what, text, port, _place())
        self.attempts.append(error)
        raise error

    def _allows(self, host: str) -> bool:
        address = _address(host)
        if address is not None:
            return any(address in network for network in self._networks)
        name = _name(host)
        if name not in self._names:
            return False
        self._learn(name)
        return True

    def _learn(self, name: str) -> None:
        """Find a name's addresses: the hook is told of questions, never of their answers."""
        if name in self._resolved:
            return
        # First, because asking is seen by the hook too.
        self._resolved.add(name)
        with contextlib.suppress(OSError):
            for found in socket.getaddrinfo(name, None):
                self._networks.append(ipaddress.ip_network(str(found[4][0]).partition("%")[0]))


def _name(host: str) -> str:
    return host.lower().rstrip(".")


def _address(host: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


_active: list[no_network] = []
_installing = threading.Lock()
_installed = False


def _install() -> None:
    global _installed  # noqa: PLW0603 - once for the process
    with _installing:
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active or (look := _LOOK.get(event)) is None:
        return
    # One at most, and none if another thread has just left it.
    for guard in _active[-1:]:
        look(guard, arguments)


# Else neither a debugger nor coverage sees into a hook.
vars(_hook)["__cantrace__"] = True


def _on_connect(guard: no_network, arguments: tuple[Any, ...]) -> None:
    sock, address = arguments
    if sock.family in _INTERNET and isinstance(address, tuple) and address:
        guard.check("connecting to", address[0], address[1] if len(address) > 1 else None)


def _on_resolve(guard: no_network, arguments: tuple[Any, ...]) -> None:
    port = arguments[1] if len(arguments) > 1 else None
    guard.check("resolving", arguments[0], port)


def _on_reverse(guard: no_network, arguments: tuple[Any, ...]) -> None:
    guard.check("resolving", arguments[0][0], None)


# https://docs.python.org/3/library/audit_events.html, read 2026-11-22; connect_ex tells of socket.connect.
_LOOK: Final[dict[str, Callable[[no_network, tuple[Any, ...]], None]]] = {
    "socket.connect": _on_connect,
    "socket.sendto": _on_connect,
    "socket.sendmsg": _on_connect,
    "socket.getaddrinfo": _on_resolve,
    "socket.gethostbyname": _on_resolve,
    "socket.gethostbyaddr": _on_resolve,
    "socket.getnameinfo": _on_reverse,
}


def _place() -> str:
    """Where the attempt comes from: the innermost line outside of libraries."""
    mine = _outside(_stack(sys._getframe(1)))  # noqa: SLF001 - what inspect itself uses
    if mine is not None:
        return mine
    # A worker thread, in which event loops resolve names, has nothing of its caller's on its stack.
    main = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001
    place = None if main is None else _outside(_stack(main))
    name = threading.current_thread().name
    return f"{place} (by way of thread {name})" if place else f"thread {name}"


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _outside(frames: Iterator[FrameType]) -> str | None:
    for frame in frames:
        path = frame.f_code.co_filename
        if not path.startswith(("<frozen", *_LIBRARIES)) and _PACKAGES not in path:
            return f"{path}:{frame.f_lineno}"
    return None


_PACKAGES: Final = f"-packages{os.sep}"
_PATHS: Final = ("stdlib", "platstdlib", "purelib", "platlib")
_LIBRARIES: Final = (
    f"{Path(__file__).resolve().parents[1]}{os.sep}",
    *(f"{sysconfig.get_path(name)}{os.sep}" for name in _PATHS),
)
