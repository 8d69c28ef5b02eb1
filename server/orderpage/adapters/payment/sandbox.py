"""A built-in TEST provider: no money moves, and the amount decides what happens.

The last two digits of the amount, in minor units, choose the outcome, as public sandboxes do (168.05 HKD: ``05``):

======  =====================================================  =========================================
digits  what ``hold`` does                                     what ``look_up`` answers afterwards
======  =====================================================  =========================================
``01``  DECLINED, PAY_DECLINED                                 the same
``02``  DECLINED, PAY_FUNDS                                    the same
``03``  ACTION_REQUIRED, ``sandbox:approve/<key>``             the same until ``approve`` or ``reject``
``04``  PENDING                                                PENDING, then HELD after ``settle_s``
``05``  times out (``Unavailable``), although it is held       HELD
``06``  times out, each time: the request never arrives        None
``07``  HELD, answered only after ``late_s``                   HELD, from the start
``08``  PENDING                                                PENDING, until released
``09``  times out, although it is held                         ``Unavailable`` once, then HELD
``10``  HELD, and it is too late to release it                 HELD
others  HELD                                                   HELD
======  =====================================================  =========================================

``release`` ends any of them as DECLINED (``10`` excepted), also a key that was never seen, for good. A repeated
``hold`` answers what the key has become, at once.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec.structs import replace

from orderpage.adapters.payment.journal import Attempt, Journal
from orderpage.domain.money import Currency
from orderpage.domain.order import PaymentState
from orderpage.domain.problem import Code
from orderpage.ports import Unavailable, Verdict


class Magic(IntEnum):
    """The last two digits of an amount that mean something."""

    DECLINED = 1
    NO_FUNDS = 2
    ACTION = 3
    SETTLES = 4
    TIMES_OUT_HELD = 5
    NEVER_ARRIVES = 6
    ANSWERS_LATE = 7
    PENDING = 8
    TIMES_OUT_TWICE = 9
    STAYS_HELD = 10


class Delays(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds until a pending hold settles, until a late answer comes, and until a call that times out gives up."""

    settle_s: float = 2.0
    late_s: float = 3.0
    timeout_s: float = 0.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SandboxPayments:
    """Implements ``ports.PaymentProvider`` for tests and demonstrations; never for money.

    State is in memory. With a ``path`` it is also written to a journal there and read back at the next start, so that a
    killed server finds its provider as it left it. One process at a time may use a journal. Raises ``ValueError`` for a
    damaged one, ``OSError`` where it cannot be opened.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        delays: Delays | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._delays = delays or Delays()
        self._clock = clock
        self._journal = Journal(path)

    async def hold(self, key: str, amount: int, currency: Currency, method: str) -> Verdict:
        """Hold as the table says. Raises ``ValueError`` for a negative amount, or a used key with another amount."""
        if amount < 0:
            raise ValueError(f"cannot hold {amount}: an amount is zero or more minor units")
        if (known := self._journal.get(key)) is not None:
            if known.currency and (known.amount, known.currency) != (amount, currency.code):
                raise ValueError(f"key {key!r} already holds {known.amount} {known.currency}; use a new key")
            return self._verdict(known)
        magic = amount % 100
        if magic != Magic.NEVER_ARRIVES:
            self._journal.put(self._attempt(key, amount, currency, method))
        return await self._answer(key, magic)

    async def look_up(self, key: str) -> Verdict | None:
        """Say what became of the hold; None for a key that was never seen."""
        attempt = self._journal.get(key)
        if attempt is None:
            return None
        if attempt.deaf:
            self._journal.put(replace(attempt, deaf=attempt.deaf - 1))
            raise Unavailable(f"sandbox: look-up of {key!r} timed out")
        return self._verdict(attempt)

    async def release(self, key: str) -> Verdict:
        """Let the money go; the key can never be held afterwards. HELD only for the magic ``10``."""
        attempt = self._journal.get(key) or Attempt(key=key, state=PaymentState.DECLINED, decline=Code.PAY_DECLINED)
        if attempt.amount % 100 == Magic.STAYS_HELD and attempt.state is PaymentState.HELD:
            return self._verdict(attempt)
        return self._decide(attempt, PaymentState.DECLINED)

    def approve(self, key: str) -> Verdict:
        """Do as the buyer does at ``next_action``. A decided hold stays. Raises ``KeyError`` for an unknown key."""
        return self._finish_action(key, PaymentState.HELD)

    def reject(self, key: str) -> Verdict:
        """Turn it down as the buyer does at ``next_action``. As ``approve`` otherwise."""
        return self._finish_action(key, PaymentState.DECLINED)

    def close(self) -> None:
        """Close the journal, if there is one."""
        self._journal.close()

    async def _answer(self, key: str, magic: int) -> Verdict:
        if magic in (Magic.TIMES_OUT_HELD, Magic.NEVER_ARRIVES, Magic.TIMES_OUT_TWICE):
            await asyncio.sleep(self._delays.timeout_s)
            raise Unavailable(f"sandbox: hold of {key!r} timed out")
        if magic == Magic.ANSWERS_LATE:
            await asyncio.sleep(self._delays.late_s)
        # Read again: a release may have come while the answer was on its way.
        return self._verdict(self._journal[key])

    def _attempt(self, key: str, amount: int, currency: Currency, method: str) -> Attempt:
        new = Attempt(key=key, state=PaymentState.HELD, amount=amount, currency=currency.code, method=method)
        match amount % 100:
            case Magic.DECLINED:
                new = replace(new, state=PaymentState.DECLINED, decline=Code.PAY_DECLINED)
            case Magic.NO_FUNDS:
                new = replace(new, state=PaymentState.DECLINED, decline=Code.PAY_FUNDS)
            case Magic.ACTION:
                new = replace(new, state=PaymentState.ACTION_REQUIRED)
            case Magic.SETTLES:
                settles_at = self._clock() + timedelta(seconds=self._delays.settle_s)
                new = replace(new, state=PaymentState.PENDING, settles_at=settles_at)
            case Magic.PENDING:
                new = replace(new, state=PaymentState.PENDING)
            case Magic.TIMES_OUT_TWICE:
                new = replace(new, deaf=1)
        return new

    def _finish_action(self, key: str, state: PaymentState) -> Verdict:
        attempt = self._journal[key]
        if attempt.state is not PaymentState.ACTION_REQUIRED:
            return self._verdict(attempt)
        return self._decide(attempt, state)

    def _decide(self, attempt: Attempt, state: PaymentState) -> Verdict:
        decline = (attempt.decline or Code.PAY_DECLINED) if state is PaymentState.DECLINED else ""
        decided = replace(attempt, state=state, decline=decline, settles_at=None, deaf=0)
        if decided != self._journal.get(attempt.key):
            self._journal.put(decided)
        return self._verdict(decided)

    def _verdict(self, attempt: Attempt) -> Verdict:
        state = attempt.state
        if attempt.settles_at is not None and self._clock() >= attempt.settles_at:
            state = PaymentState.HELD
        return Verdict(
            state=state,
            reference=f"sandbox-{blake2b(attempt.key.encode(), digest_size=8).hexdigest()}",
            next_action=f"sandbox:approve/{attempt.key}" if state is PaymentState.ACTION_REQUIRED else "",
            decline=attempt.decline,
        )
