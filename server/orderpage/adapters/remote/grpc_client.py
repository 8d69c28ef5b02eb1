"""Unary gRPC calls to other services, as bytes: messages are their callers' business. A channel is kept per target."""

import asyncio

import grpc

from orderpage.ports import GrpcCall, Unavailable


class GrpcClient:
    """Channels by target. To be used and closed in one event loop."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, bool, int], grpc.aio.Channel] = {}

    async def call(self, call: GrpcCall) -> bytes:
        """The answer. Raises ``Unavailable`` with the status."""
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel(call).unary_unary(call.method)
        try:
            answer = await ask(call.request, metadata=tuple(call.metadata.items()))
        except grpc.aio.AioRpcError as error:
            # Only the status: the other side's words may repeat what it was sent.
            status = error.code().name
            raise Unavailable(f"{call.target}{call.method}: {status}", status=status) from error
        except (grpc.aio.UsageError, ValueError, TypeError) as error:
            raise Unavailable(f"{call.target}{call.method}: {type(error).__name__}") from error
        return answer

    async def close(self) -> None:
        """Close the channels; calls under way end."""
        channels, self._channels = list(self._channels.values()), {}
        await asyncio.gather(*(channel.close() for channel in channels))

    def _channel(self, call: GrpcCall) -> grpc.aio.Channel:
        key = (call.target, call.secure, call.limit)
        if key not in self._channels:
            options = (
                ("grpc.max_receive_message_length", call.limit),
                ("grpc.enable_retries", 0),
                ("grpc.enable_http_proxy", 0),
                ("grpc.max_reconnect_backoff_ms", 2000),
            )
            if call.secure:
                credentials = grpc.ssl_channel_credentials()
                self._channels[key] = grpc.aio.secure_channel(call.target, credentials, options=options)
            else:
                self._channels[key] = grpc.aio.insecure_channel(call.target, options=options)
        return self._channels[key]
