"""HTTP calls to other services, by aiohttp: connections are kept, redirects, cookies and proxies are not followed."""

from urllib.parse import urlsplit

import aiohttp

from orderpage.ports import HttpAnswer, HttpCall, Unavailable

_CHUNK = 1 << 16
_CONNECTIONS = 200
_CONNECTIONS_PER_HOST = 64
"""So that one slow host never has them all."""


class HttpClient:
    """A pool of connections. To be made and closed in one event loop."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, limit_per_host=_CONNECTIONS_PER_HOST),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),  # the caller's own
        )

    async def call(self, call: HttpCall) -> HttpAnswer:
        """The answer. Raises ``Unavailable`` where none came, or one that is too large."""
        where = f"{call.method} {_without_query(call.url)}"
        try:
            async with self._session.request(
                call.method, call.url, headers=dict(call.headers), data=call.body or None, allow_redirects=False
            ) as response:
                body = await _read(response, call.limit, where)
                return HttpAnswer(response.status, response.headers.get("Content-Type", ""), body)
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"{where}: no connection ({error.os_error.strerror or type(error).__name__})") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Not its words: they may repeat what was sent or received.
            raise Unavailable(f"{where}: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


async def _read(response: aiohttp.ClientResponse, limit: int, where: str) -> bytes:
    """At most ``limit`` bytes, counted as they are when unpacked."""
    length = response.content_length
    body = bytearray()
    if length is None or length <= limit:
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > limit:
                break
        else:
            return bytes(body)
    response.close()
    raise Unavailable(f"{where}: the answer is larger than {limit} bytes")


def _without_query(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        return "(no address)"
