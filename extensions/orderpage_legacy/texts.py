"""What the old page says, by language."""

from orderpage.domain.text import Text

LANGUAGES = ("en", "zh-Hans", "zh-Hant")

_CARD: tuple[str, Text] = ("card", {"zh-Hans": "银行卡", "zh-Hant": "信用卡及扣賬卡", "en": "Credit or debit card"})
SG_PAYMENTS: tuple[tuple[str, Text], ...] = (
    _CARD,
    ("paynow", {"zh-Hans": "PayNow 转账", "zh-Hant": "PayNow 轉賬", "en": "PayNow"}),
)
HK_PAYMENTS: tuple[tuple[str, Text], ...] = (
    _CARD,
    ("alipay_hk", {"zh-Hans": "支付宝香港", "zh-Hant": "支付寶香港", "en": "AlipayHK"}),
    ("fps", {"zh-Hans": "转数快", "zh-Hant": "轉數快", "en": "Faster Payment System"}),
)
DISCOUNTS: dict[str, Text] = {
    "SHOP_COUPON": {"zh-Hans": "店铺优惠券", "zh-Hant": "店舖優惠券", "en": "Shop coupon"},
    "AUTUMN": {"zh-Hans": "秋季满减", "zh-Hant": "秋季滿減", "en": "Autumn reduction"},
    "FREIGHT_RELIEF": {"zh-Hans": "运费立减", "zh-Hant": "運費立減", "en": "Freight relief"},
    "THANKS": {"zh-Hans": "感恩礼券", "zh-Hant": "感恩禮券", "en": "Thank-you coupon"},
    "ITEM_FREE_SHIP": {"zh-Hans": "单品包邮", "zh-Hant": "單品免運", "en": "Ships free"},
    "BUNDLE_FREE_SHIP": {"zh-Hans": "包包计划", "zh-Hant": "包包計畫", "en": "Bundle ships free"},
    "SINGLE_SHOP_FREE_SHIP@s-apparel": {"zh-Hans": "一店通", "zh-Hant": "一店通", "en": "Free shipping from one shop"},
    "NEWCOMER_WELCOME": {"zh-Hans": "新人礼金", "zh-Hant": "新人禮金", "en": "Welcome to newcomers"},
    "DIRECT_MAIL_INSTANT_DISCOUNT": {
        "zh-Hans": "直邮立减",
        "zh-Hant": "直郵立減",
        "en": "Direct mail instant reduction",
    },
}
BADGES: dict[str, Text] = {
    "CHEAPEST": {"zh-Hans": "最省钱", "zh-Hant": "最省錢", "en": "Cheapest"},
    "FASTEST": {"zh-Hans": "最快送达", "zh-Hant": "最快送達", "en": "Fastest"},
    "TAX_SETTLED": {"zh-Hans": "税费已付清", "zh-Hant": "稅費已付清", "en": "Nothing to pay at the border"},
    "YOUR_USUAL": {"zh-Hans": "您常用", "zh-Hant": "您常用", "en": "Your usual"},
}
ARRIVAL = {
    "zh-Hans": ("预计送达", "预计{}送达"),
    "zh-Hant": ("預計送達", "預計{}送達"),
    "en": ("Estimated arrival", "Arrives {}"),
}
COST = {
    "zh-Hans": ("到手总价", "应付{}"),
    "zh-Hant": ("到手總價", "應付{}"),
    "en": ("Cost to your door", "To pay now: {}"),
}
TAX = {
    "zh-Hans": ("税费说明", "已含消费税{}，清关时无需再付", "预计清关时另付消费税约{}，以海关核定为准"),
    "zh-Hant": ("稅費說明", "已含消費稅{}，清關時無需再付", "預計清關時另付消費稅約{}，以海關核定為準"),
    "en": (
        "Taxes",
        "GST of {} is included; it is not charged again at the border",
        "About {} of GST is due at the border on import; customs decides the amount",
    ),
}
PROGRESS = {
    "gap": {"zh-Hans": "还差{}", "zh-Hant": "尚差{}", "en": "{} to go"},
    "met": {"zh-Hans": "已达标", "zh-Hant": "已達標", "en": "Reached"},
    "method": {
        "zh-Hans": "已达标，选择适用的配送方式即可享受",
        "zh-Hant": "已達標，選擇適用的配送方式即可享受",
        "en": "Reached; choose a shipping method that it is for",
    },
    "idle": {
        "zh-Hans": "已达标，本单没有可减免的金额",
        "zh-Hant": "已達標，本單沒有可減免的金額",
        "en": "Reached, but it takes nothing off this order",
    },
}
SAVING = {
    "zh-Hans": ("合并发货", "合理拆合包裹，比各店分别发货节省{}"),
    "zh-Hant": ("合併發貨", "合理拆合包裹，比各店分別發貨節省{}"),
    "en": ("Shipping together", "Packed this way you save {} against one parcel per shop"),
}


def money(cents: int, site: str) -> str:
    """``HK$1,234.50``, ``SGD 1,234.50`` with a space that does not break."""
    sign = "-" if cents < 0 else ""
    unit = "HK$" if site == "HK" else "SGD\N{NO-BREAK SPACE}"
    return f"{sign}{unit}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
