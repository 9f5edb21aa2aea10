"""Joining and leaving a folder."""

import logging

from .helpers import (
    ACTIVE,
    MS,
    add,
    observations,
    observe,
    slot_files,
    values,
)  # fmt: skip


def test_attach_moves_counts(store, tmp_path):
    """What was counted in memory goes along into the folder, exemplars and gauges too."""
    observe(store, 200 * MS, trace_id=5)
    add(store, ACTIVE, ("GET",))
    before = store.generation

    store.attach(tmp_path)

    assert store.generation > before
    observe(store, 200 * MS)
    found = values(store)
    assert found['test_latency_seconds_count{error_type="",view="home"}'] == 2
    assert found['test_latency_seconds_sum{error_type="",view="home"}'] == 0.4
    assert found['test_active{method="GET"}'] == 1
    assert slot_files(tmp_path) == ["slot-000.v1"]


def test_attach_twice(store, tmp_path):
    """To attach to the same folder again changes nothing."""
    store.attach(tmp_path)
    observe(store, MS)
    generation = store.generation

    store.attach(tmp_path)

    assert store.generation == generation
    assert observations(store) == 1


def test_attach_elsewhere(store, tmp_path):
    """Another folder is a new beginning; the first one keeps what was counted there."""
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    store.attach(first)
    observe(store, MS)

    store.attach(second)

    assert observations(store) == 0
    store.attach(first)
    assert observations(store) == 1
    assert slot_files(first) == slot_files(second) == ["slot-000.v1"]


def test_close(make_store, tmp_path):
    """A closed store has given its slot back, and counts from zero in memory."""
    store, other = make_store(), make_store()
    store.attach(tmp_path)
    observe(store, MS)
    other.attach(tmp_path)

    store.close()

    assert observations(store) == 0
    assert observations(other) == 1
    assert values(other)["djmetrics_workers"] == 1
    store.attach(tmp_path)
    assert observations(store) == 1
    assert slot_files(tmp_path) == ["slot-000.v1", "slot-001.v1"]


def test_missing_folder(store, tmp_path, caplog):
    """A folder that cannot be used is one line in the log, and the process counts on in memory until it can."""
    with caplog.at_level(logging.WARNING, "djmetrics"):
        store.attach(tmp_path / "none")
        observe(store, MS)
        assert observations(store) == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot share metrics in" in caplog.text

    (tmp_path / "none").mkdir()

    assert observations(store) == 1
    assert slot_files(tmp_path / "none") == ["slot-000.v1"]


def test_platform_without_locks(store, tmp_path, caplog, monkeypatch):
    """Where files cannot be locked, each process counts for itself and says so once."""
    monkeypatch.setattr("djmetrics.exporters.prometheus.store.SHARING", False)
    with caplog.at_level(logging.WARNING, "djmetrics"):
        store.attach(tmp_path)
        store.attach(tmp_path)
    observe(store, MS)

    assert observations(store) == 1
    assert len(caplog.records) == 1
    assert list(tmp_path.iterdir()) == []
