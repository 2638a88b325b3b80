import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading

import pytest

from deapnets.errors import RunError
from deapnets.files.locking import NAME, locked, owner

HOLD = """
import sys, time
from pathlib import Path
from deapnets.files.locking import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_folder_that_another_process_holds_is_refused_and_its_owner_named(tmp_path, other):
    pattern = (
        f"{re.escape(str(tmp_path))} is in use by process {other.pid} on "
        f"{re.escape(platform.node())}, since \\d{{4}}-\\d\\d-\\d\\d .*\\. "
        "Wait until it has ended, or end it first\\."
    )
    with pytest.raises(RunError, match=f"^{pattern}$"), locked(tmp_path):
        pass
    assert owner(tmp_path)["pid"] == other.pid


def test_a_lock_ends_with_its_process_also_when_it_is_killed(tmp_path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert (tmp_path / NAME).exists()
    assert owner(tmp_path) is None
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()


def test_a_lock_that_is_let_go_leaves_nothing(tmp_path):
    with locked(tmp_path):
        said = json.loads((tmp_path / NAME).read_text())
        assert (said["pid"], said["host"]) == (os.getpid(), platform.node())
    assert list(tmp_path.iterdir()) == []
    assert owner(tmp_path) is None


def test_a_lock_is_let_go_when_the_block_fails(tmp_path):
    with pytest.raises(ValueError, match="wrong"), locked(tmp_path):
        raise ValueError("wrong")
    assert list(tmp_path.iterdir()) == []


def test_one_process_cannot_hold_a_folder_twice(tmp_path):
    with locked(tmp_path):
        with pytest.raises(RunError, match=f"in use by process {os.getpid()} "), locked(tmp_path):
            pass
        assert owner(tmp_path)["pid"] == os.getpid()


def test_of_many_processes_at_once_one_holds_the_folder_at_a_time(tmp_path):
    code = """
import sys, time
from pathlib import Path
from deapnets.errors import RunError
from deapnets.files.locking import locked
folder, held = Path(sys.argv[1]), 0
end = time.monotonic() + 1.0
while time.monotonic() < end:
    try:
        with locked(folder):
            (folder / "inside").touch(exist_ok=False)
            (folder / "inside").unlink()
            held += 1
    except RunError:
        pass
print(held)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert err == ""
        assert int(out) > 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_named(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(RunError, match=r"cannot be written: .*Permission"), locked(tmp_path):
            pass
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RunError, match="missing cannot be written: "), locked(tmp_path / "missing"):
        pass
    assert owner(tmp_path / "missing") is None


def test_who_waits_gets_the_folder_when_the_other_process_ends(tmp_path, other):
    threading.Timer(0.2, other.kill).start()
    with locked(tmp_path, wait=True):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
