"""Every text of the blocks, by language. ``{…}`` are filled in by name."""

from collections.abc import Mapping

from orderpage.domain.text import Text, in_language

_WORDS: Mapping[str, Text] = {
    "arrival.title": {"zh-Hans": "预计送达", "zh-Hant": "預計送達", "en": "Estimated arrival"},
    "arrival.text": {"zh-Hans": "预计{window}送达", "zh-Hant": "預計{window}送達", "en": "Arrives {window}"},
    "cost.title": {"zh-Hans": "到手总价", "zh-Hant": "到手總價", "en": "Cost to your door"},
    "cost.text": {"zh-Hans": "应付{payable}", "zh-Hant": "應付{payable}", "en": "To pay now: {payable}"},
    "tax.title": {"zh-Hans": "税费说明", "zh-Hant": "稅費說明", "en": "Taxes"},
    "tax.name": {"zh-Hans": "税费", "zh-Hant": "稅費", "en": "tax"},
    "tax.collected": {
        "zh-Hans": "已含{tax}{amount}，清关时无需再付",
        "zh-Hant": "已含{tax}{amount}，清關時無需再付",
        "en": "{tax} of {amount} is included; it is not charged again at the border",
    },
    "tax.border": {
        "zh-Hans": "预计清关时另付{tax}约{amount}，以海关核定为准",
        "zh-Hant": "預計清關時另付{tax}約{amount}，以海關核定為準",
        "en": "About {amount} of {tax} is due at the border on import; customs decides the amount",
    },
    "saving.title": {"zh-Hans": "合并发货", "zh-Hant": "合併發貨", "en": "Shipping together"},
    "saving.text": {
        "zh-Hans": "合理拆合包裹，比各店分别发货节省{amount}",
        "zh-Hant": "合理拆合包裹，比各店分別發貨節省{amount}",
        "en": "Packed this way you save {amount} against one parcel per shop",
    },
    "reason.CHEAPEST": {"zh-Hans": "最省钱", "zh-Hant": "最省錢", "en": "Cheapest"},
    "reason.FASTEST": {"zh-Hans": "最快送达", "zh-Hant": "最快送達", "en": "Fastest"},
    "reason.TAX_SETTLED": {"zh-Hans": "税费已付清", "zh-Hant": "稅費已付清", "en": "Nothing to pay at the border"},
    "reason.YOUR_USUAL": {"zh-Hans": "您常用", "zh-Hant": "您常用", "en": "Your usual"},
}


def words(key: str, language: str, **values: str) -> str:
    """The text in the language, filled in. Raises ``KeyError`` for an unknown key."""
    return in_language(_WORDS[key], language).format(**values)


def has_words(key: str) -> bool:
    """Whether there is such a text."""
    return key in _WORDS
