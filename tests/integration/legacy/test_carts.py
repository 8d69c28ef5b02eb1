"""The generated carts are requests that the wire takes, the same every time, and most of them can be ordered."""

from itertools import islice
from typing import Any

from tests.carts import BUSINESSES, CLIENTS, generate_requests
from tests.integration.legacy.conftest import Pages, carts

from orderpage.api.from_proto import render_request


def test_the_same_arguments_give_the_same_carts_and_others_give_others() -> None:
    first = list(generate_requests("HK", 50, 7))
    assert list(generate_requests("HK", 50, 7)) == first
    assert list(islice(generate_requests("HK", 5_000, 7), 50)) == first
    assert list(generate_requests("HK", 50, 8)) != first
    assert [request.page.cart for _, request in generate_requests("SG", 50, 7)] != [r.page.cart for _, r in first]


def test_they_are_of_every_business_client_language_crowd_size_and_hand_over() -> None:
    for site in ("HK", "SG"):
        buyers, requests = zip(*generate_requests(site, 2_000, 1), strict=True)
        assert {request.page.site for request in requests} == {site}
        assert {request.page.business for request in requests} == set(BUSINESSES)
        assert {request.page.client for request in requests} == set(CLIENTS)
        assert {request.page.language for request in requests} >= {"zh-Hans", "zh-Hant", "en", "", "fr"}
        assert set(range(1, 13)) <= {len(request.page.cart.lines) for request in requests}
        assert {request.page.address.delivery for request in requests} == {0, 1, 2}
        assert {"b-mei", "b-jun", "b-siti", "b-new"} <= set(buyers)
        assert len(set(buyers)) > 150


def test_they_are_in_both_arms_of_the_trial(demo: Any) -> None:
    buyers = {buyer for buyer, _ in generate_requests("HK", 500, 1)}
    assert {demo.packages.bucket_of(buyer) for buyer in buyers} == {"control", "trial"}


async def test_about_one_in_ten_cannot_be_ordered(pages: Pages) -> None:
    for site in ("HK", "SG"):
        answers = [await pages.ours(request, buyer) for buyer, request, _ in carts(site, 400, 2)]
        orderable = sum(1 for answer in answers if answer.quote_token)
        assert 0.80 <= orderable / len(answers) <= 0.97


def test_they_are_read_without_a_complaint() -> None:
    for site in ("HK", "SG"):
        for _, request in generate_requests(site, 500, 4):
            assert render_request(request).site == site
