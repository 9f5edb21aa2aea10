"""The shared folders: made safely, held while somebody is in them, removed when nobody is."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from djmetrics import folders
from tests.components.fixtures import absent

UID, GID = os.geteuid(), os.getegid()


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A base of its own for each test, nothing held before or after it, and every warning new."""
    monkeypatch.setattr(folders, "_base", lambda: tmp_path)
    monkeypatch.setattr(folders, "_held", {})
    monkeypatch.setattr(folders, "_warned", set())
    monkeypatch.setattr(folders, "_made", set())
    yield tmp_path
    for folder in list(folders._held):
        folders.release(folder)


@pytest.fixture
def dead() -> str:
    """The key of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    key = folders.process_key(process.pid)
    assert folders.is_alive(key)
    process.communicate()
    return key


def test_private_folder_is_for_one_user(base: Path) -> None:
    """It lies in the user's own folder, and both are closed to everybody else."""
    key = folders.process_key(os.getpid())

    folder = folders.private_folder(key, UID, GID)

    assert folder == base / f"djmetrics-{UID}" / key
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]
    assert folders.is_private(folder)
    assert not folders.is_private(base / "elsewhere")


def test_same_key_is_same_folder() -> None:
    """Workers of one server meet in one folder."""
    key = folders.process_key(os.getpid())
    assert folders.private_folder(key, UID, GID) == folders.private_folder(key, UID, GID)


def test_one_process_alone_made_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds the folder there did not make it."""
    folder = folders.private_folder("1-2", UID, GID)
    assert folder is not None
    assert folders.was_made_here(folder)

    monkeypatch.setattr(folders, "_made", set())  # another process
    assert folders.private_folder("1-2", UID, GID) == folder
    assert not folders.was_made_here(folder)


@pytest.mark.parametrize("trap", ["link", "open", "file"])
def test_unsafe_folder_is_refused(base: Path, trap: str, caplog: pytest.LogCaptureFixture) -> None:
    """A link, a folder open to others, or a file in our place is not used; one warning says so."""
    home = base / f"djmetrics-{UID}"
    if trap == "link":
        (base / "theirs").mkdir()
        home.symlink_to(base / "theirs")
    elif trap == "open":
        home.mkdir()
        home.chmod(0o777)
    else:
        home.touch()

    with caplog.at_level(logging.WARNING, "djmetrics"):
        found = [folders.private_folder("1-2", UID, GID) for _ in range(2)]

    assert found == [None, None]
    assert len(caplog.records) == 1
    assert str(home) in caplog.text


def test_folder_of_another_user_is_refused() -> None:
    """A folder in the name of one user that belongs to another is not used."""
    stranger = UID + 1
    Path(folders._base() / f"djmetrics-{stranger}").mkdir(mode=0o700)
    assert folders.private_folder("1-2", stranger, GID) is None


def test_root_makes_the_folder_for_its_workers() -> None:
    """A master that runs as root gives the folder to the user that its workers become."""
    if UID != 0:
        absent("only root can give folders away")
    folder = folders.private_folder("1-2", 33, 33)
    assert folder is not None
    assert [(path.stat().st_uid, path.stat().st_gid) for path in (folder, folder.parent)] == [(33, 33)] * 2


def test_next_start_removes_what_dead_servers_left(base: Path, dead: str) -> None:
    """A new server removes the folders of servers that are gone, not those of living ones."""
    left = folders.private_folder(dead, UID, GID)
    living = folders.private_folder(folders.process_key(os.getppid()), UID, GID)
    assert left is not None
    assert living is not None
    (left / "slot-000.v1").touch()
    folders.release(left)
    folders.release(living)

    folders.private_folder(folders.process_key(os.getpid()), UID, GID)

    assert not left.exists()
    assert living.exists()


def test_held_folder_outlives_the_process_it_is_named_after(dead: str) -> None:
    """After a binary upgrade the first master is gone, and its folder is still in use."""
    folder = folders.private_folder(dead, UID, GID)
    folders.private_folder(folders.process_key(os.getpid()), UID, GID)
    assert folder is not None
    assert folder.exists()
    assert not folders.remove_if_idle(folder)
    folders.release(folder)
    assert folders.remove_if_idle(folder)
    assert not folder.exists()


def test_forked_child_holds_on_for_its_parent() -> None:
    """What a master holds is held as long as one of its workers lives."""
    folder = folders.private_folder(folders.process_key(os.getpid()), UID, GID)
    assert folder is not None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    folders.release(folder)

    assert not folders.remove_if_idle(folder)
    os.close(writer)
    os.waitpid(child, 0)
    assert folders.remove_if_idle(folder)


def test_only_our_files_are_cleaned(base: Path) -> None:
    """In a folder that the site's owner gave, others' files are left alone, and ours while somebody is in it."""
    given = base / "given"
    assert folders.given_folder(given, UID, GID) == given
    for name in ("index.v1", "slot-000.v1", "exemplars-000.v1", "counter_1.db"):
        (given / name).touch()

    assert not folders.clean_if_idle(given)
    assert len(list(given.iterdir())) == 4
    folders.release(given)
    assert folders.clean_if_idle(given)
    assert [path.name for path in given.iterdir()] == ["counter_1.db"]


def test_unusable_given_folder_is_a_warning(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the folder given cannot be made, the site runs on, each worker for itself."""
    (base / "file").touch()
    with caplog.at_level(logging.WARNING, "djmetrics"):
        assert folders.given_folder(base / "file" / "folder", UID, GID) is None
    assert len(caplog.records) == 1


def test_missing_folder_is_nobody_s(base: Path) -> None:
    """There is nothing to remove or clean where nothing is."""
    assert not folders.remove_if_idle(base / "nothing")
    assert not folders.clean_if_idle(base / "nothing")


def test_a_later_process_of_the_same_number_is_another() -> None:
    """A key names one process, not a pid."""
    pid, start = folders.process_key(os.getpid()).split("-")
    assert folders.is_alive(f"{pid}-{start}")
    assert folders.is_alive(f"{pid}-{start}-group")
    assert not folders.is_alive(f"{pid}-{int(start) - 1}")


@pytest.mark.parametrize("proc", ["/proc", "/nowhere"])
def test_without_start_times_only_the_number_counts(
    proc: str, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key without a start time is judged by whether such a process runs; in doubt it lives."""
    monkeypatch.setattr(folders, "PROC", Path(proc))
    assert folders.is_alive(f"{os.getpid()}-{folders.UNKNOWN_START}")
    assert folders.is_alive(f"1-{folders.UNKNOWN_START}")
    assert not folders.is_alive(f"{dead.split('-')[0]}-{folders.UNKNOWN_START}")


def test_systems_without_proc_are_asked_by_ps(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on Linux, ``ps`` tells when a process started, if it is there."""
    monkeypatch.setattr(folders, "PROC", Path("/nowhere"))
    assert folders.start_time(int(dead.split("-")[0])) is None
    assert folders.is_alive(folders.process_key(os.getpid()))
    monkeypatch.setenv("PATH", "/nowhere")
    assert folders.process_key(os.getpid()) == f"{os.getpid()}-{folders.UNKNOWN_START}"
