"""For authors of extensions: example values, the laws of every point, and whole pages without a server.

``check_extension`` proves that an extension keeps the laws of the points it stands at: right types, the same answer to
the same question, nothing changed that it was given, goods and money conserved, in time. That it reads no facts but
those it declares needs no proof: it is given no others. ``render_with`` makes a page from the installed packages, more
layers and more extensions, so that a test can look at what the buyer would see.
"""

from orderpage.testing.conformance import check_extension
from orderpage.testing.examples import (
    example_address,
    example_line,
    example_method,
    example_option,
    example_parcel,
    example_shipment,
    example_view,
    example_views,
)
from orderpage.testing.pages import example_page, render_with

__all__ = [
    "check_extension",
    "example_address",
    "example_line",
    "example_method",
    "example_option",
    "example_page",
    "example_parcel",
    "example_shipment",
    "example_view",
    "example_views",
    "render_with",
]
