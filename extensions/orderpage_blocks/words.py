"""Every text of the blocks, by language. ``{…}`` are filled in by name."""

from collections.abc import Mapping

from orderpage.domain.text import Text, in_language

_WORDS: Mapping[str, Text] = {
    "arrival.title": {"zh-Hans": "预计送达", "zh-Hant": "預計送達", "en": "Estimated arrival"},
    "arrival.text": {"zh-Hans": "预计{window}送达", "zh-Hant": "預計{window}送達", "en": "Arrives {window}"},
    "arrival.between": {
        "zh-Hans": "预计{earliest}至{latest}送达",
        "zh-Hant": "預計{earliest}至{latest}送達",
        "en": "Arrives between {earliest} and {latest}",
    },
    "arrival.on": {"zh-Hans": "预计{day}送达", "zh-Hant": "預計{day}送達", "en": "Arrives on {day}"},
    "arrival.countdown": {
        "zh-Hans": "{time}内下单，最晚{day}送达",
        "zh-Hant": "{time}內下單，最晚{day}送達",
        "en": "Order within {time} to get it by {day}",
    },
    "arrival.before": {"zh-Hans": "{day}前送达", "zh-Hant": "{day}前送達", "en": "Arrives before {day}"},
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
    "later.title": {"zh-Hans": "称重后支付", "zh-Hant": "稱重後支付", "en": "Paid after weighing"},
    "later.text": {
        "zh-Hans": "{method}的运费在包裹称重后收取，预计约{amount}，不含在本次应付金额内",
        "zh-Hant": "{method}的運費在包裹稱重後收取，預計約{amount}，不含在本次應付金額內",
        "en": "{method}: about {amount} of freight is charged once the parcel is weighed, on top of what you pay now",
    },
    "referral.title": {"zh-Hans": "第三方集运", "zh-Hant": "第三方集運", "en": "Third-party consolidation"},
    "referral.text": {
        "zh-Hans": "由货运商自行承运并另行向您收费。这一段不在本次下单范围内，"
        "因此我们不代收税费，也不承诺送达日期，请向货运商查询",
        "zh-Hant": "由貨運商自行承運並另行向您收費。這一段不在本次下單範圍內，"
        "因此我們不代收稅費，也不承諾送達日期，請向貨運商查詢",
        "en": "The forwarder carries your parcel on and charges you for it. That leg is no part of "
        "this order, so we collect no tax on it and promise no date; ask the forwarder for both",
    },
    "progress.gap": {"zh-Hans": "还差{gap}", "zh-Hant": "尚差{gap}", "en": "{gap} to go"},
    "progress.shop": {
        "zh-Hans": "同一包裹还需1家店铺的商品",
        "zh-Hant": "同一包裹還需1家店鋪的商品",
        "en": "Needs goods of one more shop in the same parcel",
    },
    "progress.shops": {
        "zh-Hans": "同一包裹还需{shops}家店铺的商品",
        "zh-Hant": "同一包裹還需{shops}家店鋪的商品",
        "en": "Needs goods of {shops} more shops in the same parcel",
    },
    "progress.met": {"zh-Hans": "已达标", "zh-Hant": "已達標", "en": "Reached"},
    "progress.method": {
        "zh-Hans": "已达标，选择适用的配送方式即可享受",
        "zh-Hant": "已達標，選擇適用的配送方式即可享受",
        "en": "Reached; choose a shipping method that it is for",
    },
    "progress.idle": {
        "zh-Hans": "已达标，本单没有可减免的金额",
        "zh-Hant": "已達標，本單沒有可減免的金額",
        "en": "Reached, but it takes nothing off this order",
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
