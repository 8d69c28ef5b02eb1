"""What is kept of two answers that were compared: the recording and both, packed without personal data."""

import zlib

import msgspec

from orderpage.migration.comparison.answer import PAGE, Answer, PackedAnswer
from orderpage.migration.comparison.compare import Difference, compare
from orderpage.migration.comparison.ignoring import NOTHING, Rules
from orderpage.migration.recording.privacy import Privacy
from orderpage.migration.recording.recording import Recording
from orderpage.request import RenderRequest

_VERSION = 1
"""Of the packed form. What a later version writes, this one refuses."""


class UnreadableRecording(ValueError):
    """Bytes that are no recording of this program."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A recording with what both stacks answered. ``subject`` is PAGE or ORDER."""

    recording: Recording
    legacy: PackedAnswer
    new: PackedAnswer
    subject: str = PAGE


class Compared(msgspec.Struct, frozen=True):
    """Two answers compared, without personal data. ``body`` is the packed ``Evidence``."""

    differences: tuple[Difference, ...]
    body: bytes


def gather(
    recording: Recording,
    request: RenderRequest,
    buyer_id: str,
    legacy: Answer,
    new: Answer,
    rules: Rules = NOTHING,
    *,
    subject: str = PAGE,
    key: bytes = b"",
) -> Compared:
    """What is to be stored of two answers that differ, or that were drawn as a sample.

    ``request`` and ``buyer_id`` are the original ones: they say what to hide. ``key`` as for ``record``.
    """
    privacy = Privacy(request, buyer_id, key)
    hidden, shown = privacy.answer(legacy), privacy.answer(new)
    evidence = Evidence(
        recording=recording, legacy=PackedAnswer.of(hidden), new=PackedAnswer.of(shown), subject=subject
    )
    return Compared(compare(hidden, shown, rules), pack(evidence))


def pack(evidence: Evidence) -> bytes:
    """A version byte, then zlib over MessagePack."""
    return bytes((_VERSION,)) + zlib.compress(msgspec.msgpack.encode(evidence))


def unpack(body: bytes) -> Evidence:
    """What ``pack`` packed. Raises ``UnreadableRecording`` and says why."""
    if not body:
        raise UnreadableRecording("the recording is empty")
    if body[0] != _VERSION:
        raise UnreadableRecording(
            f"the recording has version {body[0]} and this program reads {_VERSION}; use the program that wrote it"
        )
    try:
        return msgspec.msgpack.decode(zlib.decompress(body[1:]), type=Evidence)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise UnreadableRecording(f"the recording is damaged, or of another program's make ({error})") from None
