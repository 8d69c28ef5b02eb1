from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import permutations, product
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import Offered, offer
from orderpage.engine.extension import Settings, extends, extension
from orderpage.engine.layer import Edit, Layer, merge
from orderpage.engine.plan import Origin, PlanSet
from orderpage.engine.run import Run

DIMENSIONS = ("site", "entry", "crowd", "bucket")
WHEN = {"site": "HK", "entry": "web", "crowd": "member", "bucket": "trial"}
MOST = ("HK", "web", "member", "trial")


def said(toy: Any, plans: PlanSet, values: tuple[str, ...], at: datetime | None = None) -> list[str]:
    run = Run(plans.plan(values, at or toy.NOW), facts={toy.AGE: 1, toy.MOOD: "m"})
    return run.collect(toy.NOTE, 1)


def settings_layer(flags: Iterable[bool], index: int) -> Layer:
    """A layer that sets the word to its own flags, so that the word says which layer won."""
    when = {name: WHEN[name] for name, flag in zip(DIMENSIONS, flags, strict=True) if flag}
    origin = Origin(f"p{index}", "p.yaml", index + 1)
    edit = Edit("set", "note", "word", origin, settings={"word": "+".join(when) or "nowhere"})
    return Layer(f"p{index}", origin, when=when, edits=(edit,))


def base(*edits: Edit) -> Layer:
    origin = Origin("default", "default.yaml", 1)
    return Layer("default", origin, edits=(Edit("add", "note", "word", origin, "word"), *edits))


def compiled(toy: Any, layers: Iterable[Layer], **more: Any) -> PlanSet:
    dimensions = {"site": ("HK", "SG"), "entry": ("web", "app"), "crowd": ("everyone", "member")}
    return compile_plans(
        points=toy.POINTS,
        dimensions={**dimensions, "bucket": ("control", "trial")},
        layers=layers,
        extensions=toy.offered(),
        host_facts=(toy.AGE, toy.MOOD),
        **more,
    )


def test_all_sixteen_specificities_are_in_one_fixed_order_and_the_most_decisive_dimension_wins(toy: Any) -> None:
    flags = list(product([False, True], repeat=4))
    layers = [settings_layer(flag, index) for index, flag in enumerate(flags)]
    for count in range(1, 17):
        plans = compiled(toy, [base(), *layers[:count]])
        expected = "+".join(name for name, flag in zip(DIMENSIONS, flags[count - 1], strict=True) if flag)
        assert said(toy, plans, MOST) == [expected or "nowhere"]


@settings(deadline=None)
@given(st.sets(st.tuples(*[st.booleans()] * 4), min_size=1), st.randoms())
def test_specificity_is_total_and_the_order_of_files_changes_nothing(toy: Any, flags: set[Any], random: Any) -> None:
    layers = [base(), *(settings_layer(flag, index) for index, flag in enumerate(sorted(flags)))]
    shuffled = list(layers)
    random.shuffle(shuffled)
    plans, again = compiled(toy, layers), compiled(toy, shuffled)
    assert plans.version == again.version
    most = max(flags)
    assert said(toy, plans, MOST) == ["+".join(n for n, f in zip(DIMENSIONS, most, strict=True) if f) or "nowhere"]


@settings(deadline=None)
@given(st.permutations(range(5)))
def test_the_order_of_edits_within_a_layer_and_between_equal_layers_changes_nothing(toy: Any, order: list[int]) -> None:
    origin = Origin("default", "default.yaml", 1)
    start = base(Edit("add", "show", "a", origin, "word"), Edit("add", "show", "b", origin, "word"))

    def show(index: int, action: Any, slot: str, anchor: str = "") -> Edit:
        package = "x" if index % 2 else "y"
        return Edit(action, "show", slot, Origin(package, "f.yaml", index), "other", anchor=anchor)

    edits = [
        show(1, "after", "c", "a"),
        show(2, "after", "d", "c"),
        show(3, "before", "e", "d"),
        show(4, "before", "f", "b"),
        show(5, "replace", "b"),
    ]
    shuffled = [edits[index] for index in order]
    layers = [
        Layer(name, Origin(name, "f.yaml", 1), edits=tuple(edit for edit in shuffled if edit.origin.package == name))
        for name in ("x", "y")
    ]
    plan = compiled(toy, [start, *layers]).plan(MOST, toy.NOW)
    assert [slot.name for slot in plan.stages["show"].slots] == ["a", "c", "e", "d", "f", "b"]
    assert [slot.extension for slot in plan.stages["show"].slots] == [
        "word",
        "other",
        "other",
        "other",
        "other",
        "other",
    ]


