"""A server of flagd's sync stream, as flagd is one: it sends its flags at once, and again whenever they change."""

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from openfeature.schemas.protobuf.flagd.sync.v1 import sync_pb2, sync_pb2_grpc


class FlagServer(sync_pb2_grpc.FlagSyncServiceServicer):
    """On loopback; ``port`` 0 takes a free one."""

    def __init__(self, text: str, port: int = 0) -> None:
        self._text = text
        self._streams: list[queue.SimpleQueue[str | None]] = []
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        sync_pb2_grpc.add_FlagSyncServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    @property
    def where(self) -> str:
        return f"flagd://127.0.0.1:{self.port}"

    def SyncFlags(  # noqa: N802 - as generated
        self, request: sync_pb2.SyncFlagsRequest, context: grpc.ServicerContext
    ) -> Iterator[sync_pb2.SyncFlagsResponse]:
        stream: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        stream.put(self._text)
        self._streams.append(stream)
        while (text := stream.get()) is not None:
            yield sync_pb2.SyncFlagsResponse(flag_configuration=text)

    def FetchAllFlags(  # noqa: N802
        self, request: sync_pb2.FetchAllFlagsRequest, context: grpc.ServicerContext
    ) -> sync_pb2.FetchAllFlagsResponse:
        return sync_pb2.FetchAllFlagsResponse(flag_configuration=self._text)

    def GetMetadata(  # noqa: N802
        self, request: sync_pb2.GetMetadataRequest, context: grpc.ServicerContext
    ) -> sync_pb2.GetMetadataResponse:
        return sync_pb2.GetMetadataResponse()

    def send(self, text: str) -> None:
        self._text = text
        for stream in self._streams:
            stream.put(text)

    def stop(self) -> None:
        for stream in self._streams:
            stream.put(None)
        self._server.stop(grace=None).wait()
