"""Every mistake in a package is refused at start-up, naming file, line and what to do. One row per mistake."""

from collections.abc import Callable
from typing import Any

import pytest

from orderpage.engine.package import PackageFiles, read_packages
from orderpage.engine.problems import PackageErrors
from orderpage.engine.scenarios import SourceText, read_scenarios

HEAD = "package: p\nwhen: {site: HK}\n"

READING = [
    ("site: HK\n", 1, "a layer begins with `package: its-unique-name`"),
    ("- 1\n", 1, "a layer begins with"),
    ("package: 7\n", 1, "package: expected `str`, got `int`; quote the value"),
    (HEAD + "ntoe:\n  add: []\n", 3, "'ntoe' is neither a point nor a key of a layer; did you mean note"),
    ("package: p\nwhen:\n  sight: HK\n", 3, "unknown dimension 'sight'; did you mean site?"),
    ("package: p\nwhen:\n  site: KH\n", 3, "unknown site 'KH'; known: HK, SG"),
    ("package: p\nwhen: {site: [HK, SG]}\n", 2, "when.site: one value is wanted; write a layer for each of several"),
    ("package: p\nactive:\n  from: 2026-13-01\n", 3, "bad date '2026-13-01'; write 2026-11-01"),
    ("package: p\nactive:\n  to: 2026-11-01T10:00:00\n", 3, "an instant with offset"),
    ("package: p\nactive:\n  to: soon\n", 3, "bad date 'soon'"),
    ("package: p\nactive:\n  from: 2026-11-02\n  to: 2026-11-01\n", 4, "`to` is not after `from`"),
    ("package: p\nactive:\n  until: 2026-11-01\n", 3, "unknown key 'until'; known: from, to"),
    ("package: p\nactive: 2026-11-01\n", 2, "active: expected `object`, got `str`"),
    ("package: p\nprofile: HKD\n", 2, "profile: expected `object`"),
    (HEAD + "note:\n  ad: []\n", 4, "note.ad: unknown key 'ad'; did you mean add?"),
    (HEAD + "note: [word]\n", 3, "note: expected `object`, got `array`"),
    (HEAD + "note:\n  add: word\n", 4, "note.add: expected `array`, got `str`"),
    (HEAD + "note:\n  add:\n    - use: word\n    - ues: word\n", 6, "unknown key 'ues'; did you mean use?"),
    (HEAD + "note:\n  add:\n    - settings: {}\n", 5, "missing required field `use`; add it"),
    (HEAD + "note:\n  add:\n    - use: ''\n", 5, "Expected `str` of length >= 1".lower()),
    (HEAD + "rate:\n  add:\n    - {use: number, weight: heavy}\n", 5, "expected `int | null`, got `str`"),
    (HEAD + "rate:\n  add:\n    - {use: number, weight: -1}\n", 5, "expected `int` >= 0"),
    (HEAD + "note:\n  set:\n    word: loud\n", 5, "note.set.word: expected `object`, got `str`"),
    (HEAD + "note:\n  replace:\n    word: {use: other, as: more}\n", 5, "a replaced slot keeps its name"),
    (HEAD + "note:\n  remove: word\n", 4, "note.remove: expected `array`"),
    (HEAD + "note:\n  remove: [word, 1]\n", 4, r"note.remove\[1\]: expected `str`"),
    (HEAD + "show:\n  after:\n    word: {use: other}\n", 5, "show.after.word: expected `array`"),
    (HEAD + "last: soon\n", 3, "last: expected `bool`, got `str`"),
    (HEAD + "note: {}\nnote: {}\n", 4, "key 'note' stands on line 3 already"),
]

NOTE = "note: {add: [{use: word}]}\n"
SHOW = "show: {add: [{use: word}]}\n"

