"""Texts that exist in several languages, as data carries them."""

from collections.abc import Mapping

Text = Mapping[str, str]
"""Language tag (BCP 47: zh-Hans, zh-Hant, en) to the words in it."""

FALLBACK = ("zh-Hans", "en")


def in_language(text: Text, language: str) -> str:
    """The words in ``language``, else in the first fall-back present, else whichever there are."""
    if language in text:
        return text[language]
    for other in FALLBACK:
        if other in text:
            return text[other]
    return next(iter(text.values()), "")
