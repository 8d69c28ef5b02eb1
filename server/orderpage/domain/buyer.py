"""Who buys, as the host knows them. Never read from a request's body."""

from collections.abc import Mapping

import msgspec


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer: the crowd decides the scenario (empty: the default one); past orders by method feed the ranking.

    ``last_method`` is empty for a first order. ``blocked`` buyers may look but not order. ``age`` in years and
    ``real_name`` are as somebody verified them; None and empty where nobody has.
    """

    buyer_id: str
    crowd: str
    last_method: str = ""
    orders_by_method: Mapping[str, int] = {}
    blocked: bool = False
    age: int | None = None
    real_name: str = ""
