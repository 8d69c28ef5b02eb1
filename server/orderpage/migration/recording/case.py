"""A recorded page as a test case: a JSON file that says what is to come out, for a project's own tests."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from crossborder.checkout.v1.problem_pb2 import Problems
from orderpage.engine.faults import Degradation
from orderpage.engine.plan import PlanSet
from orderpage.migration.comparison.answer import Answer
from orderpage.migration.comparison.compare import Difference, compare
from orderpage.migration.comparison.ignoring import Rules
from orderpage.migration.recording.answering import Fill, answer_by
from orderpage.migration.recording.recording import FactState, RecordedFact, Recording

_FORMAT = 1


class CaseFact(msgspec.Struct, frozen=True):
    """A recorded fact with its value in plain JSON."""

    name: str
    state: FactState
    value: Any = None


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording, and the answer that is right for it.

    ``about`` names the place that once differed, and ``why`` says which side was right. ``ignore`` are globs of fields
    that the case says nothing of. ``recorded`` is the recording without its facts, which stand beside it. ``expected``
    is a RenderResponse, or the Problems of a refusal, as protobuf JSON.
    """

    format: int = _FORMAT
    about: str
    why: str
    ignore: tuple[str, ...] = ()
    recorded: Mapping[str, Any]
    facts: tuple[CaseFact, ...]
    degraded: tuple[Degradation, ...] = ()
    expected: Mapping[str, Any]

    @property
    def recording(self) -> Recording:
        """What to replay. Raises ``ValueError`` for a recording in another shape than this program's."""
        held = tuple(RecordedFact(fact.name, fact.state, msgspec.msgpack.encode(fact.value)) for fact in self.facts)
        try:
            bare = msgspec.convert({**self.recorded, "facts": (), "degraded": ()}, Recording)
        except msgspec.ValidationError as error:
            raise ValueError(
                f"recorded is of another shape than this program's ({error}); make the case again"
            ) from None
        return msgspec.structs.replace(bare, facts=held, degraded=self.degraded)

    @property
    def answer(self) -> Answer:
        """What is right. Raises ``ValueError`` for what is no answer of this program's contract."""
        message: RenderResponse | Problems = Problems() if "problems" in self.expected else RenderResponse()
        try:
            return ParseDict(dict(self.expected), message)
        except ParseError as error:
            raise ValueError(f"expected is no answer: {error}") from None


def make_case(recording: Recording, right: Answer, *, about: str, why: str, ignore: Iterable[str] = ()) -> Case:
    """A case of a page. Raises ``ValueError`` for an order: those are not replayed."""
    if not isinstance(right, RenderResponse | Problems):
        raise ValueError("an order is not replayed, so no case can be made of it")
    recorded = msgspec.to_builtins(recording)
    del recorded["facts"], recorded["degraded"]
    return Case(
        about=about,
        why=why,
        ignore=tuple(ignore),
        recorded=recorded,
        facts=tuple(_plain(fact) for fact in recording.facts),
        degraded=recording.degraded,
        expected=MessageToDict(right, preserving_proto_field_name=True),
    )


def write_case(case: Case) -> str:
    """As JSON text that reads well in a review."""
    return msgspec.json.format(msgspec.json.encode(case), indent=1).decode() + "\n"


def read_case(text: str | bytes) -> Case:
    """From JSON text. Raises ``ValueError`` and says what is wrong."""
    try:
        case = msgspec.json.decode(text, type=Case)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no recorded case: {error}") from None
    if case.format != _FORMAT:
        raise ValueError(f"the case has format {case.format} and this program reads {_FORMAT}; make it again")
    return case


def differences_now(case: Case, plans: PlanSet, fill: Fill) -> tuple[Difference, ...]:
    """How the page by ``plans`` differs from what is right; empty where the case passes.

    ``legacy`` is what is right, ``new`` what came out. Raises ``NotReplayable``, and ``ValueError`` for a damaged case.
    """
    return compare(case.answer, answer_by(plans, case.recording, fill), Rules(*case.ignore))


def _plain(fact: RecordedFact) -> CaseFact:
    if fact.state in (FactState.MISSING, FactState.UNENCODABLE):
        return CaseFact(fact.name, fact.state)
    return CaseFact(fact.name, fact.state, msgspec.msgpack.decode(fact.body))
