from datetime import date, timedelta
from enum import Enum
from typing import Any

import msgspec
import pytest

from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import Offered
from orderpage.engine.explain import Explanation, UnknownSlot, explain, standings
from orderpage.engine.extension import Settings, extends, extension
from orderpage.engine.layer import Edit, Layer
from orderpage.engine.matrix import difference, matrix
from orderpage.engine.plan import Origin, UnknownScenario

LAYERS = (
    "package: default\nprofile: {currency: HKD}\n"
    "note:\n  add:\n    - use: word\n    - {use: other, as: more}\n    - use: ager\n"
    "rate:\n  add: [{use: number, weight: 40, settings: {number: 1}}]\n",
    "package: hk\nwhen: {site: HK}\n"
    "note:\n  set: {word: {word: hi}}\n  replace:\n    more: {use: word}\n  remove: [ager]\n",
)


def test_the_explanation_names_file_and_line_of_every_edit_and_what_it_shadowed(toy: Any) -> None:
    plans = toy.compile(*LAYERS)
    found = explain(plans, toy.CELL, toy.NOW)
    digest = plans.plan(toy.CELL, toy.NOW).digest
    assert str(found) == (
        "scenario site=HK entry=web crowd=everyone bucket=control\n"
        f"plan {digest} of version {plans.version}, from ever to ever\n"
        "layers default, hk\n"
        "profile\n"
        "  currency: HKD\n"
        "  limits: {}\n"
        "\n"
        "note\n"
        "  word\n"
        "    add by default layers/0.yaml:5\n"
        "    set by hk layers/1.yaml:4\n"
        "      word: 'hi'\n"
        "  more = word\n"
        "    add by default layers/0.yaml:6\n"
        "    replace by hk layers/1.yaml:6, shadows other of default layers/0.yaml:6\n"
        "  (ager) remove by hk layers/1.yaml:7, shadows ager of default layers/0.yaml:7\n"
        "\n"
        "rate\n"
        "  number weight 40\n"
        "    add by default layers/0.yaml:9\n"
        "      number: 1"
    )


def test_rows_are_shown_whole_and_each_on_a_line(toy: Any) -> None:
    class Dated(Settings, frozen=True):
        rows: list[dict[str, list[str] | str]]
        letters: list[str]

    @extension("dated", settings=Dated)
    class Rows:
        def __init__(self, settings: Dated) -> None:
            pass

        @extends(toy.NOTE)
        def note(self, view: int) -> list[str]:
            return []

    first = "{effective_from: 2026-01-01, taxed: [a, b, c, d, e, f]}"
    layers = (
        "package: default\nprofile: {currency: HKD}\n"
        f"note: {{add: [{{use: dated, settings: {{rows: [{first}, {{a: b}}], letters: [a, b, c, d, e]}}}}]}}\n",
        "package: hk\nwhen: {site: HK}\nnote: {set: {dated: {rows: [{a: c}], letters: [z]}}}\n",
    )
    rows = (
        "      rows:\n"
        "        - {'effective_from': '2026-01-01', 'taxed': ['a', 'b', 'c', 'd', 'e', 'f']}\n"
        "        - {'a': 'b'}\n"
        "      letters: ['a', 'b', 'c', 'd', ...]"
    )
    plans = toy.compile(*layers, extensions=(Rows,))
    assert str(explain(plans, ("SG", *toy.CELL[1:]), toy.NOW)).endswith(rows)
    assert (
        "shadows rows=[{'effective_from': '2026-01-01', 'taxed': ['a', 'b', 'c', 'd', ...]}, {'a': 'b'}], letters="
        in (str(explain(plans, toy.CELL, toy.NOW)))
    )


def test_a_profile_is_shown_as_a_layer_says_it() -> None:
    class Kept(Enum):
        WHOLE = "WHOLE"

    class Coin(msgspec.Struct, frozen=True):
        code: str

    class Wide(msgspec.Struct, frozen=True):
        coin: Coin
        kept: Kept
        places: tuple[str, ...]
        most: int | None = None

    shown = Explanation({}, "ever", "d", "v", (), Wide(Coin("HKD"), Kept.WHOLE, ("a", "b")), ())
    lines = ["  coin: {code: HKD}", "  kept: WHOLE", "  places: a, b", "  most: unset"]
    assert str(shown).splitlines()[-5:] == ["profile", *lines]


