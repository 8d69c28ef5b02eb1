"""What the answers at ``present`` do to a page: blocks stand beside it, operations change how options are shown."""

from collections.abc import Iterable

from msgspec.structs import replace

from orderpage.domain.display import Badge, Block, Label, Presentation, ShowFirst
from orderpage.domain.page import Page, PageOption, PageParcel


def present(page: Page, answers: Iterable[Presentation]) -> Page:
    """The page with its blocks, badges, labels and order of options. An operation on what is not there does nothing."""
    blocks: list[Block] = []
    operations: dict[str, list[Badge | Label | ShowFirst]] = {}
    for answer in answers:
        if isinstance(answer, Block):
            blocks.append(answer)
        else:
            operations.setdefault(answer.parcel_id, []).append(answer)
    if not operations:
        return replace(page, blocks=tuple(blocks))
    parcels = tuple(_dress(parcel, operations.get(parcel.parcel.parcel_id, ())) for parcel in page.parcels)
    return replace(page, blocks=tuple(blocks), parcels=parcels)


def _dress(parcel: PageParcel, operations: Iterable[Badge | Label | ShowFirst]) -> PageParcel:
    options = list(parcel.options)
    for operation in operations:
        for index, option in enumerate(options):
            if option.priced.option.method.code == operation.method:
                _apply(operation, options, index)
                break
    return replace(parcel, options=tuple(options))


def _apply(operation: Badge | Label | ShowFirst, options: list[PageOption], index: int) -> None:
    option = options[index]
    match operation:
        case Badge(text=text):
            options[index] = replace(option, badges=(*option.badges, text))
        case Label(text=text):
            options[index] = replace(option, label=text)
        case ShowFirst():
            options.insert(0, options.pop(index))