def test_each_edit_does_what_it_says(toy: Any, default: str) -> None:
    plans = toy.compile(
        default
        + "note:\n  add: [{use: word, settings: {deep: {a: {x: 1, y: 2}}}}, {use: other, as: more}, {use: ager}]\n"
        + "show: {add: [{use: word, as: one}, {use: word, as: two}]}\n"
        + "rate: {add: [{use: number, weight: 7, settings: {number: 1}}]}\n",
        "package: hk\nwhen: {site: HK}\n"
        "note:\n  set: {word: {word: hi, deep: {a: {y: 3}, b: {z: 4}}}}\n  remove: [ager]\n"
        "  replace: {more: {use: word, settings: {word: more}}}\n"
        "show: {before: {one: [{use: other}]}, after: {one: [{use: other, as: mid}, {use: other, as: mid2}]}}\n"
        "rate: {replace: {number: {use: number, settings: {number: 2}}}}\n",
    )
    hk, sg = (plans.cell((site, "web", "everyone", "control"), toy.NOW).resolution for site in ("HK", "SG"))
    assert [slot.name for slot in hk.slots["note"]] == ["word", "more"]
    assert hk.slots["note"][0].settings == {"word": "hi", "deep": {"a": {"x": 1, "y": 3}, "b": {"z": 4}}}
    assert (hk.slots["note"][1].extension, hk.slots["note"][1].settings) == ("word", {"word": "more"})
    assert [slot.name for slot in hk.removed["note"]] == ["ager"]
    assert [slot.name for slot in hk.slots["show"]] == ["other", "one", "mid", "mid2", "two"]
    assert (hk.slots["rate"][0].weight, hk.slots["rate"][0].settings) == (7, {"number": 2})
    assert [slot.name for slot in sg.slots["note"]] == ["word", "more", "ager"]
    assert (hk.packages, sg.packages) == (("default", "hk"), ("default",))
    assert said(toy, plans, ("SG", "web", "everyone", "control")) == ["hello", "other", "1 and m"]


def test_profiles_are_merged_by_specificity_and_converted(toy: Any, default: str) -> None:
    plans = toy.compile(
        default,
        "package: a\nwhen: {site: HK}\nprofile: {limits: {lines: 5}}\n",
        "package: b\nwhen: {site: HK, entry: app}\nprofile: {currency: USD, limits: {days: 2}}\n",
    )
    profile = plans.plan(("HK", "app", "everyone", "control"), toy.NOW).profile
    assert (profile.currency, profile.limits) == ("USD", {"lines": 5, "days": 2})
    assert plans.plan(("SG", "app", "everyone", "control"), toy.NOW).profile.currency == "HKD"


def test_a_dimension_given_as_a_star_is_not_given(toy: Any, default: str) -> None:
    note = "note: {add: [{use: word}]}\n"
    plans = toy.compile(default, "package: a\nwhen: {site: '*', entry: web}\n" + note)
    assert len(plans.plans) == 2


def test_equal_scenarios_share_one_plan_and_equal_slots_one_instance(toy: Any, default: str) -> None:
    note = "note: {add: [{use: word}]}\nshow: {add: [{use: word}]}\n"
    plans = toy.compile(
        default + note,
        "package: hk\nwhen: {site: HK}\nnote: {set: {word: {word: x}}}\n",
        "package: sg\nwhen: {site: SG}\nnote: {set: {word: {word: x}}}\n",
        "package: app\nwhen: {entry: app}\nnote: {add: [{use: other}]}\n",
    )
    web, app = (plans.plan(("HK", entry, "everyone", "control"), toy.NOW) for entry in ("web", "app"))
    assert len(plans.plans) == 2
    assert plans.plan(("SG", "web", "member", "trial"), toy.NOW) is web
    assert plans.by_digest(app.digest) is app
    assert plans.by_digest("none") is None
    assert web.stages["note"].compiled[0] is app.stages["note"].compiled[0]
    assert web.stages["note"].compiled[0].call.__self__ is app.stages["note"].compiled[0].call.__self__
    hk, sg = (plans.cell((site, "web", "everyone", "control"), toy.NOW) for site in ("HK", "SG"))
    assert hk.plan is sg.plan
    assert [cell.resolution.slots["note"][0].history[-1].origin.package for cell in (hk, sg)] == ["hk", "sg"]