def test_one_point_can_be_explained_alone(toy: Any) -> None:
    found = explain(toy.compile(*LAYERS), toy.CELL, toy.NOW, point="rate")
    assert [point.point for point in found.points] == ["rate"]


def test_a_slot_can_be_explained_wherever_it_stands(toy: Any) -> None:
    found = standings(toy.compile(*LAYERS), "more", toy.NOW)
    assert "\n".join(map(str, found)) == (
        "note\n"
        "  more = other\n"
        "    in site=SG entry=* crowd=* bucket=*\n"
        "    add by default layers/0.yaml:6\n"
        "note\n"
        "  more = word\n"
        "    in site=HK entry=* crowd=* bucket=*\n"
        "    add by default layers/0.yaml:6\n"
        "    replace by hk layers/1.yaml:6, shadows other of default layers/0.yaml:6"
    )
    assert str(standings(toy.compile(*LAYERS), "ager", toy.NOW)[-1]) == (
        "note\n"
        "  (ager) remove by hk layers/1.yaml:7, shadows ager of default layers/0.yaml:7\n"
        "    in site=HK entry=* crowd=* bucket=*"
    )
    with pytest.raises(UnknownSlot, match=r"no scenario has a slot 'wrod' at note; did you mean word\?"):
        standings(toy.compile(*LAYERS), "wrod", toy.NOW, "note")


def test_an_unknown_scenario_is_not_explained(toy: Any) -> None:
    with pytest.raises(UnknownScenario):
        explain(toy.compile(*LAYERS), ("TW", "web", "everyone", "control"), toy.NOW)


def test_the_matrix_groups_scenarios_by_plan_and_says_what_nobody_selects(toy: Any) -> None:
    past = "package: past\nactive: {to: 2020-01-01}\nnote: {add: [{use: word, as: past}]}\n"
    coming = "package: coming\nactive: {from: 2030-01-01}\nnote: {add: [{use: word, as: coming}]}\n"
    some = "package: some\nwhen: {entry: app, crowd: member}\nnote: {add: [{use: word, as: some}]}\n"
    plans = toy.compile(*LAYERS, past, coming, some)
    found = matrix(plans, toy.NOW, offered=("word", "number", "spare"))
    assert [(len(group.cells), group.pattern) for group in found.groups] == [
        (6, "some of site=HK entry=* crowd=* bucket=*"),
        (6, "some of site=SG entry=* crowd=* bucket=*"),
        (2, "site=HK entry=app crowd=member bucket=*"),
        (2, "site=SG entry=app crowd=member bucket=*"),
    ]
    assert [origin.package for origin in found.unused_packages] == ["past"]
    assert found.unused_extensions == ("spare",)
    lines = str(found).splitlines()
    assert lines[0] == f"version {plans.version}: 16 scenarios, 4 plans"
    assert lines[-2:] == ["unused package past layers/2.yaml:1", "unused extension spare"]


def test_the_matrix_says_in_time_which_layers_data_end_and_for_whom(toy: Any) -> None:
    class Known(Settings, frozen=True):
        until: date

    @extension("almanac", settings=Known)
    class Almanac:
        def __init__(self, settings: Known) -> None:
            self.data_until = settings.until

        @extends(toy.NOTE)
        def note(self, view: int) -> list[str]:
            return []

    texts = (
        "package: default\nprofile: {currency: HKD}\n"
        "note: {add: [{use: almanac, settings: {until: 2026-08-30}}, {use: word}]}\n",
        "package: sg\nwhen: {site: SG}\nnote:\n  set:\n    almanac: {until: 2026-08-31}\n",
    )
    plans = toy.compile(*texts, extensions=(Almanac,))
    found = matrix(plans, toy.NOW)  # 90 days before the first of the two
    assert [str(ending) for ending in found.endings] == [
        "data end 2026-08-30 at note: almanac (almanac), default layers/0.yaml:3, site=HK entry=* crowd=* bucket=*"
    ]
    assert str(found).splitlines()[-1] == str(found.endings[0])
    later = matrix(plans, toy.NOW + timedelta(days=1))
    assert [(str(ending.until), str(ending.origin)) for ending in later.endings] == [
        ("2026-08-30", "default layers/0.yaml:3"),
        ("2026-08-31", "sg layers/1.yaml:5"),
    ]
    assert matrix(plans, toy.NOW - timedelta(days=1)).endings == ()
    assert len(matrix(plans, toy.NOW + timedelta(days=900)).endings) == 2, "and goes on saying so"


