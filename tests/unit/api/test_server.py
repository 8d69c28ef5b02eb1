"""The server on loopback: what a caller gets when all goes well, and in every way it may not."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from crossborder.checkout.v1 import order_page_pb2, order_pb2
from orderpage import points
from orderpage.api.server import CannotListen, ServerOptions, build_server
from orderpage.changed import QuoteChanged
from orderpage.domain.order import PlacedOrder
from orderpage.domain.problem import Code, Problem, Refusal, refuse
from orderpage.engine.faults import Fault
from orderpage.ports import Unavailable
from orderpage.renderer import Rendered

Serve = Callable[..., AbstractAsyncContextManager[Any]]
# These come without types.
from_call: Any = rpc_status.from_call
HealthStub: Any = health_pb2_grpc.HealthStub
ReflectionStub: Any = reflection_pb2_grpc.ServerReflectionStub

SECRET = "password=hunter2"
SECONDS = 100.0
"""A deadline that only what hangs meets, also on a busy machine."""
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def info_of(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    status = from_call(error)
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    assert (status.code, status.message) == (error.code().value[0], error.details())
    return info


# ---- when all goes well ----------------------------------------------------------------------------------------


async def test_render_answers_with_the_page_and_knows_the_buyer_from_the_credentials(loopback: Any) -> None:
    response = await loopback.render(timeout=SECONDS)
    assert response.page.totals.payable > 0
    assert len(response.trace_id) == 32
    ((request, buyer_id, remaining),) = loopback.services.asked
    assert (request.site, buyer_id) == ("SG", "buyer-1")
    assert SECONDS / 2 < remaining < SECONDS + 0.5  # grpc counts in its own clock


async def test_the_callers_trace_goes_on(loopback: Any) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    traced = (*loopback.CREDENTIALS, ("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01"))
    assert (await loopback.render(metadata=traced)).trace_id == trace_id


async def test_submit_and_get_order_answer_with_order_and_payment(
    loopback: Any, message: order_page_pb2.RenderRequest, placed_in: Callable[..., PlacedOrder]
) -> None:
    loopback.services.returns(placed_in())
    submit = order_page_pb2.SubmitRequest(
        request_id="0b5e7a0c-1111-4222-8333-444455556666", quote_token="q", payment_method="card", page=message.page
    )
    submitted = await loopback.pages.Submit(submit, timeout=SECONDS, metadata=loopback.CREDENTIALS)
    got = await loopback.orders.GetOrder(
        order_pb2.GetOrderRequest(order_id="o-1"), timeout=SECONDS, metadata=loopback.CREDENTIALS
    )
    assert submitted.order == got.order
    assert submitted.payment == got.payment
    loopback.services.returns(None)
    submit.validate_only = True
    validated = await loopback.pages.Submit(submit, timeout=SECONDS, metadata=loopback.CREDENTIALS)
    assert not validated.HasField("order")


# ---- failures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refuse(Code.QUOTE_EXPIRED, "the quote is over; render again"), Code.QUOTE_EXPIRED),
        (Fault(points.TAX, "gst", "tax.gst", ValueError(SECRET)), Code.TAX_CALC_UNAVAILABLE),
        (Unavailable(SECRET), Code.STORE_UNAVAILABLE),
        (TimeoutError(SECRET), Code.DEADLINE_EXCEEDED),
        (RuntimeError(SECRET), Code.SYS_UNKNOWN),
        (StopAsyncIteration(SECRET), Code.SYS_UNKNOWN),
        (asyncio.CancelledError(SECRET), Code.SYS_UNKNOWN),
    ],
)
async def test_a_failure_leaves_as_its_code_at_once_and_leaks_nothing(
    loopback: Any, error: BaseException, code: Code
) -> None:
    loopback.services.raises(error)
    began = time.monotonic()
    with structlog.testing.capture_logs() as logs:
        failure = await loopback.failure()
    assert time.monotonic() - began < SECONDS / 2, "not at the deadline"
    assert failure.code().name == code.rule.status
    info = info_of(failure)
    assert info.reason == code
    told = f"{failure.details()} {failure.trailing_metadata()} {failure.initial_metadata()}"
    assert SECRET not in told
    assert "Traceback" not in told
    # What the client is not told, the log is, under the trace id that the client has.
    logged = [entry["trace_id"] for entry in logs if entry["log_level"] in ("warning", "error")]
    assert logged == ([] if isinstance(error, Refusal | TimeoutError) else [info.metadata["trace_id"]])


async def test_a_server_goes_on_after_failures(loopback: Any) -> None:
    loopback.services.raises(RuntimeError(SECRET))
    with structlog.testing.capture_logs():
        await loopback.failure()
    assert loopback.server.guard.in_flight == 0
    loopback.services.answer = loopback.services._page
    assert (await loopback.render()).page.shops


async def test_field_violations_reach_the_client_all_at_once(
    loopback: Any, message: order_page_pb2.RenderRequest
) -> None:
    message.page.site = ""
    message.page.cart.lines[0].quantity = 0
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await loopback.pages.Render(message, timeout=SECONDS, metadata=loopback.CREDENTIALS)
    bad = error_details_pb2.BadRequest()
    (packed,) = [
        detail for detail in from_call(failed.value).details if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR)
    ]
    packed.Unpack(bad)
    assert {violation.field for violation in bad.field_violations} == {"site", "cart.lines[0].quantity"}


async def test_bytes_that_are_no_message_are_the_clients_fault(loopback: Any) -> None:
    render = loopback.channel.unary_unary("/crossborder.checkout.v1.OrderPageService/Render")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await render(b"\xff\xff\xff", timeout=SECONDS, metadata=loopback.CREDENTIALS)
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert info_of(failed.value).reason == Code.REQUEST_INVALID


async def test_a_request_past_the_size_limit_is_refused_unread(
    loopback: Any, message: order_page_pb2.RenderRequest
) -> None:
    message.prior_quote_token = "x" * (1 << 20)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await loopback.pages.Render(message, timeout=SECONDS, metadata=loopback.CREDENTIALS)
    assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not loopback.services.asked


async def test_an_unknown_method_is_unimplemented(loopback: Any) -> None:
    call = loopback.channel.unary_unary("/crossborder.checkout.v1.OrderPageService/Nothing")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(b"", timeout=SECONDS)
    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_client_that_leaves_frees_its_place(loopback: Any) -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        entered.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    loopback.services.answer = wait
    call = asyncio.ensure_future(loopback.render(timeout=SECONDS))
    await asyncio.wait_for(entered.wait(), SECONDS)
    call.cancel()
    await asyncio.wait_for(cancelled.wait(), SECONDS)
    async with asyncio.timeout(SECONDS):
        while loopback.server.guard.in_flight:  # noqa: ASYNC110  # the guard is what tells
            await asyncio.sleep(0.01)


# ---- large details ---------------------------------------------------------------------------------------------


async def test_a_large_changed_page_reaches_a_client_that_asked_for_room(
    serving: Serve, big_rendered: Rendered
) -> None:
    async with serving(channel_options=(("grpc.max_metadata_size", 131_072),)) as loopback:
        loopback.services.raises(QuoteChanged(big_rendered, quoted=1000))
        with_room = (*loopback.CREDENTIALS, ("orderpage-status-bytes", "65536"))
        status = from_call(await loopback.failure(metadata=with_room))
        assert any(detail.Is(order_page_pb2.QuoteChanged.DESCRIPTOR) for detail in status.details)


async def test_a_large_changed_page_never_costs_an_ordinary_client_the_status(
    loopback: Any, big_rendered: Rendered
) -> None:
    loopback.services.raises(QuoteChanged(big_rendered, quoted=1000))
    for _ in range(20):
        failure = await loopback.failure()
        assert failure.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert info_of(failure).metadata["detail_dropped"] == "QuoteChanged"


async def test_the_largest_status_reaches_an_ordinary_client(loopback: Any) -> None:
    wide = "错" * 256
    many = (Problem(code=Code.REQUEST_INVALID, message=wide, field=f"f{number}", value=wide) for number in range(1000))
    loopback.services.raises(Refusal(*many))
    for _ in range(20):
        failure = await loopback.failure()
        assert info_of(failure).reason == Code.REQUEST_INVALID


# ---- who may call, and how -------------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [(), (("authorization", "wrong"),), (("authorization", ""),)])
async def test_without_valid_credentials_nothing_runs(loopback: Any, metadata: tuple[tuple[str, str], ...]) -> None:
    failure = await loopback.failure(metadata=metadata)
    assert failure.code() is grpc.StatusCode.UNAUTHENTICATED
    assert info_of(failure).reason == Code.SESSION_EXPIRED
    assert not loopback.services.asked


@pytest.mark.parametrize("seconds", [None, 3600])
async def test_a_call_without_a_sane_deadline_is_told_to_set_one(loopback: Any, seconds: float | None) -> None:
    failure = await loopback.failure(timeout=seconds)
    assert failure.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert info_of(failure).reason == Code.DEADLINE_MISSING
    assert "set one of at most 300 s" in failure.details()
    assert not loopback.services.asked


async def test_a_full_server_sheds_calls_and_still_answers_health(serving: Serve) -> None:
    async with serving(ServerOptions(address="127.0.0.1:0", max_in_flight=1)) as loopback:
        entered, go = asyncio.Event(), asyncio.Event()
        page = loopback.services._page

        async def wait() -> Any:
            entered.set()
            await go.wait()
            return await page()

        loopback.services.answer = wait
        first = asyncio.ensure_future(loopback.render())
        await asyncio.wait_for(entered.wait(), SECONDS)
        failure = await loopback.failure()
        assert failure.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert info_of(failure).reason == Code.OVERLOADED
        details = from_call(failure).details
        assert any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in details)
        health = HealthStub(loopback.channel)
        assert (await health.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)).status == SERVING
        go.set()
        assert (await first).page.shops
        assert (await loopback.render()).page.shops


# ---- health, reflection, start and stop ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "service", ["", "crossborder.checkout.v1.OrderPageService", "crossborder.checkout.v1.OrderService"]
)
async def test_health_needs_neither_credentials_nor_deadline(loopback: Any, service: str) -> None:
    health = HealthStub(loopback.channel)
    assert (await health.Check(health_pb2.HealthCheckRequest(service=service))).status == SERVING


async def test_reflection_lists_the_services(loopback: Any) -> None:
    stub = ReflectionStub(loopback.channel)
    call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=SECONDS)
    answer = await call.read()
    call.cancel()
    names = {service.name for service in answer.list_services_response.service}
    assert {"crossborder.checkout.v1.OrderPageService", "crossborder.checkout.v1.OrderService"} <= names


async def test_a_stopping_server_tells_its_watchers_first_and_does_not_wait_for_them(serving: Serve) -> None:
    async with serving() as loopback:
        health = HealthStub(loopback.channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        began = time.monotonic()
        await loopback.server.stop(SECONDS)
        assert time.monotonic() - began < SECONDS / 2
        assert (await watch.read()).status == NOT_SERVING
        assert await watch.read() is grpc.aio.EOF


async def test_a_watcher_that_left_holds_nothing(serving: Serve) -> None:
    async with serving() as loopback:
        watch = HealthStub(loopback.channel).Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        watch.cancel()
        await loopback.server.stop(30)


async def test_a_call_under_way_is_finished_within_the_grace(serving: Serve) -> None:
    async with serving() as loopback:
        entered = asyncio.Event()
        page = loopback.services._page

        async def slow() -> Any:
            entered.set()
            await asyncio.sleep(0.3)
            return await page()

        loopback.services.answer = slow
        call = asyncio.ensure_future(loopback.render())
        await asyncio.wait_for(entered.wait(), SECONDS)
        await loopback.server.stop(10)
        assert (await call).page.shops


async def test_the_last_calls_are_held_while_the_door_is_shut_and_then_answered(
    serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orderpage.api.server._HAND_OVER_SECONDS", 2.0)  # a busy machine takes longer to send one
    async with serving() as loopback:
        watch = HealthStub(loopback.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        stopping = asyncio.ensure_future(loopback.server.stop(10))
        assert (await watch.read()).status == NOT_SERVING  # from now on calls are held
        assert (await loopback.render()).page.shops
        await asyncio.wait_for(stopping, SECONDS)


async def test_serve_until_ends_when_told_to(loopback: Any) -> None:
    server = build_server(loopback.services, loopback.services, _Nobody(), ServerOptions(address="127.0.0.1:0"))
    stop = asyncio.Event()
    serving = asyncio.ensure_future(server.serve_until(stop, 5))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        health = HealthStub(channel)
        checked = await health.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS, wait_for_ready=True)
        assert checked.status == SERVING
        stop.set()
        await asyncio.wait_for(serving, SECONDS)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await health.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_an_address_in_use_is_named(loopback: Any) -> None:
    address = f"127.0.0.1:{loopback.server.port}"
    with pytest.raises(CannotListen, match=f"cannot listen on {address}"):
        build_server(loopback.services, loopback.services, _Nobody(), ServerOptions(address=address))


class _Nobody:
    def buyer_id(self, metadata: Any) -> str | None:
        return None
