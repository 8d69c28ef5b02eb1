"""A carrier that speaks HTTP JSON, on loopback: well, or in one of the ways in which carriers fail or lie."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from aiohttp import web

BODY = web.RequestKey("body", dict[str, Any])
SLOW = 0.3
_NEVER = 3600.0
_HUGE = 10 << 20


class HttpCarrier:
    """``mode`` says how it answers, ``prices`` what it asks for each service; ``seen`` are the bodies it was sent,
    ``most_at_once`` how many it was answering when they were most.

    Its price of a parcel is the service's, and one yuan a kilogram.
    """

    def __init__(self, mode: str = "well") -> None:
        self.mode = mode
        self.prices = {"EXPRESS": "30.00", "SAVER": "21.50"}
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.cancelled = self.most_at_once = self._at_once = 0
        self.url = ""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/v1/rates", self._rates)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def calls(self) -> int:
        return len(self.seen)

    async def _rates(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        request[BODY] = json.loads(await request.text() or "{}") or dict(request.query)
        self.seen.append(request[BODY])
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await _MODES[self.mode](self, request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self._at_once -= 1

    def rates(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "ref": parcel["ref"],
                "service": service,
                "price": {"total": str(Decimal(price) + Decimal(str(parcel["weight"]["kg"]))), "currency": "CNY"},
                "days": {"min": 2, "max": 4},
            }
            for parcel in body["parcels"]
            for service, price in self.prices.items()
        ]


def _rates(change: Callable[[list[dict[str, Any]]], object]) -> Callable[..., Awaitable[web.StreamResponse]]:
    """An answer in which something is changed."""

    async def answer(carrier: HttpCarrier, request: web.Request) -> web.StreamResponse:
        rates = carrier.rates(request[BODY])
        change(rates)
        return web.Response(text=json.dumps({"data": {"rates": rates}}), content_type="application/json")

    return answer


def _body(text: str, kind: str = "application/json", status: int = 200) -> Callable[..., Awaitable[web.StreamResponse]]:
    async def answer(_: HttpCarrier, __: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=kind, status=status)

    return answer


async def _slow(carrier: HttpCarrier, request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(SLOW)
    return await _MODES["well"](carrier, request)


async def _never(_: HttpCarrier, __: web.Request) -> web.StreamResponse:
    await asyncio.sleep(_NEVER)
    raise AssertionError("never")


async def _drips(_: HttpCarrier, request: web.Request) -> web.StreamResponse:
    """Headers at once, then nothing."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"data":')
    await asyncio.sleep(_NEVER)
    return response


async def _huge(_: HttpCarrier, __: web.Request) -> web.StreamResponse:
    return web.Response(body=b'{"data": "' + b"x" * _HUGE + b'"}', content_type="application/json")


async def _huge_in_chunks(_: HttpCarrier, request: web.Request) -> web.StreamResponse:
    """Without a length that would give it away."""
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        for _chunk in range(_HUGE >> 16):
            await response.write(b"x" * (1 << 16))
    except ConnectionError:
        pass
    return response


async def _huge_unpacked(_: HttpCarrier, __: web.Request) -> web.StreamResponse:
    """Small until it is unpacked."""
    response = web.Response(body=b" " * _HUGE, content_type="application/json")
    response.enable_compression(web.ContentCoding.gzip)
    return response


async def _closes(_: HttpCarrier, request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def _redirects(_: HttpCarrier, __: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/v1/elsewhere"})


def _price(name: str, value: Any) -> Callable[[list[dict[str, Any]]], object]:
    return lambda rates: rates[0]["price"].update({name: value})


_MODES: dict[str, Callable[..., Awaitable[web.StreamResponse]]] = {
    "well": _rates(lambda rates: None),
    "slow": _slow,
    "never": _never,
    "drips": _drips,
    "closes": _closes,
    "redirects": _redirects,
    "broken": _body('{"error": "out of order"}', status=500),
    "html": _body("<html><body>Sign in</body></html>", "text/html"),
    "garbage": _body('{"data": {"rates": [}'),
    "empty": _body(""),
    "refuses": _body('{"message": "unknown account", "data": {"rates": []}}'),
    "no list": _body('{"data": {"rates": {"ref": 1}}}'),
    "huge": _huge,
    "huge in chunks": _huge_in_chunks,
    "huge unpacked": _huge_unpacked,
    "nan": _body(
        '{"data": {"rates": [{"ref": "p", "service": "EXPRESS", "price": {"total": NaN, "currency": "CNY"}}]}}'
    ),
    "nan text": _rates(_price("total", "NaN")),
    "negative": _rates(_price("total", "-5.00")),
    "absurd": _rates(_price("total", "99999999.00")),
    "free": _rates(_price("total", "0.00")),
    "number": _rates(_price("total", 30.5)),
    "fractions": _rates(_price("total", "12.345")),
    "truth": _rates(_price("total", True)),
    "currency": _rates(_price("currency", "USD")),
    "no currency": _rates(lambda rates: rates[0]["price"].pop("currency")),
    "unknown parcel": _rates(lambda rates: rates[0].update(ref="p-somebody-else's")),
    "twice": _rates(lambda rates: rates.append({**rates[0], "price": {"total": "1.00", "currency": "CNY"}})),
    "no amount": _rates(lambda rates: [rate["price"].pop("total") for rate in rates if rate["service"] == "SAVER"]),
    "odd days": _rates(lambda rates: [rate.update(days={"min": 9, "max": 2}) for rate in rates]),
    "takes none": _rates(lambda rates: rates.clear()),
}

MODES = tuple(_MODES)