COMPILING = [
    # (more of the default layer, the layer that is wrong, line, message)
    ("", HEAD + "note:\n  add:\n    - use: wrd\n", 5, "uses extension 'wrd', which nobody offers; did you mean word?"),
    ("", HEAD + "fee:\n  add:\n    - use: word\n", 5, "'word' does not stand at fee; it stands at"),
    (
        NOTE,
        HEAD + "note:\n  add:\n    - use: word\n",
        5,
        "adds slot 'word', which default layers/0.yaml:3 added already",
    ),
    (
        NOTE,
        HEAD + "note:\n  remove:\n    - wrod\n",
        5,
        "can't remove slot 'wrod': it is not there at note; did you mean",
    ),
    (
        NOTE,
        HEAD + "last: true\nnote:\n  remove: [wrod]\n",
        5,
        "can't remove slot 'wrod': it is not there at note in any scenario of this layer; did you mean word?",
    ),
    (NOTE, HEAD + "note:\n  set:\n    wort: {word: x}\n", 5, "can't set slot 'wort'"),
    (NOTE, HEAD + "note:\n  replace:\n    wort: {use: other}\n", 5, "can't replace slot 'wort'"),
    ("", HEAD + "note:\n  remove: [word]\n", 4, "there are none"),
    (NOTE, HEAD + "note:\n  after:\n    word: [{use: other}]\n", 5, "`after` has no meaning at note, where order"),
    (SHOW, HEAD + "show:\n  add: [{use: other}]\n", 4, "whose order matters, without saying where; use `before`"),
    (
        SHOW,
        HEAD + "show:\n  before:\n    wort: [{use: other}]\n",
        5,
        "unknown anchor 'wort' at show; did you mean word?",
    ),
    (
        SHOW,
        HEAD + "show:\n  remove: [word]\n  after:\n    word: [{use: other}]\n",
        6,
        "unknown anchor 'word' at show; there are none",
    ),
    ("", HEAD + "rate:\n  add:\n    - {use: number, settings: {number: 1}}\n", 5, "'number' has no `weight`"),
    ("", HEAD + "note:\n  add:\n    - {use: word, weight: 1}\n", 5, "`weight` has no meaning at note; remove it"),
    (NOTE, HEAD + "note:\n  set: {word: {word: a}}\n  remove: [word]\n", 5, "line 4 edits already; keep one"),
    ("", HEAD + "note:\n  add: [{use: word}, {use: word}]\n", 4, "adds slot 'word', which line 4 edits already"),
    (
        "",
        HEAD + "note:\n  add:\n    - use: word\n      settings:\n        word: a\n        wrod: b\n",
        8,
        r"settings of 'word' \(word\): wrod: unknown key 'wrod'; did you mean word?",
    ),
    (
        "",
        HEAD + "note:\n  add:\n    - use: word\n      settings:\n        word: 1\n",
        7,
        "word: expected `str`, got `int`; quote the value",
    ),
    (NOTE, HEAD + "note:\n  set:\n    word:\n      word: 1\n", 6, "expected `str`, got `int`"),
    ("", HEAD + "fee:\n  add:\n    - use: number\n", 5, "missing required field `number`; add it"),
    (
        "",
        HEAD + "note:\n  add:\n    - {use: word, settings: {word: forbidden}}\n",
        5,
        "are refused: the word is forbidden",
    ),
    ("", HEAD + "note:\n  add:\n    - {use: word, settings: {word: missing}}\n", 5, "FileNotFoundError: words.txt"),
    ("", HEAD + "profile:\n  currncy: HKD\n", 4, "profile: currncy: unknown key 'currncy'; did you mean currency?"),
    ("", HEAD + "profile:\n  currency: 1\n", 4, "profile: currency: expected `str`, got `int`"),
    ("", "package: default\n", 1, "package 'default' stands at layers/0.yaml:1 already; rename one"),
]

