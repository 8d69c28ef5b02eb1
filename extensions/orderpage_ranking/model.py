"""Scores from outside: a model service is asked once a page, and its answer is one more weighted score.

The contract is ``protos/crossborder/ranking/v1/scoring.proto``. A model that does not answer in time, or that answers
nonsense, is absent: the other scores rank alone, and the page says so in ``degraded``. Its scores hold under a quote,
so a list does not change its order while a buyer chooses.
"""

from collections.abc import Callable, Mapping
from typing import Annotated

from msgspec import Meta

from crossborder.ranking.v1 import scoring_pb2
from orderpage import Fact, Settings, extends, extension, points
from orderpage.domain.page import PageView, ParcelOptions, Scores
from orderpage.domain.shipping import Parcel
from orderpage.ports import AskView, GrpcCall

BEST = 1_000_000
MOST_PARCELS = 64
_METHOD = "/crossborder.ranking.v1.ScoringService/Score"

OUTSIDE_SCORES: Fact[Mapping[str, Mapping[str, int]]] = Fact(
    "ranking.outside_scores",
    Mapping[str, Mapping[str, int]],
    "What a model outside says of methods: parcel id to method code to parts per million.",
    default={},
    pinned=True,
)


class Model(Settings, frozen=True, kw_only=True):
    """Settings of ``ranking.model``: where the model is, and how long a page waits for it.

    ``token`` names a secret that is sent as a bearer token; empty for none.
    """

    target: Annotated[str, Meta(pattern=r"^[^\s/]+:[0-9]{1,5}$")]
    budget_ms: Annotated[int, Meta(ge=1, le=2_000)] = 100
    secure: bool = True
    token: str = ""


@extension("ranking.model", settings=Model)
class ModelScores:
    """Asks the model about every distinct parcel of the page."""

    def __init__(self, settings: Model) -> None:
        self.settings = settings
        self.budget_ms = settings.budget_ms
        self.secrets = (settings.token,) if settings.token else ()

    @extends(points.ASK, fills=OUTSIDE_SCORES)
    async def ask(self, view: AskView) -> Mapping[str, Mapping[str, int]]:
        """Raises ``Unavailable`` where it does not answer, ``ValueError`` for an answer that is none."""
        remote, settings = view.ports.remote, self.settings
        metadata = {"authorization": f"Bearer {remote.secret(settings.token)}"} if settings.token else {}
        request = _request(view.page, view.parcels[:MOST_PARCELS])
        call = GrpcCall(
            target=settings.target,
            method=_METHOD,
            request=request.SerializeToString(),
            metadata=metadata,
            secure=settings.secure,
        )
        return _scores(scoring_pb2.ScoreResponse.FromString(await remote.grpc(call)))


@extension("ranking.outside")
class OutsideScores:
    """The model's scores, as one of those that are weighted. A method that it does not know scores 0."""

    @extends(points.RANK, needs=(OUTSIDE_SCORES,))
    def rank(
        self, page: PageView, scores: Mapping[str, Mapping[str, int]]
    ) -> Callable[[ParcelOptions], Scores | None] | None:
        """None where the model said nothing."""
        if not scores:
            return None

        def by_model(parcel: ParcelOptions) -> Scores | None:
            known = scores.get(parcel.parcel.parcel_id)
            if not known:
                return None
            return Scores(tuple([known.get(each.option.method.code, 0) for each in parcel.options]), "MODEL")

        return by_model


def _request(page: PageView, parcels: tuple[Parcel, ...]) -> scoring_pb2.ScoreRequest:
    """What a model may know: nothing that names the buyer."""
    cell, buyer = page.cell, page.buyer
    request = scoring_pb2.ScoreRequest(
        site=cell.site,
        business=cell.business,
        client=cell.client,
        crowd=cell.crowd,
        bucket=cell.bucket,
        country=page.address.country if page.address else "",
        last_method=buyer.last_method,
        orders_by_method=buyer.orders_by_method,
    )
    for parcel in parcels:
        request.parcels.add(
            parcel_id=parcel.parcel_id,
            weight_g=parcel.weight_g,
            volume_cm3=parcel.volume_cm3,
            units=sum(item.quantity for item in parcel.items),
            value=sum(item.amount for item in parcel.items),
            goods_classes=sorted(parcel.goods_classes),
            shops=len(parcel.shops),
        )
    return request


def _scores(response: scoring_pb2.ScoreResponse) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for each in response.scores:
        if not 0 <= each.score <= BEST:
            raise ValueError(f"the model scores {each.method} {each.score} ppm; scores are 0 to {BEST}")
        found.setdefault(each.parcel_id, {})[each.method] = each.score
    return found
