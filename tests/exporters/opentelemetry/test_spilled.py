"""What a long record let go of before its end: some by themselves, the rest counted, all of it bounded."""

from djmetrics.exporters.opentelemetry.spilled import Spilled
from djmetrics.exporters.opentelemetry.tree import Tree
from djmetrics.record import Operation, Record, Subject

from .test_tree import OTHER, QUERY, TEMPLATE, VIEW, Building, build, shape  # noqa: F401 - the fixture's name is its use


def spilled(
    record: Record, each: int, *, most: int = 100, fold_after: int = 2, known=()
) -> tuple[Spilled, Tree]:
    """What is kept where a record lets go of so many ``each`` time, but for the last; and its tree."""
    kept = Spilled(most, fold_after)
    operations = list(record.operations)
    while len(operations) > each:
        kept.add(operations[:each], known)
        del operations[:each]
    return kept, Tree(record, [*kept.operations, *operations], known, most, fold_after, spilled=kept)


def test_as_if_nothing_had_been_let_go_of(build):  # noqa: F811
    """The tree of a record that was handed over in parts counts all that the whole record's does."""
    build(VIEW, *(lambda: build(TEMPLATE, *[lambda: build(QUERY)] * 3),) * 20, lambda: build(OTHER))
    record = build.close()
    expected = Tree(record, record.operations, (), 100, 2)
    assert "view>template*18" in shape(expected)
    for each in 81, 60, 27, 7:
        kept, tree = spilled(record, each)
        assert sum(node.count for node in tree.nodes) == len(record.operations) == 82
        assert sum(node.duration for node in tree.nodes) == sum(node.duration for node in expected.nodes)
        assert (tree.dropped, kept.shown + len(record.operations) % each) == (0, 82) or each == 81
        names = {line.replace("*", " ").split()[0] for line in shape(tree)}
        assert names == {"view", "view>other", "view>template", "view>template>query"}


def test_children_of_a_group_lie_under_it(build):  # noqa: F811
    """A child's parent that was counted with others is that one which stands for them."""
    for number in range(6):
        build(TEMPLATE, lambda: build(QUERY), *[lambda: build(OTHER)] * (number == 5))
    record = build.close()
    _, tree = spilled(record, len(record.operations) - 1)
    assert [line for line in shape(tree) if "other" in line] == ["template>other"]
    assert "template*4" in shape(tree)


def test_bounded(build):  # noqa: F811
    """However many there are, and however different, few are held; what is not is not said to be shown."""
    for number in range(1_000):
        build(Subject("timed", str(number)))
        build(QUERY)
    record = build.close()
    kept, _ = spilled(record, 100, most=10)
    assert len(kept.alone) == len(kept.groups) == 10
    held = {*kept.operations, *kept.instead}
    assert len(held) == 20
    assert kept.shown == 10 + sum(group.count for group in kept.groups.values()) < 1_900


def test_known_ones_stay_by_themselves(build):  # noqa: F811
    """Spans of other libraries hang on them."""
    made: list[Operation] = [build(QUERY) for _ in range(20)]
    record = build.close()
    _, tree = spilled(record, 10, known=(made[7],))
    assert sum(node.operation is made[7] and node.count == 1 for node in tree.nodes) == 1
    assert sum(node.count for node in tree.nodes) == 20