EQUAL = [
    # (more of the default layer, one of two equally specific layers, the other, line in the other, message)
    (
        NOTE,
        "note: {set: {word: {word: a}}}\n",
        "note: {set: {word: {word: b}}}\n",
        3,
        "sets slot 'word', which a layers/1.yaml:3 edits with equal specificity; give one of the two a more specific "
        "`when` or `last: true`, or merge them",
    ),
    (NOTE, "note: {remove: [word]}\n", "note: {replace: {word: {use: other}}}\n", 3, "with equal specificity"),
    (
        NOTE,
        "last: true\nnote: {remove: [word]}\n",
        "last: true\nnote: {set: {word: {word: a}}}\n",
        4,
        "with equal specificity; give one of the two a more specific `when`, or merge them",
    ),
    ("", NOTE, NOTE, 3, "adds slot 'word', which a layers/1.yaml:3 edits with equal specificity"),
    ("", SHOW, "show: {add: [{use: other}]}\n", 3, "without saying where"),
    (
        SHOW,
        "show: {after: {word: [{use: other}]}}\n",
        "show: {after: {word: [{use: word, as: more}]}}\n",
        3,
        "puts 'more' after 'word', as a layers/1.yaml:3 does with equal specificity; choose another anchor",
    ),
    (
        "",
        "profile: {currency: SGD}\n",
        "profile: {currency: USD}\n",
        3,
        "profile: currency: a layers/1.yaml:1 sets it too, with equal specificity",
    ),
]


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(PackageErrors) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(("text", "line", "message"), READING)
def test_a_layer_that_is_not_well_formed_is_refused(toy: Any, text: str, line: int, message: str) -> None:
    with pytest.raises(PackageErrors, match=rf"^layers/1.yaml:{line}: .*{message}"):
        toy.compile("package: default\n", text)


@pytest.mark.parametrize(("more", "text", "line", "message"), COMPILING)
def test_a_layer_that_does_not_fit_is_refused(
    toy: Any, default: str, more: str, text: str, line: int, message: str
) -> None:
    with pytest.raises(PackageErrors, match=rf"^layers/1.yaml:{line}: .*{message}"):
        toy.compile(default + more, text)


@pytest.mark.parametrize(("more", "one", "other", "line", "message"), EQUAL)
def test_equally_specific_layers_may_not_contradict_each_other(
    toy: Any, default: str, more: str, one: str, other: str, line: int, message: str
) -> None:
    layers = [default + more, "package: a\nwhen: {site: HK}\n" + one, "package: b\nwhen: {site: HK}\n" + other]
    with pytest.raises(PackageErrors, match=rf"^layers/2.yaml:{line}: .*{message}"):
        toy.compile(*layers)
    apart = [layers[0], layers[1], layers[2].replace("HK", "SG")]
    assert toy.compile(*apart)


@pytest.mark.parametrize(("more", "one", "other", "line", "message"), EQUAL)
def test_nor_may_they_in_eras_that_overlap_but_apart_in_time_they_may(
    toy: Any, default: str, more: str, one: str, other: str, line: int, message: str
) -> None:
    november = "active: {from: 2026-11-01, to: 2026-11-30}\n"
    first = "package: a\nwhen: {site: HK}\n" + one + november
    toy.compile(default + more, first, "package: b\nwhen: {site: HK}\n" + other + "active: {from: 2026-12-01}\n")
    with pytest.raises(PackageErrors, match=message):
        toy.compile(default + more, first, "package: b\nwhen: {site: HK}\n" + other + "active: {from: 2026-11-30}\n")


def test_what_is_not_there_is_said_with_what_equally_specific_layers_put_there(toy: Any, default: str) -> None:
    adding = "package: a\nwhen: {site: HK}\nnote: {add: [{use: word, as: theirs}]}\n"
    text = refused(lambda: toy.compile(default, adding, "package: b\nwhen: {site: HK}\nnote: {remove: [other]}\n"))
    assert "can't remove slot 'other': it is not there at note; did you mean theirs?" in text