def test_the_digest_covers_slots_settings_order_weight_profile_version_and_data(toy: Any) -> None:
    profile = "package: default\nprofile: {currency: HKD}\n"
    texts = [
        profile,
        "package: default\nprofile: {currency: USD}\n",
        profile + "note: {add: [{use: word}]}\n",
        profile + "note: {add: [{use: word, as: other}]}\n",
        profile + "note: {add: [{use: word, settings: {word: x}}]}\n",
        profile + "show: {add: [{use: word}]}\n",
        profile + "show: {add: [{use: word}, {use: other}]}\n",
        profile + "show: {add: [{use: other}, {use: word}]}\n",
        profile + "rate: {add: [{use: number, weight: 1, settings: {number: 1}}]}\n",
        profile + "rate: {add: [{use: number, weight: 2, settings: {number: 1}}]}\n",
    ]
    digests = [toy.compile(text).plan(toy.CELL, toy.NOW).digest for text in texts]
    assert len(set(digests)) == len(texts)
    assert digests == [toy.compile(text).plan(toy.CELL, toy.NOW).digest for text in texts]

    @extension("dated")
    class Dated:
        data_digest = ""

        @extends(toy.NOTE)
        def note(self, view: int) -> list[str]:
            return []

    edit = Edit("add", "note", "dated", Origin("default", "d.yaml", 1), "dated")
    layer = Layer("default", Origin("default", "d.yaml", 1), edits=(edit,))
    found = set()
    for version, data in product(("1.0", "1.1"), ("march", "april")):
        Dated.data_digest = data
        extensions = {"dated": Offered(Dated, "dist", version)}
        plans = compile_plans(points=toy.POINTS, dimensions={"a": ["b"]}, layers=[layer], extensions=extensions)
        found.add(plans.version)
    assert len(found) == 4


def test_settings_are_decoded_by_the_hosts_hook(toy: Any) -> None:
    class Cents(int):
        pass

    class Priced(Settings, frozen=True):
        price: Cents

    @extension("priced", settings=Priced)
    class Price:
        def __init__(self, settings: Priced) -> None:
            self.price = settings.price

        @extends(toy.GATE)
        def gate(self, view: int) -> list[int]:
            return [self.price]

    def decode(kind: type, value: Any) -> Any:
        if kind is Cents:
            return Cents(round(float(value) * 100))
        raise NotImplementedError

    edit = Edit("add", "gate", "priced", Origin("default", "d.yaml", 1), "priced", settings={"price": "9.50"})
    layer = Layer("default", edit.origin, edits=(edit,))
    plans = compile_plans(
        points=toy.POINTS, dimensions={"a": ["b"]}, layers=[layer], extensions=offer(Price), dec_hook=decode
    )
    assert Run(plans.plan(("b",), toy.NOW), facts={}).collect(toy.GATE, 1) == [950]


@pytest.mark.parametrize(
    ("active", "inside", "outside"),
    [
        # dates are whole days in Shanghai, UTC+8; both inclusive
        ("{from: 2026-11-01, to: 2026-11-30}", "2026-10-31T16:00:00", "2026-10-31T15:59:59"),
        ("{from: 2026-11-01, to: 2026-11-30}", "2026-11-30T15:59:59", "2026-11-30T16:00:00"),
        # instants are exact; the end is exclusive
        ("{from: 2026-11-01T00:00:00Z, to: 2026-11-02T00:00:00Z}", "2026-11-01T00:00:00", "2026-11-02T00:00:00"),
        ("{from: 2026-11-01}", "2030-01-01T00:00:00", "2020-01-01T00:00:00"),
        ("{to: 2026-11-01}", "2020-01-01T00:00:00", "2030-01-01T00:00:00"),
    ],
)
def test_a_layer_holds_in_its_window_only(toy: Any, default: str, active: str, inside: str, outside: str) -> None:
    plans = toy.compile(default, f"package: sale\nactive: {active}\nnote: {{add: [{{use: word}}]}}\n")
    at = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (inside, outside)]
    assert [said(toy, plans, toy.CELL, moment) for moment in at] == [["hello"], []]
    assert [cell.era.holds(at[0]) for cell in plans.cells() if cell.values == toy.CELL].count(True) == 1


