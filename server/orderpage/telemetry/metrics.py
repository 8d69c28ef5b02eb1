"""EVERY metric: name, labels, help, and how many series there can be. Nothing is exported that is not listed here.

Label values come from closed sets only (``VALUES``); what a client sends is looked up in them, and is ``other`` where
it is not found. ``metrics_record`` counts what happens in a call; ``metrics_collect`` reads the rest when Prometheus
asks. The client library adds its own ``process_…`` and ``python_gc_…``.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import prod

import msgspec

from orderpage.domain.order import PaymentState
from orderpage.domain.problem import Code, Status
from orderpage.engine.breaker import BreakerState
from orderpage.engine.stats import BOUNDS

OTHER, NONE = "other", "none"
"""Of a label: a value that nobody configured; and where there is nothing to say, as the site of an unread request."""

OK, CANCELLED = "OK", "CANCELLED"
"""Statuses of calls without a problem: answered, and left by the client."""

METHODS = {"Render": "render", "Submit": "submit", "GetOrder": "order", "PayStage": "pay"}
"""The methods, and which part of an order's way each is, as label ``stage``."""

TRACE_ID = "trace_id"
"""The label of an exemplar: it is no label of a series, so its values need no bound."""

VALIDATED = "VALIDATED"
"""The outcome of a Submit that asked for validation only."""

OUTBOX = ("waiting", "failing", "parked")
KINDS = ("event", "booking")
"""Of outbox rows: what is only told, and what is to be done at a carrier."""

STACKS = ("legacy", "new")

SHADOW = ("same", "different", "failed", "dropped")

VALUES: Mapping[str, str] = {
    "method": "methods of the contract",
    "status": "gRPC statuses; fixed by the code, so it makes no further series",
    "code": "problem codes, or none",
    "stage": "render, submit, order",
    "site": "sites in scenarios.yaml, other, none",
    "client": "clients in scenarios.yaml, other, none",
    "outcome": "payment states, VALIDATED; of the shadow: same, different, failed, dropped",
    "stack": "legacy, new",
    "ramp": "ramps of the ramp file",
    "point": "extension points",
    "slot": "slots of all package sets since the process began",
    "extension": "fixed by the slot",
    "state": "the states of what is counted",
    "kind": "event, booking",
    "version": "one at a time",
    "python": "one",
    "le": "bucket bounds",
}
"""Every label, and the closed set its values come from."""


