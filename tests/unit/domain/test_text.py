"""Texts in several languages."""

import pytest

from orderpage.domain.text import in_language

ALL = {"zh-Hans": "直邮", "zh-Hant": "直郵", "en": "Direct mail"}


@pytest.mark.parametrize("language", list(ALL))
def test_the_words_of_the_language_asked_for(language: str) -> None:
    assert in_language(ALL, language) == ALL[language]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ALL, "直邮"),
        ({"zh-Hant": "直郵", "en": "Direct mail"}, "Direct mail"),
        ({"zh-Hant": "直郵"}, "直郵"),
        ({}, ""),
    ],
)
def test_an_absent_language_falls_back_to_one_that_is_there(text: dict[str, str], words: str) -> None:
    assert in_language(text, "ms") == words