def test_windows_cut_time_into_eras_that_share_plans(toy: Any, default: str) -> None:
    plans = toy.compile(
        default,
        "package: a\nactive: {from: 2026-11-01, to: 2026-11-20}\nnote: {add: [{use: word}]}\n",
        "package: b\nactive: {from: 2026-11-11, to: 2026-11-30}\nnote: {add: [{use: other}]}\n",
    )
    assert len(plans.eras) == 5
    assert [era.start for era in plans.eras[1:]] == [era.end for era in plans.eras[:-1]]
    days = [datetime(2026, 11, day, tzinfo=UTC) for day in (5, 15, 25)]
    assert [said(toy, plans, toy.CELL, day) for day in days] == [["hello"], ["hello", "other"], ["other"]]
    before, after = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    assert plans.plan(toy.CELL, before) is plans.plan(toy.CELL, after)
    assert len(list(plans.cells())) == 5 * 16


def test_conversion_of_a_default_profile_is_a_plain_mapping(toy: Any) -> None:
    assert compiled(toy, [base()]).plan(MOST, toy.NOW).profile == {}


Json = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
Mapping = st.dictionaries(st.sampled_from("abc"), Json, max_size=3)


@settings(deadline=None)
@given(Mapping, Mapping)
def test_a_patch_wins_wherever_it_speaks_and_changes_nothing_else(old: dict[str, Any], patch: dict[str, Any]) -> None:
    kept = msgspec.json.encode(old)
    merged, _ = merge(old, {}, patch, {})

    def check(merged: Any, old: Any, patch: Any) -> None:
        for key in {**old, **patch}:
            if key not in patch:
                assert merged[key] == old[key]
            elif isinstance(patch[key], dict) and isinstance(old.get(key), dict):
                check(merged[key], old[key], patch[key])
            else:
                assert merged[key] == patch[key]

    check(merged, old, patch)
    assert merge(merged, {}, patch, {})[0] == merged
    assert msgspec.json.encode(old) == kept


def test_permutations_of_keys_in_settings_are_one_digest(toy: Any) -> None:
    def digest(keys: tuple[str, ...]) -> str:
        text = ", ".join(f"{key}: {{z: 1}}" for key in keys)
        layer = "package: default\nprofile: {currency: HKD}\nnote: {add: [{use: word, settings: {deep: {%s}}}]}\n"
        found: str = toy.compile(layer % text).plan(toy.CELL, toy.NOW).digest
        return found

    assert len({digest(keys) for keys in permutations("abc")}) == 1


LAST = "package: off\nlast: true\nnote: {remove: [word]}\n"


def test_a_last_layer_wins_over_every_more_specific_one(toy: Any, default: str) -> None:
    narrow = "package: narrow\nwhen: {site: HK, crowd: member}\nnote: {set: {word: {word: narrow}}}\n"
    plans = toy.compile(default + "note: {add: [{use: word}]}\n", narrow, LAST)
    assert [said(toy, plans, cell.values) for cell in plans.cells()] == [[]] * 16


def test_a_last_layer_edits_what_it_names_wherever_that_stands(toy: Any, default: str) -> None:
    hk = "package: hk\nwhen: {site: HK}\nnote: {add: [{use: word}]}\n"
    narrower = "package: later\nwhen: {crowd: member}\nlast: true\nnote: {add: [{use: word}]}\n"
    assert said(toy, toy.compile(default, hk), MOST) == ["hello"]
    assert said(toy, toy.compile(default, hk, LAST), MOST) == []
    assert said(toy, toy.compile(default, hk, LAST, narrower), MOST) == ["hello"], "of last ones the more specific wins"
