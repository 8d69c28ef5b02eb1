"""A model service outside ranks methods, through a real channel, and the page stands without it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.carriers import files
from tests.e2e.live import Client, page_of, submission

from crossborder.checkout.v1 import order_page_pb2
from crossborder.ranking.v1 import scoring_pb2, scoring_pb2_grpc

Shops = Callable[..., AbstractAsyncContextManager[Client]]
CART = page_of("SG", ("tst-plain", 1))
SEA, AIR = "SG_CONSO_SEA", "SG_DM_AIR"


class Model(scoring_pb2_grpc.ScoringServiceServicer):
    """A model that likes ``best``, or one that is slow, broken or out of its mind."""

    def __init__(self, best: str = SEA, mode: str = "well") -> None:
        self.best = best
        self.mode = mode
        self.seen: list[scoring_pb2.ScoreRequest] = []

    async def Score(self, request: scoring_pb2.ScoreRequest, context: Any) -> scoring_pb2.ScoreResponse:  # noqa: N802
        self.seen.append(request)
        if self.mode == "slow":
            await asyncio.sleep(60)
        if self.mode == "broken":
            await context.abort(grpc.StatusCode.INTERNAL, "no weights today")
        score = 2_000_000 if self.mode == "mad" else 1_000_000
        scores = [
            scoring_pb2.MethodScore(parcel_id=parcel.parcel_id, method=self.best, score=score)
            for parcel in request.parcels
        ]
        return scoring_pb2.ScoreResponse(scores=scores, model="test")


@pytest.fixture
async def model() -> AsyncIterator[tuple[Model, str]]:
    servicer, server = Model(), grpc.aio.server()
    scoring_pb2_grpc.add_ScoringServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(None)


def layer(target: str, budget_ms: int = 2_000) -> str:
    """The model's word weighs more than all others together."""
    return f"""
package: model-sg
when: {{site: SG}}
ask:
  add:
    - {{use: ranking.model, as: model, settings: {{target: "{target}", secure: false, budget_ms: {budget_ms}}}}}
rank:
  add:
    - {{use: ranking.outside, as: model, weight: 5000}}
"""


def best(rendered: order_page_pb2.RenderResponse) -> tuple[str, bool]:
    first = rendered.page.parcels[0].options[0]
    return first.method, first.selected


def degraded(rendered: order_page_pb2.RenderResponse) -> list[tuple[str, str]]:
    return [(lost.extension, lost.reason) for lost in rendered.page.degraded]


@pytest.mark.parametrize("liked", [SEA, AIR])
async def test_what_the_model_likes_comes_first(
    tracing_shop: Shops, tmp_path: Path, model: tuple[Model, str], liked: str
) -> None:
    servicer, target = model
    servicer.best = liked
    async with tracing_shop(packages=files.package_folder(tmp_path / "model", model=layer(target))) as client:
        rendered = await client.render(CART)
    assert best(rendered) == (liked, True)
    assert "MODEL" in rendered.page.parcels[0].options[0].reasons
    assert degraded(rendered) == []


async def test_the_model_is_told_the_scenario_and_the_parcels_and_nothing_that_names_the_buyer(
    tracing_shop: Shops, tmp_path: Path, model: tuple[Model, str]
) -> None:
    servicer, target = model
    async with tracing_shop(packages=files.package_folder(tmp_path / "model", model=layer(target))) as client:
        rendered = await client.render(CART)
    (request,) = servicer.seen
    (parcel,) = rendered.page.parcels
    assert (request.site, request.business, request.client, request.country) == ("SG", "marketplace", "h5", "SG")
    assert [(each.parcel_id, each.weight_g, each.units) for each in request.parcels] == [
        (parcel.parcel_id, parcel.weight_g, 1)
    ]
    told = request.SerializeToString()
    for secret in (b"b-demo", CART.address.recipient.encode(), CART.address.phone.encode()):
        assert secret not in told


async def test_its_word_holds_under_the_quote_and_is_not_asked_for_again(
    tracing_shop: Shops, tmp_path: Path, model: tuple[Model, str]
) -> None:
    servicer, target = model
    async with tracing_shop(packages=files.package_folder(tmp_path / "model", model=layer(target))) as client:
        first = await client.render(CART)
        servicer.best = AIR
        again = await client.render(CART, prior=first.quote_token)
        await client.submit(submission(CART, again))
    assert best(again) == (SEA, True)
    assert len(servicer.seen) == 1


@pytest.mark.parametrize(("mode", "reason"), [("slow", "timeout"), ("broken", "fault"), ("mad", "fault")])
async def test_a_model_that_fails_leaves_the_other_scores(
    tracing_shop: Shops, tmp_path: Path, model: tuple[Model, str], mode: str, reason: str
) -> None:
    servicer, target = model
    async with tracing_shop() as client:
        usual = best(await client.render(CART))
    servicer.mode = mode
    layers = {"model": layer(target, budget_ms=150 if mode == "slow" else 2_000)}
    async with tracing_shop(packages=files.package_folder(tmp_path / "model", **layers)) as client:
        rendered = await client.render(CART)
    assert best(rendered) == usual
    assert degraded(rendered) == [("ranking.model", reason)]