def test_layers_of_one_dimension_each_that_meet_are_ordered_not_refused(toy: Any, default: str) -> None:
    plans = toy.compile(
        default + NOTE,
        "package: a\nwhen: {site: HK}\nnote: {set: {word: {word: site}}}\n",
        "package: b\nwhen: {entry: web}\nnote: {set: {word: {word: entry}}}\n",
    )
    cell = plans.cell(toy.CELL, toy.NOW)
    assert cell.resolution.slots["note"][0].settings == {"word": "site"}


def test_the_default_layer_must_be_there_and_be_for_all(toy: Any) -> None:
    assert "the default layer is missing; write one with `package: default`" in refused(
        lambda: toy.compile("package: a\n")
    )
    text = "package: default\nwhen: {site: HK}\nprofile: {currency: HKD}\n"
    assert "layers/0.yaml:1: the default layer is for every scenario" in refused(lambda: toy.compile(text))


def test_the_default_layer_comes_first(toy: Any) -> None:
    assert "remove `when`, `active` and `last`" in refused(lambda: toy.compile("package: default\nlast: true\n"))


def test_a_required_key_of_the_profile_that_no_layer_gives_is_named_with_a_scenario(toy: Any) -> None:
    text = refused(
        lambda: toy.compile("package: default\n", "package: a\nwhen: {site: HK}\nprofile: {currency: HKD}\n")
    )
    assert "missing required field `currency`; add it (in SG/web/everyone/control)" in text


def test_all_mistakes_are_reported_at_once_in_the_order_of_files_and_lines(toy: Any, default: str) -> None:
    wrong = HEAD + "note: {remove: [a]}\nfee: {remove: [b]}\n"
    lines = refused(lambda: toy.compile(default, wrong)).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["layers/1.yaml:3:", "layers/1.yaml:4:"]
    many = HEAD + "note: {remove: [" + ", ".join(f"s{n}" for n in range(30)) + "]}\n"
    lines = refused(lambda: toy.compile(default, many)).splitlines()
    assert (len(lines), lines[-1]) == (21, "and 10 more")


def test_a_mistake_that_many_scenarios_meet_is_reported_once_with_one_of_them(toy: Any, default: str) -> None:
    text = refused(lambda: toy.compile(default, HEAD + "note: {remove: [word]}\n"))
    assert text.count("can't remove") == 1
    assert text.endswith("(in HK/web/everyone/control)")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("timezone: Mars/Base\ndimensions: {site: [HK]}\n", 1, "unknown time zone 'Mars/Base'; write an IANA name"),
        ("dimensions: {site: [HK]}\n", 1, "missing required field `timezone`"),
        ("timezone: UTC\ndimensions: {}\n", 2, "names no dimension"),
        ("timezone: UTC\ndimensions:\n  site: []\n", 3, "has no values"),
        ("timezone: UTC\ndimensions:\n  site: [HK, HK]\n", 3, "repeats 'HK'"),
        ("timezone: UTC\ndimensions:\n  site: [HK, '*']\n", 3, r"may not name '\*'"),
        ("timezone: UTC\ndimensions:\n  site: [HK, 1]\n", 3, r"dimensions.site\[1\]: expected `str`"),
        ("timezone: UTC\ndimension: {site: [HK]}\n", 2, "unknown key 'dimension'; did you mean dimensions?"),
        (
            "timezone: UTC\ndimensions: {bucket: [a]}\nbuckets: {salt: s, a: 1}\n",
            3,
            "parts add up to 1; make them 10000",
        ),
        ("timezone: UTC\ndimensions: {bucket: [a]}\nbuckets: {salt: s, b: 10000}\n", 3, "unknown bucket 'b'; known: a"),
        ("timezone: UTC\ndimensions: {bucket: [a]}\nbuckets: {a: 10000}\n", 3, "`salt` is missing"),
        ("timezone: UTC\ndimensions: {bucket: [a]}\n---\na: 1\n", 1, "holds 2 documents; write exactly one"),
    ],
)
def test_closed_values_that_are_not_right_are_refused(text: str, line: int, message: str) -> None:
    with pytest.raises(PackageErrors, match=rf"^s.yaml:{line}: .*{message}"):
        read_scenarios((SourceText("s.yaml", text),))


