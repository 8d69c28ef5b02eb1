"""What the host would give an extension at each point while it makes the page of a view."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from orderpage import points
from orderpage.domain.page import Page, PageView, ParcelOptions
from orderpage.engine.point import Point
from orderpage.ports import AskView, SubmitView
from orderpage.testing.memory import load_view, ports_of
from orderpage.testing.pages import example_order, example_page

_BEFORE_DELIVERY = {points.ADMIT, points.PAY}


class Inputs:
    """Views and subjects by point. The page is the host's own, by example methods."""

    def __init__(self, view: PageView, subjects: Iterable[object]) -> None:
        self.view = view
        self.page: Page = example_page(view)
        self._given = tuple(subjects)

    def view_at(self, point: Point[Any, Any]) -> Any:
        """The point's view; None where the host would not come to that point with this page."""
        if point.view is PageView:
            deliverable = self.view.address is not None and self.view.lines
            return self.view if deliverable or point in _BEFORE_DELIVERY else None
        if point is points.LOAD:
            return load_view(self.view)
        if point is points.ASK:
            parcels = tuple(parcel.parcel for parcel in self.page.parcels)
            return AskView(ports=ports_of(self.view), page=self.view, parcels=parcels) if parcels else None
        if point is points.PRESENT:
            return self.page
        if not self.page.orderable:
            return None
        return example_order(self.page) if point is points.AFTER else SubmitView(page=self.page, payment_method="card")

    def subjects_at(self, point: Point[Any, Any]) -> tuple[Any, ...]:
        """The subjects of a BIND point: those of the page, then those given."""
        kind = point.subject
        if kind is None:
            return ()
        return (*self._subjects(point), *(subject for subject in self._given if isinstance(subject, kind)))

    def _subjects(self, point: Point[Any, Any]) -> Iterable[Any]:
        for parcel in self.page.parcels:
            options = [shown.priced.option for shown in parcel.options]
            if point is points.OFFER:
                yield parcel.parcel
            elif point is points.SURCHARGE:
                yield from (shipment for option in options for shipment in option.shipments)
            elif point is points.PROMISE:
                yield from (replace(option, window=None) for option in options)
            elif point is points.RANK:
                priced = tuple(shown.priced for shown in parcel.options)
                yield ParcelOptions(parcel.parcel, priced)
                yield ParcelOptions(parcel.parcel, priced[:1])