def test_the_difference_of_two_sets_says_what_changes_where(toy: Any) -> None:
    old = toy.compile(*LAYERS)
    changed = LAYERS[1].replace("word: hi", "word: ho").replace("  remove: [ager]\n", "  add: [{use: word, as: new}]\n")
    found = difference(old, toy.compile(LAYERS[0], changed), toy.NOW)
    (change,) = found.changes
    assert (len(change.cells), change.pattern) == (8, "site=HK entry=* crowd=* bucket=*")
    assert change.what == (
        "note: ager (ager) is new",
        "note: new (word) is new",
        "note: word word 'hi' → 'ho'",
    )
    assert str(found).splitlines()[0] == "8 scenarios site=HK entry=* crowd=* bucket=*"
    same = difference(old, toy.compile(*LAYERS), toy.NOW)
    assert not same
    assert str(same) == "no difference"


def test_the_difference_tells_new_scenarios_order_and_profile(toy: Any) -> None:
    old = toy.compile("package: default\nprofile: {currency: HKD}\nshow: {add: [{use: word}, {use: other}]}\n")
    new = toy.compile("package: default\nprofile: {currency: USD}\nshow: {add: [{use: other}, {use: word}]}\n")
    (change,) = difference(old, new, toy.NOW).changes
    assert change.what[0].startswith("profile: ToyProfile(currency='HKD'")
    assert change.what[1] == "show: order is now other, word"


def test_the_difference_tells_other_extensions_weights_settings_and_versions(toy: Any) -> None:
    text = "package: default\nprofile: {currency: HKD}\n"
    old = toy.compile(
        text
        + "note: {add: [{use: word}, {use: ager}]}\n"
        + "rate: {add: [{use: number, weight: 1, settings: {number: 1}}]}\n"
    )
    new = toy.compile(
        text
        + "note: {add: [{use: other, as: word}]}\n"
        + "rate: {add: [{use: number, weight: 2, settings: {number: 2}}]}\n"
    )
    (change,) = difference(old, new, toy.NOW).changes
    assert change.what == (
        "note: ager (ager) is gone",
        "note: word is other, was word",
        "rate: number weight 1 → 2",
        "rate: number number 1 → 2",
    )
    added = toy.compile(text + "note: {add: [{use: word}]}\n")
    set_ = toy.compile(text + "note: {add: [{use: word, settings: {word: x}}]}\n")
    assert difference(added, set_, toy.NOW).changes[0].what == ("note: word word unset → 'x'",)


def test_the_difference_tells_scenarios_that_come_and_go(toy: Any) -> None:
    origin = Origin("default", "d.yaml", 1)
    layers = [Layer("default", origin)]
    old, new = (
        compile_plans(points=toy.POINTS, dimensions={"site": sites}, layers=layers, extensions={})
        for sites in (("HK", "SG"), ("HK", "TW"))
    )
    assert str(difference(old, new, toy.NOW)) == "new scenario TW\ngone scenario SG"


def test_another_version_of_a_distribution_is_a_difference(toy: Any) -> None:
    @extension("said")
    class Said:
        @extends(toy.NOTE)
        def note(self, view: int) -> list[str]:
            return []

    origin = Origin("default", "d.yaml", 1)
    layers = [Layer("default", origin, edits=(Edit("add", "note", "said", origin, "said"),))]
    old, new = (
        compile_plans(
            points=toy.POINTS,
            dimensions={"site": ("HK",)},
            layers=layers,
            extensions={"said": Offered(Said, "dist", version)},
        )
        for version in ("1", "2")
    )
    assert difference(old, new, toy.NOW).changes[0].what == ("an extension's version or data",)
