"""The tree: what lies inside what, what is counted together, and how large it may get."""

import pytest

from djmetrics import recorder, units
from djmetrics.exporters.opentelemetry.tree import Tree
from djmetrics.record import Layer, Record, Subject
from djmetrics.testing import fake_clock

VIEW, TEMPLATE, QUERY, OTHER = (Subject("timed", name) for name in ("view", "template", "query", "other"))
OUTER, INNER, HANDLER = (
    Subject("middleware", "outer"),
    Subject("middleware", "inner"),
    Subject("handler", "handler"),
)


class Building:
    """Makes a record, operation by operation."""

    def __init__(self) -> None:
        self.record = units.open()
        self.before = recorder.make_current(self.record.root)

    def __call__(self, subject: Subject, *children, error=None, around=None):
        operation = recorder.begin(subject)
        if around is not None:
            operation.around = around
        for child in children:
            child()
        operation.error = error
        recorder.end(operation)
        return operation

    def close(self) -> Record:
        recorder.make_current(self.before)
        units.close(self.record)
        return self.record


@pytest.fixture
def build():
    """A record under a clock that ticks."""
    with fake_clock(tick=10):
        building = Building()
        yield building
        recorder.make_current(building.before)


def tree_of(record: Record, most: int = 100, fold_after: int = 100, known=()) -> Tree:
    return Tree(record, record.operations, known, most, fold_after)


def shape(tree: Tree) -> list[str]:
    """Each node's path of names, with the count where it stands for several."""
    lines = []
    for node in tree.nodes:
        names = [node.operation.subject.name + (f"*{node.count}" if node.count > 1 else "")]
        above = node.parent
        while above is not None:
            names.append(above.operation.subject.name)
            above = above.parent
        lines.append(">".join(reversed(names)))
    return lines


def test_parents_first(build):
    """Operations end before their parents, and stand behind them."""
    build(VIEW, lambda: build(TEMPLATE, lambda: build(QUERY)), lambda: build(QUERY))
    assert shape(tree_of(build.close())) == ["view", "view>template", "view>template>query", "view>query"]


def test_layers(build):
    """What has no parent lies in the innermost layer that was there when it began; handlers are none."""
    record = build.record
    build(OTHER)
    view = build(VIEW)
    late = build(QUERY)
    at = view.start
    record.layers += [
        Layer(INNER, at - 2, late.start - 1, 5, None),
        Layer(OUTER, at - 4, late.start + 1, 5, ValueError),
    ]
    build(HANDLER)
    assert shape(tree_of(build.close())) == [
        "outer",
        "outer>inner",
        "other",
        "outer>inner>view",
        "outer>query",
    ]


def test_times(build):
    """A node that stands for several ends with the last of them and took what all took."""
    first, *others = [build(QUERY) for _ in range(5)]
    tree = tree_of(build.close(), fold_after=1)
    alone, together = tree.nodes
    assert (alone.operation, alone.end, alone.duration) == (first, first.end, first.duration)
    assert together.operation is others[0]
    assert together.count == 4
    assert together.end == others[-1].end
    assert together.duration == sum(each.duration for each in others)


def test_only_what_is_alike_is_counted_together(build):
    """The same subject, the same parent, the same failure."""
    for _ in range(4):
        build(QUERY)
        build(OTHER)
        build(QUERY, error=KeyError)
    build(VIEW, *(lambda: build(QUERY) for _ in range(4)))
    shown = shape(tree_of(build.close(), fold_after=2))
    assert sorted(shown) == sorted(
        [
            *("query", "query", "query*2", "other", "other", "other*2", "query", "query", "query*2"),
            *("view", "view>query", "view>query", "view>query*2"),
        ]
    )


def test_children_of_those_counted_together(build):
    """They lie under the one that stands for their parents."""
    for _ in range(6):
        build(TEMPLATE, lambda: build(QUERY))
    assert shape(tree_of(build.close(), fold_after=2)) == [
        *("template", "template>query", "template", "template>query"),
        *("template*4", "template>query", "template>query", "template>query*2"),
    ]


def test_most(build):
    """A tree never has more nodes than it may; what finds no place is counted, and its children move up."""
    subjects = [Subject("timed", f"s{number}") for number in range(50)]
    for subject in subjects:
        build(subject, lambda: build(QUERY))
    for most in (0, 1, 2, 3, 8, 50):
        tree = tree_of(build.record, most=most)
        assert len(tree.nodes) <= most
        assert sum(node.count for node in tree.nodes) + tree.dropped == 100
    build.close()


def test_known_ones_have_their_own(build):
    """An operation that others' spans hang on is never counted together, nor dropped."""
    made = [build(QUERY) for _ in range(20)]
    tree = tree_of(build.close(), most=4, fold_after=1, known=made[10:13])
    alone = [node.operation for node in tree.nodes if node.count == 1]
    assert set(made[10:13]) <= set(alone)
    assert sum(node.count for node in tree.nodes) + tree.dropped == 20


def test_what_outlived_the_record(build):
    """A known operation that was open at the end is cut there; whether it ended since does not matter."""
    ended, still = recorder.begin(TEMPLATE), None
    child = build(QUERY)
    still = recorder.begin(OTHER)
    record = build.close()
    recorder.make_current(ended)
    recorder.end(ended)
    tree = tree_of(record, known=[ended, still])
    assert shape(tree) == ["template", "template>query", "template>other"]
    assert [node.is_cut for node in tree.nodes] == [True, False, True]
    assert [node.end for node in tree.nodes] == [record.end, child.end, record.end]
    recorder.make_current(build.before)
    units.outside.operations.clear()


def test_parent_that_was_counted_before_the_end(build):
    """An operation whose parent was spilled lies under the next one above."""
    view = recorder.begin(VIEW)
    template = recorder.begin(TEMPLATE)
    build(QUERY)
    recorder.end(template)
    recorder.end(view)
    record = build.close()
    record.operations.remove(template)
    assert shape(tree_of(record)) == ["view", "view>query"]


def test_around(build):
    """Another library's span lies between two operations only if the outer one is not inside it as well."""
    span = object()
    build(VIEW, lambda: build(TEMPLATE, lambda: build(QUERY, around=span), around=span))
    view, template, query = tree_of(build.close()).nodes
    assert (view.around, template.around, query.around) == (None, span, None)
