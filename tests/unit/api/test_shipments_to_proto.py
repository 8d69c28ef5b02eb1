"""What a buyer is told of a parcel at its carrier, and what not."""

from datetime import UTC, datetime

import pytest

from crossborder.checkout.v1 import order_pb2
from orderpage.api.order_to_proto import fill_shipments
from orderpage.domain.order import PlacedOrder
from orderpage.domain.shipment import Shipment, ShipmentState

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)


def told(state: ShipmentState) -> order_pb2.GetOrderResponse:
    shipment = Shipment(
        order_id="o-1",
        parcel_id="p-1",
        carrier="SWIFT",
        service="EXPRESS-INTERNAL",
        state=state,
        booking={"described": "described"},
        requested_at=NOW,
        updated_at=NOW,
        reference="S-1",
        tracking_number="SW000001",
        label_url="https://labels.example/S-1.pdf",
        status="in the depot",
    )
    response = order_pb2.GetOrderResponse()
    fill_shipments(response, PlacedOrder(None, None, (shipment,)))  # type: ignore[arg-type]  # only these are read
    return response


@pytest.mark.parametrize("state", ShipmentState)
def test_every_state_has_its_word_on_the_wire(state: ShipmentState) -> None:
    (shown,) = told(state).shipments
    assert order_pb2.ShipmentState.Name(shown.state) == f"SHIPMENT_STATE_{state}"
    assert (shown.parcel_id, shown.carrier, shown.tracking_number) == ("p-1", "SWIFT", "SW000001")
    assert shown.update_time.ToDatetime(UTC) == NOW


def test_label_reference_service_and_the_carriers_words_stay_with_us() -> None:
    text = str(told(ShipmentState.LABELLED))
    assert not [word for word in ("labels.example", "S-1", "INTERNAL", "depot", "described") if word in text]