class Kind(StrEnum):
    """A counter's series end in ``_total``; a histogram has one a bucket, ``_sum`` and ``_count``."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. ``per`` names the sets whose sizes, multiplied, bound its series (see ``sizes``).

    ``database`` marks what is read from the shared database: each process tells the same, so take ``max``, not ``sum``.
    ``exemplars`` marks a histogram whose buckets name the trace of a call that was traced in full.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    per: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    database: bool = False
    exemplars: bool = False

    def most_series(self, sizes: Mapping[str, int]) -> int:
        """How many series it can have at most, given the sizes of the sets."""
        each = len(self.buckets) + 3 if self.buckets else 1
        return each * prod(sizes[name] for name in self.per)

    @property
    def series(self) -> frozenset[str]:
        """The names under which it can be queried."""
        if self.kind is Kind.COUNTER:
            return frozenset({f"{self.name}_total"})
        if self.kind is Kind.HISTOGRAM:
            return frozenset({f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count"})
        return frozenset({self.name})


def sizes(dimensions: Mapping[str, tuple[str, ...]], *, points: int, slots: int, ramps: int = 0) -> dict[str, int]:
    """How large each set named in ``per`` is, for one set of packages."""
    return {
        "methods": len(METHODS),
        "codes": len(Code) + 2,
        "stages": len(METHODS),
        "sites": len(dimensions["site"]) + 2,
        "clients": len(dimensions["client"]) + 2,
        "outcomes": len(PaymentState) + 1,
        "points": points,
        "slots": slots,
        "breaker states": len(BreakerState),
        "outbox states": len(OUTBOX),
        "outbox kinds": len(KINDS),
        "stacks": len(STACKS),
        "shadow outcomes": len(SHADOW),
        "ramps": ramps,
        "payment states": sum(not state.final for state in PaymentState),
    }


_CALL_SECONDS = (0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LAG_SECONDS = (0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_SLOT = ("point", "slot", "extension")

# ---- calls -------------------------------------------------------------------------------------------------------

CALLS = Metric(
    name="orderpage_calls", kind=Kind.COUNTER,
    help="Calls that ended, by gRPC status and by the problem code that decided it.",
    labels=("method", "status", "code", "site", "client"), per=("methods", "codes", "sites", "clients"),
)  # fmt: skip
CALL_SECONDS = Metric(
    name="orderpage_call_duration_seconds", kind=Kind.HISTOGRAM,
    help="How long a call took inside the server, from the guard on; refused calls too.",
    labels=("method",), per=("methods",), buckets=_CALL_SECONDS, exemplars=True,
)  # fmt: skip
CALLS_IN_FLIGHT = Metric(
    name="orderpage_calls_in_flight", kind=Kind.GAUGE,
    help="Calls being answered; above ORDERPAGE_MAX_IN_FLIGHT they are shed.",
)  # fmt: skip
PROBLEMS = Metric(
    name="orderpage_problems", kind=Kind.COUNTER,
    help="Problems that buyers were told of: each one of a refused call, and each one on a page that was answered.",
    labels=("stage", "code", "site", "client"), per=("stages", "codes", "sites", "clients"),
)  # fmt: skip
SUBMITS = Metric(
    name="orderpage_submits", kind=Kind.COUNTER,
    help="Submits that were answered, by where the payment stood; a repeated request counts again.",
    labels=("outcome", "site", "client"), per=("outcomes", "sites", "clients"),
)  # fmt: skip
ORDERS_UNDER_WAY = Metric(
    name="orderpage_orders_under_way", kind=Kind.GAUGE,
    help="Orders between their pivot and the payment provider's first answer.",
)  # fmt: skip

# ---- stages and extensions ---------------------------------------------------------------------------------------

STAGE_SECONDS = Metric(
    name="orderpage_stage_duration_seconds", kind=Kind.HISTOGRAM,
    help="How long a point took in a request, over all its slots; at a bind point, binding only.",
    labels=("point",), per=("points",), buckets=BOUNDS,
)  # fmt: skip
STAGE_OVERRUNS = Metric(
    name="orderpage_stage_overruns", kind=Kind.COUNTER,
    help="Runs of a pure point that held the event loop up for more than 5 ms.",
    labels=("point",), per=("points",),
)  # fmt: skip
SLOT_CALLS = Metric(
    name="orderpage_slot_calls", kind=Kind.COUNTER,
    help="Runs that entered the slot.",
    labels=_SLOT, per=("slots",),
)  # fmt: skip
SLOT_FAULTS = Metric(
    name="orderpage_slot_faults", kind=Kind.COUNTER,
    help="Exceptions, wrong results and timeouts of the slot's extension.",
    labels=_SLOT, per=("slots",),
)  # fmt: skip
SLOT_SKIPS = Metric(
    name="orderpage_slot_skips", kind=Kind.COUNTER,
    help="Times that an answer went on without the slot: it failed, or its breaker was open.",
    labels=_SLOT, per=("slots",),
)  # fmt: skip
SLOT_OVERRUNS = Metric(
    name="orderpage_slot_overruns", kind=Kind.COUNTER,
    help="Budgets that a slot at load or ask exceeded; of a pure slot only those in explained requests.",
    labels=_SLOT, per=("slots",),
)  # fmt: skip
SLOT_SECONDS = Metric(
    name="orderpage_slot_duration_seconds", kind=Kind.HISTOGRAM,
    help="How long a slot at load or ask took to answer or time out.",
    labels=_SLOT, per=("slots",), buckets=BOUNDS,
)  # fmt: skip
SLOT_BREAKERS = Metric(
    name="orderpage_slot_breakers", kind=Kind.GAUGE,
    help="Circuit breakers of a slot at load or ask in each state; there is one for each different settings.",
    labels=(*_SLOT, "state"), per=("slots", "breaker states"),
)  # fmt: skip

# ---- what waits --------------------------------------------------------------------------------------------------

OUTBOX_ROWS = Metric(
    name="orderpage_outbox_rows", kind=Kind.GAUGE, database=True,
    help="Events not delivered: waiting (due, not tried yet), failing (tried again with backoff), parked (given up).",
    labels=("kind", "state"), per=("outbox kinds", "outbox states"),
)  # fmt: skip
OUTBOX_OLDEST = Metric(
    name="orderpage_outbox_oldest_seconds", kind=Kind.GAUGE, database=True,
    help="For how long the event that is overdue most has been due; 0 when none is.",
    labels=("kind",), per=("outbox kinds",),
)  # fmt: skip
PAYMENTS = Metric(
    name="orderpage_payments_unfinished", kind=Kind.GAUGE, database=True,
    help="Payments that are not decided.",
    labels=("state",), per=("payment states",),
)  # fmt: skip
PAYMENTS_OLDEST = Metric(
    name="orderpage_payments_unfinished_oldest_seconds", kind=Kind.GAUGE, database=True,
    help="Age of the oldest order whose payment is not decided; 0 when there is none.",
    labels=("state",), per=("payment states",),
)  # fmt: skip
UNSETTLED = Metric(
    name="orderpage_unsettled_oldest_seconds", kind=Kind.GAUGE, database=True,
    help="Age of the oldest confirmed order or entry that no settled day has; 0 while nothing was ever settled.",
)  # fmt: skip
BACKLOG_READ = Metric(
    name="orderpage_backlog_read_timestamp_seconds", kind=Kind.GAUGE,
    help="When outbox and payments were last read, since the epoch; when it stands still, so do they.",
)  # fmt: skip

PRESALES_UNRESOLVED = Metric(
    name="orderpage_presales_unresolved", kind=Kind.COUNTER,
    help="Looks at an awaited balance that could not tell whether its presale ends; it is looked at again.",
)  # fmt: skip

# ---- the process -------------------------------------------------------------------------------------------------

DATABASE_WRITES = Metric(
    name="orderpage_database_writes", kind=Kind.COUNTER,
    help="Write transactions that were asked for.",
)  # fmt: skip
DATABASE_COMMITS = Metric(
    name="orderpage_database_commits", kind=Kind.COUNTER,
    help="Commits of writes; on SQLite writes that wait together share one.",
)  # fmt: skip
DATABASE_WAITING = Metric(
    name="orderpage_database_waiting", kind=Kind.GAUGE,
    help="On SQLite, writes in the writer's queue; on PostgreSQL, transactions that wait for a connection.",
)  # fmt: skip
DATABASE_BUSY = Metric(
    name="orderpage_database_connections_busy", kind=Kind.GAUGE,
    help="Connections in use; on SQLite those of the readers.",
)  # fmt: skip
DATABASE_CONNECTIONS = Metric(
    name="orderpage_database_connections_max", kind=Kind.GAUGE,
    help="Connections that there may be.",
)  # fmt: skip
LOOP_LAG = Metric(
    name="orderpage_event_loop_lag_seconds", kind=Kind.HISTOGRAM,
    help="How late a timer fired that is set four times a second: what every call waits on top.",
    buckets=_LAG_SECONDS,
)  # fmt: skip
TRACES_DROPPED = Metric(
    name="orderpage_traces_dropped", kind=Kind.COUNTER,
    help="Failed calls that left no trace, because more failed in a second than ORDERPAGE_TRACE_ERRORS.",
)  # fmt: skip
PLANS = Metric(
    name="orderpage_plans", kind=Kind.GAUGE,
    help="Different plans of the current package set, by its version.",
    labels=("version",),
)  # fmt: skip
RELOAD_REFUSED = Metric(
    name="orderpage_reload_refused", kind=Kind.GAUGE,
    help="1 while the packages that were given last were refused, and those before them stay in force.",
)  # fmt: skip
DATA_UNTIL = Metric(
    name="orderpage_data_until_seconds", kind=Kind.GAUGE,
    help="Unix time of the last day that a slot's or profile's data know, such as a calendar; absent where none end.",
    labels=("point", "slot", "extension"), per=("slots",),
)  # fmt: skip
BUILD = Metric(
    name="orderpage_build_info", kind=Kind.GAUGE,
    help="1, with the program's version and Python's.",
    labels=("version", "python"),
)  # fmt: skip

# ---- moving traffic ------------------------------------------------------------------------------------------------

ROUTED = Metric(
    name="orderpage_routed_calls", kind=Kind.COUNTER,
    help="Renders and Submits by the stack that answered them.",
    labels=("stack",), per=("stacks",),
)  # fmt: skip
SHADOWED = Metric(
    name="orderpage_shadow_tasks", kind=Kind.COUNTER,
    help="Answers compared with the other stack's: same, different; failed: it could not be; dropped: too many waited.",
    labels=("outcome",), per=("shadow outcomes",),
)  # fmt: skip
FLAGS_TROUBLE = Metric(
    name="orderpage_flags_trouble", kind=Kind.GAUGE,
    help="1 while the flags cannot be read as they are now, and the last good ones stay in force.",
)  # fmt: skip
TRIPS = Metric(
    name="orderpage_trips_open", kind=Kind.GAUGE, database=True,
    help="Scopes sent back to the legacy stack that nobody has cleared.",
)  # fmt: skip
RAMP_SHARE = Metric(
    name="orderpage_ramp_share_ratio", kind=Kind.GAUGE, database=True,
    help="Share of buyers that a ramp sends to the new stack, 0 to 1.",
    labels=("ramp",), per=("ramps",),
)  # fmt: skip

MIGRATION = (ROUTED, SHADOWED, FLAGS_TROUBLE, TRIPS, RAMP_SHARE)
"""There only where traffic is moved."""

ALL = (
    CALLS, CALL_SECONDS, CALLS_IN_FLIGHT, PROBLEMS, SUBMITS, ORDERS_UNDER_WAY,
    STAGE_SECONDS, STAGE_OVERRUNS, SLOT_CALLS, SLOT_FAULTS, SLOT_SKIPS, SLOT_OVERRUNS, SLOT_SECONDS, SLOT_BREAKERS,
    OUTBOX_ROWS, OUTBOX_OLDEST, PAYMENTS, PAYMENTS_OLDEST, UNSETTLED, BACKLOG_READ,
    PRESALES_UNRESOLVED,
    DATABASE_WRITES, DATABASE_COMMITS, DATABASE_WAITING, DATABASE_BUSY, DATABASE_CONNECTIONS,
    LOOP_LAG, TRACES_DROPPED, PLANS, RELOAD_REFUSED, DATA_UNTIL, BUILD,
    *MIGRATION,
)  # fmt: skip

STATUSES = frozenset({OK, CANCELLED, *Status})
CODES = frozenset({NONE, OTHER, *Code})
