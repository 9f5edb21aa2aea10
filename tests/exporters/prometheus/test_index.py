"""The index: torn, damaged, removed, locked."""

import fcntl
import logging
import shutil
import time

import pytest

from djmetrics.exporters.prometheus import OVERFLOW

from .helpers import MS, attached, observations, observe, slot_files, values


def test_half_a_line(store, tmp_path):
    """A last line that a killed writer left unfinished is ignored, and cut off by the next one."""
    store.attach(tmp_path)
    observe(store, MS, "a")
    index = tmp_path / "index.v1"
    whole = index.read_bytes()
    index.write_bytes(whole + b'[0, ["b' + b"b" * 500)

    assert observations(store) == 1
    observe(store, MS, "c")

    assert observations(store) == 2
    assert index.read_bytes() == whole + b'[0, ["c", ""]]\n'


@pytest.mark.parametrize(
    "line",
    [b"{}\n", b"[0, []]\n", b'[0, ["home", ""]]\n', b"[99, []]\n", b"\0\0\0\n", b"17\n", b'{"index": 5}\n'],
)
def test_damaged_index(store, make_store, tmp_path, caplog, line):
    """A line that nobody wrote stops what depends on it, not the process: no series is guessed at."""
    store.attach(tmp_path)
    observe(store, MS)
    with (tmp_path / "index.v1").open("ab") as index:
        index.write(line)
    with caplog.at_level(logging.WARNING, "djmetrics"):
        observe(store, MS, "new")
        newcomer = make_store()
        newcomer.attach(tmp_path)
        observe(newcomer, MS)

    assert values(store)[f'test_latency_seconds_count{{error_type="{OVERFLOW}",view="{OVERFLOW}"}}'] == 1
    assert observations(store) == 2
    assert observations(newcomer) == 1
    assert "not a line of the index" in caplog.text


def test_swept_folder(make_store, tmp_path):
    """When someone removes the files under living workers, the next scrape brings their counts back."""
    one, two = make_store(), make_store()
    for store in (one, two):
        store.attach(tmp_path)
        observe(store, MS)
    for path in tmp_path.iterdir():
        path.unlink()

    assert observations(one) == 1
    assert observations(two) == 2
    assert observations(one) == 2
    observe(one, MS)
    assert observations(two) == 3


def test_slots_of_a_lost_index(make_store, tmp_path):
    """Slots whose index is gone are not read with another one: that would show one series' counts as another's."""
    old = make_store()
    old.attach(tmp_path)
    for view in "abcdef":
        observe(old, MS, view, trace_id=1)
    old.close()
    (tmp_path / "index.v1").unlink()

    new = make_store()
    new.attach(tmp_path)
    observe(new, MS, "z")

    assert observations(new) == 1
    assert slot_files(tmp_path) == ["slot-000.v1"]


def test_stopped_holder_of_the_index(store, tmp_path, caplog):
    """A process stopped with the index locked delays others by a second once, not for good."""
    store.attach(tmp_path)
    with (tmp_path / "index.v1").open() as index, caplog.at_level(logging.WARNING, "djmetrics"):
        fcntl.flock(index, fcntl.LOCK_EX)
        started = time.monotonic()
        observe(store, MS, "a")
        assert time.monotonic() - started < 5
        started = time.monotonic()
        observe(store, MS, "b")
        assert time.monotonic() - started < 0.5
        fcntl.flock(index, fcntl.LOCK_UN)
    assert "locked by a process that does not go on" in caplog.text
    generation = store.generation

    assert values(store)[f'test_latency_seconds_count{{error_type="{OVERFLOW}",view="{OVERFLOW}"}}'] == 2
    assert store.generation > generation, "callers are told to ask for their series again"
    observe(store, MS, "a")
    assert values(store)['test_latency_seconds_count{error_type="",view="a"}'] == 1


def test_reader_beside_a_stopped_holder(store, tmp_path):
    """With the index locked by a stopped process the page still comes; all workers pass for alive."""
    store.attach(tmp_path)
    other = attached(tmp_path)
    observe(other, MS)
    other.close()
    with (tmp_path / "index.v1").open() as index:
        fcntl.flock(index, fcntl.LOCK_EX)
        found = values(store)
    assert found['test_latency_seconds_count{error_type="",view="home"}'] == 1
    assert found["djmetrics_workers"] == 2


def test_removed_folder(store, tmp_path, caplog):
    """When the whole folder is gone, the process goes on and shows its own counts."""
    folder = tmp_path / "folder"
    folder.mkdir()
    store.attach(folder)
    observe(store, MS)
    shutil.rmtree(folder)
    with caplog.at_level(logging.WARNING, "djmetrics"):
        observe(store, MS)
        assert observations(store) == 2
        observe(store, MS, "new")
        assert observations(store) == 3
    assert "cannot share metrics in" in caplog.text

    folder.mkdir()
    assert observations(store) == 3
    assert slot_files(folder) == ["slot-000.v1"]
