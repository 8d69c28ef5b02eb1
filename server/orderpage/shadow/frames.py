"""Values between the two processes: msgpack, each after its length in four bytes."""

import asyncio
from typing import Any

import msgspec

_LENGTH = 4
_LARGEST = 64 << 20

_encoder = msgspec.msgpack.Encoder()


def frame(value: object) -> bytes:
    """A value as it is written."""
    body = _encoder.encode(value)
    return len(body).to_bytes(_LENGTH, "big") + body


async def read_frame(stream: asyncio.StreamReader, decoder: "msgspec.msgpack.Decoder[Any]") -> Any:
    """The next value; None when the other side has closed. Raises ``ValueError`` for what is no frame of ours."""
    try:
        length = int.from_bytes(await stream.readexactly(_LENGTH), "big")
        if length > _LARGEST:
            raise ValueError(f"a frame of {length} bytes")
        return decoder.decode(await stream.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
