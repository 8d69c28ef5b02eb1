"""A page is made again from its recording, byte for byte, and the recording knows no person."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.migration.made_pages import Made, carts, drawn, make, on_wire, wire_bytes

from orderpage import extends, extension, facts, points
from orderpage.domain.address import Delivery
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Fee, Shipment
from orderpage.engine.point import Fact
from orderpage.engine.run import Run
from orderpage.migration.comparison.answer import PackedAnswer
from orderpage.migration.recording.packing import Evidence, UnreadableRecording, gather, pack, unpack
from orderpage.migration.recording.recording import FactState, RecordedFact, Recording, record
from orderpage.migration.recording.replay import FactNotRecorded, NotReplayable, replay
from orderpage.ports import AskView, LoadView

MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

TOLL: Fact[int] = Fact("test.toll", int, "what a road costs, in fen", default=500)
STORM: Fact[int] = Fact("test.storm", int, "what a storm adds, in fen")

LAYER = """
package: roads
load: {add: [{use: test.roads, as: roads}]}
ask: {add: [{use: test.roads, as: roads}]}
surcharge: {add: [{use: test.roads, as: roads}]}
"""


@extension("test.roads")
class Roads:
    """Two facts that fail when they are asked for, and a fee made of them."""

    broken = True

    @extends(points.LOAD, fills=TOLL)
    async def load(self, view: LoadView) -> int:
        return self._answer(700)

    @extends(points.ASK, fills=STORM)
    async def ask(self, view: AskView) -> int:
        return self._answer(300)

    @extends(points.SURCHARGE, needs=(TOLL, STORM))
    def surcharge(self, page: PageView, toll: int, storm: int | None) -> Callable[[Shipment], Fee]:
        return lambda shipment: Fee("ROAD", toll + (storm or 0), "road", 1)

    def _answer(self, value: int) -> int:
        if self.broken:
            raise ConnectionError("no answer of 10.0.0.1 for Tan Jun")
        return value


def kept(made: Made) -> Recording:
    """The recording, as it comes back from a database."""
    recording = record(made.run, made.request, made.terms)
    answer = PackedAnswer.of(on_wire(made.page))
    return unpack(pack(Evidence(recording=recording, legacy=answer, new=answer))).recording


@MANY
@given(draw=st.data())
def test_a_replayed_page_is_the_recorded_one_byte_for_byte(demo: Any, draw: st.DataObject) -> None:
    made = drawn(demo, draw.draw(carts(demo.data)))
    assert wire_bytes(replay(record(made.run, made.request, made.terms), made.terms.plan)) == wire_bytes(made.page)
    assert wire_bytes(replay(kept(made), made.terms.plan)) == wire_bytes(made.page)


def test_a_choice_and_a_pinned_rate_are_replayed(demo: Any) -> None:
    first = make(demo, demo.cart("SG", ("tea-pot-master", 1), ("bok-notebook-a5", 2)), "b-demo")
    parcel = first.page.parcels[0]
    other = next(shown for shown in parcel.options if shown.priced.option.method.code != parcel.selected)
    choice = {parcel.parcel.parcel_id: other.priced.option.method.code}
    pinned = replace(first.page.view.rate, rate_id="pinned", numerator=first.page.view.rate.numerator + 1)
    terms = replace(first.terms, selections=choice, rate=pinned)
    recording = replace(record(first.run, first.request, terms), facts=_with_rate(first, pinned))
    page = replay(recording, first.terms.plan)
    assert page.parcels[0].selected == other.priced.option.method.code
    assert page.view.rate == pinned


def _with_rate(made: Made, rate: Any) -> tuple[RecordedFact, ...]:
    run = Run(made.terms.plan, facts={**made.run.facts, facts.RATE: rate})
    return record(run, made.request, made.terms).facts


@pytest.mark.parametrize("broken", [True, False])
def test_facts_that_failed_fail_again_without_being_asked(
    demo: Any, broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Roads, "broken", broken)
    plans = demo.compile_with(LAYER, Roads)
    made = make(demo, demo.cart("SG", ("tea-pot-master", 1)), "b-demo", plans)
    recording = kept(made)
    states = {fact.name: fact.state for fact in recording.facts}
    expected = (FactState.DEFAULTED, FactState.MISSING) if broken else (FactState.FILLED, FactState.FILLED)
    assert (states["test.toll"], states["test.storm"]) == expected
    assert [(lost.point, lost.slot, lost.fact) for lost in recording.degraded] == (
        [("load", "roads", "test.toll"), ("ask", "roads", "test.storm")] if broken else []
    )
    monkeypatch.setattr(Roads, "broken", not broken)  # whoever asked now would hear something else
    assert wire_bytes(replay(recording, made.terms.plan)) == wire_bytes(made.page)


def test_a_plan_that_needs_a_fact_which_was_not_recorded_says_which(demo: Any) -> None:
    made = make(demo, demo.cart("SG", ("tea-pot-master", 1)), "b-demo")
    newer = demo.compile_with(LAYER, Roads).plan(made.terms.cell, demo.NOW)
    with pytest.raises(FactNotRecorded, match=r"'test\.toll' is needed by the plan \(slot roads at load\)") as raised:
        replay(kept(made), newer)
    assert raised.value.fact == "test.toll"


def test_a_fact_of_another_shape_is_refused_by_name(demo: Any) -> None:
    made = make(demo, demo.cart("SG", ("tea-pot-master", 1)), "b-demo")
    recording = kept(made)
    spoiled = tuple(replace(fact, body=b"\xc3") if fact.name == "stock" else fact for fact in recording.facts)
    with pytest.raises(NotReplayable, match="fact 'stock' was recorded in another shape"):
        replay(replace(recording, facts=spoiled), made.terms.plan)


def test_a_fact_that_cannot_be_written_is_not_recorded_and_the_replay_says_so(demo: Any) -> None:
    made = make(demo, demo.cart("SG", ("tea-pot-master", 1)), "b-demo")
    run = Run(made.terms.plan, facts={**made.run.facts, facts.STOCK: object()})
    recording = record(run, made.request, made.terms)
    assert {fact.name: fact.state for fact in recording.facts}["stock"] is FactState.UNENCODABLE
    with pytest.raises(FactNotRecorded, match=r"fact 'stock' could not be recorded \(TypeError: "):
        replay(recording, made.terms.plan)


def test_nothing_of_the_person_is_kept_and_nothing_that_prices_depend_on_is_lost(demo: Any) -> None:
    address = demo.address("SG", delivery=Delivery.PICKUP_POINT, pickup_point="locker-77", street=("9 Secret Lane", ""))
    request = demo.cart(
        "SG",
        ("tea-pot-master", 1),
        address=address,
        prior_quote_token="q1.token-of-b-mei",
        coupons=("OURS", "MINE.s1.mac-of-b-mei"),
    )
    made = make(demo, request, "b-mei")
    answer = on_wire(made.page, token="q1.token-of-b-mei")
    answer.page.problems.add(code="ADDR_FIELD_INVALID", message="9 Secret Lane: ask Tan Jun at +65 8123 4567")
    body = gather(record(made.run, request, made.terms), request, "b-mei", answer, answer).body
    evidence = unpack(body)
    everything = (repr(evidence) + str(evidence.legacy.open()) + str(evidence.new.open())).lower()
    for secret in ("b-mei", "tan jun", "8123 4567", "secret lane", "locker-77", "q1.token"):
        assert secret not in everything
    kept_request = evidence.recording.request
    assert kept_request.coupons == ("OURS", "MINE.s1")
    assert kept_request.address is not None
    assert kept_request.address.street == ("STREET", "")
    assert kept_request.address.pickup_point.startswith("pickup-")
    assert (kept_request.address.country, kept_request.address.postcode) == ("SG", "520123")
    assert evidence.recording.buyer.crowd == made.terms.buyer.crowd
    assert evidence.recording.buyer.orders_by_method == made.terms.buyer.orders_by_method


def test_a_pseudonym_depends_on_the_buyer_and_on_the_key(demo: Any) -> None:
    made = make(demo, demo.cart("SG", ("tea-pot-master", 1)), "b-mei")
    first, same, keyed = (record(made.run, made.request, made.terms, key).buyer.buyer_id for key in (b"", b"", b"k"))
    assert first == same != keyed
    other = make(demo, demo.cart("SG", ("tea-pot-master", 1)), "b-jun")
    assert record(other.run, other.request, other.terms).buyer.buyer_id != first


def test_what_is_no_recording_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnreadableRecording, match="is empty"):
        unpack(b"")
    with pytest.raises(UnreadableRecording, match="version 9 and this program reads 1; use the program that wrote it"):
        unpack(b"\x09abc")
    with pytest.raises(UnreadableRecording, match="damaged"):
        unpack(b"\x01abc")
