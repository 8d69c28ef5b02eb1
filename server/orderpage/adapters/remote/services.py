"""``RemotePort``: one client of each protocol, opened at the first call and closed with the service."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from orderpage.adapters.remote.grpc_client import GrpcClient
from orderpage.engine.plan import Plan
from orderpage.ports import GrpcCall, HttpAnswer, HttpCall

if TYPE_CHECKING:
    from types import TracebackType

    from orderpage.adapters.remote.http_client import HttpClient

SECRET_PREFIX = "ORDERPAGE_SECRET_"  # noqa: S105  # where secrets are, not one of them


class RemoteServices:
    """Answers ``RemotePort``. To be closed."""

    def __init__(self, plans: Iterable[Plan] = ()) -> None:
        """Ready at once for the protocols that the ``plans`` speak, and for others at their first call."""
        self._http: HttpClient | None = None
        self._grpc = GrpcClient()
        if "http" in _spoken(plans):
            _http_client()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        await self.close()

    async def http(self, call: HttpCall) -> HttpAnswer:
        """Any status is an answer; a redirect is not followed. Raises ``Unavailable``."""
        if self._http is None:
            self._http = _http_client()()
        return await self._http.call(call)

    async def grpc(self, call: GrpcCall) -> bytes:
        """The serialised answer. Raises ``Unavailable``."""
        return await self._grpc.call(call)

    def secret(self, name: str) -> str:
        """The variable ``ORDERPAGE_SECRET_<NAME>``. Raises ``LookupError`` where it is absent or empty."""
        return secret(name)

    async def close(self) -> None:
        """End every connection."""
        if self._http is not None:
            await self._http.close()
            self._http = None
        await self._grpc.close()


def secret(name: str) -> str:
    """The variable ``ORDERPAGE_SECRET_<NAME>``. Raises ``LookupError`` where it is absent or empty."""
    variable = f"{SECRET_PREFIX}{name}"
    value = os.environ.get(variable, "").strip()
    if not value:
        raise LookupError(f"the secret {name} is not set; set {variable}")
    return value


def _http_client() -> "type[HttpClient]":
    """Its import takes longer than a page has, and most servers need none."""
    from orderpage.adapters.remote.http_client import HttpClient  # noqa: PLC0415

    return HttpClient


def _spoken(plans: Iterable[Plan]) -> set[str]:
    """The protocols that extensions name in an attribute ``protocols``, such as ``{"http"}``."""
    calls = (slot.call for plan in plans for stage in plan.stages.values() for slot in stage.compiled)
    return {name for call in calls for name in getattr(getattr(call, "__self__", None), "protocols", ())}
