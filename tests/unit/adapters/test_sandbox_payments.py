"""The sandbox provider does what its table says, once a key, and remembers it over a restart."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orderpage.adapters.payment.sandbox import Delays, SandboxPayments
from orderpage.domain.money import Currency
from orderpage.domain.order import PaymentState
from orderpage.ports import PaymentProvider, Unavailable, Verdict

HKD = Currency("HKD", 2)
SGD = Currency("SGD", 2)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(clock: Clock, tmp_path: Path) -> Iterator[Callable[[], SandboxPayments]]:
    """Starts the provider (again) on one journal."""
    started: list[SandboxPayments] = []

    def run() -> SandboxPayments:
        delays = Delays(settle_s=30, late_s=0.02, timeout_s=0.001)
        started.append(SandboxPayments(tmp_path / "payments.jsonl", delays=delays, clock=clock))
        return started[-1]

    yield run
    for sandbox in started:
        sandbox.close()


@pytest.fixture
def sandbox(start: Callable[[], SandboxPayments]) -> SandboxPayments:
    return start()


async def hold(sandbox: PaymentProvider, amount: int, key: str = "o-1:hold") -> Verdict:
    return await sandbox.hold(key, amount, HKD, "card")


async def test_an_ordinary_amount_is_held(sandbox: SandboxPayments) -> None:
    verdict = await hold(sandbox, 12800)
    assert (verdict.state, verdict.decline, verdict.next_action) == (PaymentState.HELD, "", "")
    assert verdict.reference.startswith("sandbox-")
    assert await sandbox.look_up("o-1:hold") == verdict


async def test_zero_is_held() -> None:
    assert (await hold(SandboxPayments(), 0)).state is PaymentState.HELD


@pytest.mark.parametrize(("amount", "code"), [(12801, "PAY_DECLINED"), (12802, "PAY_FUNDS")])
async def test_01_and_02_decline(sandbox: SandboxPayments, amount: int, code: str) -> None:
    verdict = await hold(sandbox, amount)
    assert (verdict.state, verdict.decline) == (PaymentState.DECLINED, code)
    assert await sandbox.look_up("o-1:hold") == verdict
    assert await sandbox.release("o-1:hold") == verdict


async def test_03_asks_for_an_action_and_is_held_once_approved(sandbox: SandboxPayments) -> None:
    verdict = await hold(sandbox, 12803)
    assert (verdict.state, verdict.next_action) == (PaymentState.ACTION_REQUIRED, "sandbox:approve/o-1:hold")
    approved = sandbox.approve("o-1:hold")
    assert (approved.state, approved.next_action) == (PaymentState.HELD, "")
    assert await sandbox.look_up("o-1:hold") == approved
    assert sandbox.reject("o-1:hold") == approved


async def test_03_declines_once_rejected(sandbox: SandboxPayments) -> None:
    await hold(sandbox, 12803)
    rejected = sandbox.reject("o-1:hold")
    assert (rejected.state, rejected.decline) == (PaymentState.DECLINED, "PAY_DECLINED")
    assert sandbox.approve("o-1:hold") == rejected


def test_approving_an_unknown_key_is_an_error(sandbox: SandboxPayments) -> None:
    with pytest.raises(KeyError):
        sandbox.approve("nobody")


async def test_04_is_pending_until_it_settles(sandbox: SandboxPayments, clock: Clock) -> None:
    assert (await hold(sandbox, 12804)).state is PaymentState.PENDING
    clock.move(29)
    assert (await hold(sandbox, 12804)).state is PaymentState.PENDING
    clock.move(1)
    settled = await sandbox.look_up("o-1:hold")
    assert settled is not None
    assert settled.state is PaymentState.HELD


async def test_05_times_out_although_it_is_held(sandbox: SandboxPayments) -> None:
    with pytest.raises(Unavailable):
        await hold(sandbox, 12805)
    found = await sandbox.look_up("o-1:hold")
    assert found is not None
    assert found.state is PaymentState.HELD
    assert await hold(sandbox, 12805) == found


async def test_06_times_out_and_never_arrives(sandbox: SandboxPayments) -> None:
    for _ in range(2):
        with pytest.raises(Unavailable):
            await hold(sandbox, 12806)
        assert await sandbox.look_up("o-1:hold") is None


async def test_07_is_held_before_it_answers(sandbox: SandboxPayments) -> None:
    late = asyncio.create_task(hold(sandbox, 12807))
    await asyncio.sleep(0)
    found = await sandbox.look_up("o-1:hold")
    assert not late.done()
    assert found is not None
    assert found.state is PaymentState.HELD
    assert await late == found


async def test_07_answers_declined_when_it_was_released_meanwhile(sandbox: SandboxPayments) -> None:
    late = asyncio.create_task(hold(sandbox, 12807))
    await asyncio.sleep(0)
    released = await sandbox.release("o-1:hold")
    assert await late == released
    assert released.state is PaymentState.DECLINED


async def test_08_is_pending_until_released(sandbox: SandboxPayments, clock: Clock) -> None:
    await hold(sandbox, 12808)
    clock.move(10_000_000)
    assert (await hold(sandbox, 12808)).state is PaymentState.PENDING
    assert (await sandbox.release("o-1:hold")).state is PaymentState.DECLINED


async def test_09_times_out_at_the_look_up_too_but_once(sandbox: SandboxPayments) -> None:
    with pytest.raises(Unavailable):
        await hold(sandbox, 12809)
    with pytest.raises(Unavailable):
        await sandbox.look_up("o-1:hold")
    found = await sandbox.look_up("o-1:hold")
    assert found is not None
    assert found.state is PaymentState.HELD


async def test_10_is_too_late_to_release(sandbox: SandboxPayments) -> None:
    held = await hold(sandbox, 12810)
    assert held.state is PaymentState.HELD
    assert await sandbox.release("o-1:hold") == held


@pytest.mark.parametrize("amount", [12800, 12803, 12804, 12807, 12808])
async def test_a_released_key_is_never_held_again(sandbox: SandboxPayments, clock: Clock, amount: int) -> None:
    await hold(sandbox, amount)
    released = await sandbox.release("o-1:hold")
    clock.move(1_000)
    assert (released.state, released.decline) == (PaymentState.DECLINED, "PAY_DECLINED")
    assert await sandbox.release("o-1:hold") == released
    assert await hold(sandbox, amount) == released
    assert await sandbox.look_up("o-1:hold") == released
    if amount == 12803:
        assert sandbox.approve("o-1:hold") == released


@pytest.mark.parametrize("amount", [12800, 12806])
async def test_a_key_released_before_its_hold_arrives_is_never_held(sandbox: SandboxPayments, amount: int) -> None:
    released = await sandbox.release("o-1:hold")
    assert released.state is PaymentState.DECLINED
    assert await hold(sandbox, amount) == released


async def test_keys_do_not_share_their_fate(sandbox: SandboxPayments) -> None:
    await hold(sandbox, 12801, "o-1:hold")
    assert (await hold(sandbox, 12800, "o-2:hold")).state is PaymentState.HELD


async def test_a_key_cannot_hold_another_amount(sandbox: SandboxPayments) -> None:
    held = await hold(sandbox, 12800)
    with pytest.raises(ValueError, match="already holds 12800 HKD"):
        await hold(sandbox, 12900)
    with pytest.raises(ValueError, match="already holds"):
        await sandbox.hold("o-1:hold", 12800, SGD, "card")
    assert await sandbox.look_up("o-1:hold") == held


async def test_a_negative_amount_is_refused(sandbox: SandboxPayments) -> None:
    with pytest.raises(ValueError, match="zero or more"):
        await hold(sandbox, -1)
    assert await sandbox.look_up("o-1:hold") is None


async def test_a_restart_finds_every_key_as_it_was(start: Callable[[], SandboxPayments], clock: Clock) -> None:
    before = start()
    await hold(before, 12803, "approved")
    before.approve("approved")
    await hold(before, 12804, "settles")
    await hold(before, 12800, "released")
    await before.release("released")
    await before.release("unseen")
    # Not closed: a killed process closes nothing.
    after = start()
    keys = ("approved", "settles", "released", "unseen", "unknown")
    assert [await after.look_up(key) for key in keys] == [await before.look_up(key) for key in keys]
    clock.move(30)
    settled = await after.look_up("settles")
    assert settled is not None
    assert settled.state is PaymentState.HELD


async def test_a_look_up_times_out_once_over_restarts(start: Callable[[], SandboxPayments]) -> None:
    with pytest.raises(Unavailable):
        await hold(start(), 12809)
    with pytest.raises(Unavailable):
        await start().look_up("o-1:hold")
    assert await start().look_up("o-1:hold") is not None


async def test_a_line_cut_off_by_a_kill_is_dropped(start: Callable[[], SandboxPayments], tmp_path: Path) -> None:
    await hold(start(), 12800, "whole")
    journal = tmp_path / "payments.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"key":"torn","sta')
    sandbox = start()
    assert await sandbox.look_up("torn") is None
    await hold(sandbox, 12800, "next")
    again = start()
    assert await again.look_up("whole") is not None
    assert await again.look_up("next") is not None


def test_a_damaged_journal_is_refused_with_its_line(start: Callable[[], SandboxPayments], tmp_path: Path) -> None:
    (tmp_path / "payments.jsonl").write_text('{"key":"a","state":"HELD"}\nnonsense\n')
    with pytest.raises(ValueError, match=r"payments\.jsonl:2: not a line of a payment journal"):
        start()
