"""The adapter to other services against real ones: what is an answer, what is none, and what stays out of messages."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.carriers.grpc_carrier import SERVICE, GrpcCarrier
from tests.carriers.http_carrier import HttpCarrier

from crossborder.carrier.v1 import carrier_pb2
from orderpage.adapters.remote.services import RemoteServices
from orderpage.ports import GrpcCall, HttpCall, Unavailable

BODY = b'{"parcels": [{"ref": "p-1", "weight": {"kg": 0.4}}]}'
ASKED = carrier_pb2.QuoteRequest(parcels=[carrier_pb2.Parcel(parcel_id="p-1", weight_g=400)], currency="CNY")


@pytest.fixture
async def remote() -> AsyncIterator[RemoteServices]:
    async with RemoteServices() as services:
        yield services


def post(carrier: HttpCarrier, *, limit: int = 1 << 20, query: str = "") -> HttpCall:
    return HttpCall(method="POST", url=f"{carrier.url}/v1/rates{query}", body=BODY, limit=limit)


def quote(target: str, *, limit: int = 1 << 20, secure: bool = False, **metadata: str) -> GrpcCall:
    method = f"/{SERVICE}/Quote"
    request = ASKED.SerializeToString()
    return GrpcCall(target=target, method=method, request=request, metadata=metadata, secure=secure, limit=limit)


# ---- HTTP ------------------------------------------------------------------------------------------------------


async def test_an_answer_is_a_status_a_type_and_the_body_as_it_came(remote: RemoteServices) -> None:
    async with HttpCarrier() as carrier:
        answer = await remote.http(post(carrier))
    assert (answer.status, answer.content_type) == (200, "application/json; charset=utf-8")
    assert b'"total": "30.40"' in answer.body
    assert carrier.seen == [{"parcels": [{"ref": "p-1", "weight": {"kg": 0.4}}]}]


@pytest.mark.parametrize(("mode", "status"), [("broken", 500), ("html", 200), ("empty", 200), ("redirects", 302)])
async def test_any_status_is_an_answer_and_a_redirect_is_not_followed(
    remote: RemoteServices, mode: str, status: int
) -> None:
    async with HttpCarrier(mode) as carrier:
        assert (await remote.http(post(carrier))).status == status
        assert carrier.calls == 1


@pytest.mark.parametrize("mode", ["huge", "huge in chunks", "huge unpacked"])
async def test_ten_megabytes_are_not_read_to_their_end(remote: RemoteServices, mode: str) -> None:
    async with HttpCarrier(mode) as carrier:
        with pytest.raises(Unavailable, match="the answer is larger than 1048576 bytes"):
            await remote.http(post(carrier))
        carrier.mode = "well"
        assert (await remote.http(post(carrier))).status == 200


async def test_a_connection_that_closes_is_no_answer(remote: RemoteServices) -> None:
    async with HttpCarrier("closes") as carrier:
        with pytest.raises(Unavailable, match="ServerDisconnectedError"):
            await remote.http(post(carrier))


async def test_nobody_there_is_no_answer_and_the_message_keeps_the_query_to_itself(remote: RemoteServices) -> None:
    async with HttpCarrier() as carrier:
        pass
    with pytest.raises(Unavailable, match="no connection") as failure:
        await remote.http(post(carrier, query="?token=hush"))
    assert carrier.url in str(failure.value)
    assert "hush" not in str(failure.value)


async def test_what_is_no_address_is_no_answer(remote: RemoteServices) -> None:
    with pytest.raises(Unavailable):
        await remote.http(HttpCall(method="GET", url="http://[no"))
    with pytest.raises(Unavailable):
        await remote.http(HttpCall(method="GET", url="http://127.0.0.1:1/", headers={"X": "a\r\nb"}))


@pytest.mark.parametrize("mode", ["never", "drips"])
async def test_a_caller_that_waits_no_longer_ends_the_call(remote: RemoteServices, mode: str) -> None:
    async with HttpCarrier(mode) as carrier:
        asking = asyncio.create_task(remote.http(post(carrier)))
        while not carrier.calls:  # noqa: ASYNC110  # the carrier is what tells
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        while not carrier.cancelled:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# ---- gRPC ------------------------------------------------------------------------------------------------------


async def test_a_unary_call_is_bytes_to_bytes_with_its_metadata(remote: RemoteServices) -> None:
    async with GrpcCarrier() as carrier:
        raw = await remote.grpc(quote(carrier.target, authorization="Bearer x"))
        again = await remote.grpc(quote(carrier.target))
    assert [price.amount for price in carrier_pb2.QuoteResponse.FromString(raw).prices] == [2640, 1940]
    assert raw == again
    assert carrier.metadata[0]["authorization"] == "Bearer x"


async def test_a_failure_is_its_status_without_the_other_sides_words(remote: RemoteServices) -> None:
    async with GrpcCarrier("broken") as carrier:
        with pytest.raises(Unavailable, match="CarrierService/Quote: INTERNAL") as failure:
            await remote.grpc(quote(carrier.target))
    assert "secret-of-the-carrier" not in str(failure.value)


async def test_a_message_of_ten_megabytes_is_none(remote: RemoteServices) -> None:
    async with GrpcCarrier("huge") as carrier:
        with pytest.raises(Unavailable, match="RESOURCE_EXHAUSTED"):
            await remote.grpc(quote(carrier.target))


async def test_nobody_there_over_grpc(remote: RemoteServices) -> None:
    async with GrpcCarrier() as carrier:
        pass
    with pytest.raises(Unavailable, match="UNAVAILABLE"):
        await remote.grpc(quote(carrier.target))


async def test_a_plain_service_is_not_believed_to_be_a_secure_one(remote: RemoteServices) -> None:
    async with GrpcCarrier() as carrier:
        with pytest.raises(Unavailable, match="UNAVAILABLE"):
            await remote.grpc(quote(carrier.target, secure=True))


async def test_a_caller_that_waits_no_longer_ends_the_grpc_call(remote: RemoteServices) -> None:
    async with GrpcCarrier("never") as carrier:
        asking = asyncio.create_task(remote.grpc(quote(carrier.target)))
        while not carrier.calls:  # noqa: ASYNC110  # the carrier is what tells
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


# ---- secrets ---------------------------------------------------------------------------------------------------


async def test_a_secret_is_a_variable_of_the_environment(
    remote: RemoteServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERPAGE_SECRET_SWIFT", "s3cret")
    assert remote.secret("SWIFT") == "s3cret"
    monkeypatch.setenv("ORDERPAGE_SECRET_EMPTY", " ")
    for name in ("EMPTY", "OTHER"):
        with pytest.raises(LookupError, match=f"set ORDERPAGE_SECRET_{name}"):
            remote.secret(name)


async def test_closing_twice_and_without_a_call_is_fine() -> None:
    services = RemoteServices()
    await services.close()
    await services.close()