def test_exactly_one_package_brings_the_closed_values(toy: Any) -> None:
    one = SourceText("a/scenarios.yaml", "timezone: UTC\ndimensions: {site: [HK]}\n")
    other = SourceText("b/scenarios.yaml", one.text)
    assert "found none; keep exactly one" in refused(lambda: read_scenarios(()))
    text = refused(lambda: read_packages(PackageFiles((one, other), ()), toy.POINTS))
    assert "found a/scenarios.yaml and b/scenarios.yaml" in text


DECLARED = SourceText(
    "a/scenarios.yaml",
    "timezone: UTC\ndimensions: {site: [HK, SG], bucket: [control]}\nbuckets: {salt: s, control: 10000}\n",
)


def test_other_packages_add_values_and_never_need_to_know_those_there() -> None:
    further = SourceText("b/scenarios.yaml", "add: {site: [AU, NZ]}\n")
    more = SourceText("c/scenarios.yaml", "add: {site: [JP]}\n")
    scenarios = read_scenarios((further, DECLARED, more))
    assert scenarios.dimensions == {"site": ("HK", "SG", "AU", "NZ", "JP"), "bucket": ("control",)}
    assert (scenarios.timezone, scenarios.file) == ("UTC", "a/scenarios.yaml")
    assert scenarios.buckets is not None


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("add: {}\n", 1, "adds nothing; name a dimension and its further values"),
        ("add:\n", 1, "expected `object`"),
        ("add:\n  site: [AU]\n  sites: [NZ]\n", 3, "unknown dimension 'sites'; did you mean site?"),
        ("add:\n  site: []\n", 2, "has no values"),
        ("add:\n  site: [AU, AU]\n", 2, "repeats 'AU'"),
        ("add:\n  site: ['*']\n", 2, r"may not name '\*'"),
        ("add:\n  site:\n    - AU\n    - HK\n", 4, "site 'HK' is there already; leave it out"),
        ("add:\n  site: [1]\n", 2, r"add.site\[0\]: expected `str`"),
        ("add:\n  bucket: [trial]\n", 2, "buckets are divided in a/scenarios.yaml; add one there, with its part"),
        ("add: {site: [AU]}\ntimezone: UTC\n", 2, "unknown key 'timezone'"),
    ],
)
def test_values_that_cannot_be_added_are_refused_at_their_line(text: str, line: int, message: str) -> None:
    with pytest.raises(PackageErrors, match=rf"^b/scenarios.yaml:{line}: .*{message}"):
        read_scenarios((DECLARED, SourceText("b/scenarios.yaml", text)))


def test_two_packages_may_not_add_the_same_value() -> None:
    added = [SourceText(f"{name}/scenarios.yaml", "add: {site: [AU]}\n") for name in "bc"]
    with pytest.raises(PackageErrors, match=r"^c/scenarios.yaml:1: site 'AU' is there already"):
        read_scenarios((DECLARED, *added))


def test_values_that_are_only_added_have_nothing_to_be_added_to() -> None:
    with pytest.raises(PackageErrors, match=r"found none; keep exactly one"):
        read_scenarios((SourceText("b/scenarios.yaml", "add: {site: [AU]}\n"),))


def test_buckets_and_dimensions_are_read_in_order() -> None:
    text = "timezone: UTC\ndimensions: {b: [y, x], a: [z]}\nbuckets: null\n"
    scenarios = read_scenarios((SourceText("s.yaml", text),))
    assert list(scenarios.dimensions.items()) == [("b", ("y", "x")), ("a", ("z",))]
    assert scenarios.buckets is None
