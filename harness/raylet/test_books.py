"""The books: nothing is lost, nothing given twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.raylet.books import Book, Pool, demand_of

GROUP = b"\x07" * 18
KEYS = [(GROUP, index) for index in range(4)]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["prepare", "commit", "release", "release_all_but"]),
        st.lists(st.sampled_from(KEYS), max_size=4, unique=True),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_what_is_free_and_what_is_in_bundles_make_up_the_node(steps: list[tuple[str, list]]) -> None:  # type: ignore[type-arg]
    book = Book(Pool({"CPU": 3}))
    for what, keys in steps:
        if what == "prepare":
            before = set(book.bundles)
            done = book.prepare({key: {"CPU": 1.0} for key in keys})
            assert set(book.bundles) == (before | set(keys) if done else before)
        else:
            getattr(book, what)(keys)
        held = sum(bundle.pool.total["CPU"] for bundle in book.bundles.values())
        assert book.node.free["CPU"] + held == 3
        assert book.node.free["CPU"] >= 0


def test_both_phases_may_come_twice() -> None:
    book = Book(Pool({"CPU": 2}))
    wanted = {KEYS[0]: {"CPU": 1.0}}
    assert book.prepare(wanted)
    assert book.prepare(wanted)
    assert book.bundles[KEYS[0]].state == "prepared"
    assert book.commit([KEYS[0]]) == book.commit([KEYS[0]]) == []
    assert book.commit([KEYS[1]]) == [KEYS[1]]
    assert book.available()["CPU"] == 1


def test_a_committed_bundle_is_offered_under_its_groups_names() -> None:
    book = Book(Pool({"CPU": 2}))
    book.prepare({KEYS[1]: {"CPU": 1.0}})
    assert set(book.total()) == {"CPU"}
    book.commit([KEYS[1]])
    name = GROUP.hex()
    assert book.total() == {
        "CPU": 2.0,
        f"CPU_group_1_{name}": 1.0,
        f"CPU_group_{name}": 1.0,
        f"bundle_group_1_{name}": 1000.0,
        f"bundle_group_{name}": 1000.0,
    }


def test_a_demand_in_group_names_means_the_bundle() -> None:
    name = GROUP.hex()
    demand = demand_of({f"CPU_group_2_{name}": 1.0, f"CPU_group_{name}": 1.0, f"bundle_group_{name}": 0.001})
    assert (demand.amounts, demand.group, demand.index) == ({"CPU": 1.0}, GROUP, 2)
    assert demand.grouped == {f"CPU_group_2_{name}": 1.0}
    assert demand_of({"CPU": 1.0}, GROUP, -1).grouped == {f"CPU_group_{name}": 1.0}
    assert demand_of({"CPU": 1.0}).group is None


def test_a_bundle_is_found_by_index_or_by_room() -> None:
    book = Book(Pool({"CPU": 3}))
    book.prepare({KEYS[0]: {"CPU": 1.0}, KEYS[1]: {"CPU": 2.0}})
    assert book.find(GROUP, 1, {"CPU": 1.0}) is None  # not committed yet
    book.commit(KEYS[:2])
    found = book.find(GROUP, -1, {"CPU": 2.0})
    assert found is not None
    assert found.key == KEYS[1]
    assert book.find(GROUP, 0, {"CPU": 2.0}) is None


def test_resizing_leaves_what_is_taken_taken() -> None:
    pool = Pool({"CPU": 4})
    assert pool.take({"CPU": 3})
    pool.resize({"CPU": 2, "GPU": 1})
    assert pool.free == {"CPU": -1.0, "GPU": 1.0}
    pool.give({"CPU": 3})
    assert pool.free == {"CPU": 2.0, "GPU": 1.0}
