import errno
import json
import os

import pytest
import torch
from safetensors.torch import load_file

import deapnets as dn
from deapnets.errors import RunError
from deapnets.runs import snapshots as module
from deapnets.runs.snapshots import FORMAT, Snapshots, seal, unseal


@pytest.fixture
def snapshots(tmp_path):
    return Snapshots(tmp_path / "checkpoints")


def files(snapshots):
    return sorted(path.name for path in snapshots.folder.iterdir())


def test_the_last_snapshot_is_read(snapshots):
    for number in range(3):
        snapshots.write({"number": number, "tensor": torch.arange(number + 1)})
    state = Snapshots(snapshots.folder).read()
    assert state["number"] == 2
    assert state["tensor"].tolist() == [0, 1, 2]


def test_two_snapshots_are_kept(snapshots):
    for number in range(4):
        snapshots.write({"number": number, "tensor": torch.zeros(number)})
    assert files(snapshots) == [
        "000003.jsonl",
        "000003.safetensors",
        "000004.jsonl",
        "000004.safetensors",
    ]


def test_where_there_is_no_snapshot_there_is_no_state(snapshots):
    assert snapshots.read() is None


def test_safetensors_reads_what_was_written(snapshots, individual_class, net):
    individuals = [dn.initWeights(individual_class, net, sigma=0.0) for _ in range(3)]
    for individual in individuals:
        individual.weights = torch.randn(26)
    half = torch.randn(2, 3).bfloat16()
    snapshots.write([individuals, half, torch.tensor(True), torch.zeros(0, 4)])
    tensors = load_file(snapshots.folder / "000001.safetensors")
    stored = torch.stack([one.weights for one in individuals])
    assert torch.equal(tensors["weights.0"], stored)
    assert torch.equal(tensors["tensor.0"], half)
    assert tensors["tensor.1"].shape == ()
    assert tensors["tensor.2"].shape == (0, 4)


def test_wide_networks_come_back_in_tensors_of_their_own(snapshots, individual_class):
    wide = torch.nn.Linear(200, 100)
    population = [dn.initWeights(individual_class, wide, sigma=0.0) for _ in range(3)]
    for individual in population:
        individual.weights = torch.randn(20100)
    snapshots.write(population)
    back = snapshots.read([individual_class])
    assert all(torch.equal(a.weights, b.weights) for a, b in zip(population, back, strict=True))
    storages = {one.node.weights.untyped_storage().data_ptr() for one in back}
    assert len(storages) == 3


@pytest.mark.parametrize("ending", ["jsonl", "safetensors"])
def test_any_byte_that_changes_is_noticed_and_the_snapshot_before_is_used(snapshots, ending):
    for number in range(2):
        snapshots.write({"number": number, "tensor": torch.full((3,), number)})
    path = snapshots.folder / f"000002.{ending}"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        state = snapshots.read()
        assert state["number"] == 0, at
        assert snapshots.damaged[0].startswith(f"{path} is damaged: ")
    path.write_bytes(whole)
    assert snapshots.read()["number"] == 1
    assert snapshots.damaged == []


@pytest.mark.parametrize("ending", ["jsonl", "safetensors"])
@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_snapshot_that_was_cut_off_is_named_and_the_one_before_is_used(snapshots, ending, size):
    for number in range(2):
        snapshots.write({"number": number, "tensor": torch.zeros(100)})
    path = snapshots.folder / f"000002.{ending}"
    os.truncate(path, size)
    assert snapshots.read()["number"] == 0
    (said,) = snapshots.damaged
    assert str(path) in said


def test_a_missing_file_of_tensors_is_damage(snapshots):
    for number in range(2):
        snapshots.write({"number": number, "tensor": torch.zeros(1)})
    (snapshots.folder / "000002.safetensors").unlink()
    assert snapshots.read()["number"] == 0


def test_when_all_are_damaged_each_is_named(snapshots):
    for _ in range(2):
        snapshots.write({})
    for path in snapshots.folder.iterdir():
        path.write_bytes(b"nothing")
    with pytest.raises(RunError) as caught:
        snapshots.read()
    message = str(caught.value)
    assert message.startswith(f"No snapshot in {snapshots.folder} can be read: ")
    assert all(name in message for name in files(snapshots))


def test_a_snapshot_of_a_newer_format_is_refused(snapshots):
    snapshots.write({})
    path = snapshots.folder / "000001.jsonl"
    head = unseal(path.read_bytes())
    path.write_bytes(seal({**head, "format": FORMAT + 1}))
    with pytest.raises(RunError) as caught:
        snapshots.read()
    assert str(caught.value) == (
        f"{path} has format {FORMAT + 1}; this deapnets reads up to {FORMAT}. "
        "Install a newer deapnets."
    )


def test_recipes_of_another_random_mechanism_are_refused(snapshots, monkeypatch):
    snapshots.write({})
    monkeypatch.setattr(module, "RECIPE_VERSION", module.RECIPE_VERSION + 1)
    with pytest.raises(RunError, match="of the random mechanism, this deapnets has"):
        snapshots.read()


def test_on_a_full_disk_the_snapshot_before_stays_and_nothing_is_half_written(
    snapshots, monkeypatch
):
    snapshots.write({"number": 0, "tensor": torch.zeros(1)})
    before = {path: path.read_bytes() for path in snapshots.folder.iterdir()}

    def full(path, tensors):
        path.write_bytes(b"the first half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_tensors", full)
    with pytest.raises(RunError) as caught:
        snapshots.write({"number": 1, "tensor": torch.zeros(1)})
    path = snapshots.folder / "000002.safetensors"
    assert str(caught.value) == (f"{path} cannot be written: [Errno 28] No space left on device.")
    assert {path: path.read_bytes() for path in snapshots.folder.iterdir()} == before
    assert snapshots.read()["number"] == 0


def test_what_a_killed_process_had_begun_to_write_is_removed(snapshots):
    snapshots.write({"number": 0})
    (snapshots.folder / ".000002.jsonl.partial").write_bytes(b"half")
    assert snapshots.read()["number"] == 0
    assert files(snapshots) == ["000001.jsonl"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="checkpoints cannot be made: "):
        Snapshots(tmp_path / "file" / "checkpoints").write({})


def test_lines_behind_a_snapshot_come_back_in_order(snapshots):
    snapshots.write({"number": 0})
    for number in range(3):
        snapshots.append({"number": number, "text": "a\nb"})
    other = Snapshots(snapshots.folder)
    assert other.read() == {"number": 0}
    assert [line["number"] for line in other.lines] == [0, 1, 2]
    snapshots.write({"number": 1})
    assert other.read() == {"number": 1}
    assert other.lines == []


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_that_was_being_written_is_cut_off_and_others_may_follow(snapshots, cut):
    snapshots.write({"number": 0})
    for number in range(2):
        snapshots.append({"number": number})
    path = snapshots.folder / "000001.jsonl"
    os.truncate(path, path.stat().st_size - cut)
    assert snapshots.read() == {"number": 0}
    assert [line["number"] for line in snapshots.lines] == [0]
    assert snapshots.damaged == []
    snapshots.append({"number": 7})
    snapshots.read()
    assert [line["number"] for line in snapshots.lines] == [0, 7]


def test_a_damaged_line_is_named_and_those_before_it_are_used(snapshots):
    snapshots.write({"number": 0})
    for number in range(3):
        snapshots.append({"number": number})
    path = snapshots.folder / "000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":9'))
    assert snapshots.read() == {"number": 0}
    assert [line["number"] for line in snapshots.lines] == [0]
    assert snapshots.damaged == [f"{path} is damaged behind line 2."]


def test_a_line_that_a_full_disk_cut_off_is_taken_back(snapshots, monkeypatch):
    snapshots.write({"number": 0})
    path = snapshots.folder / "000001.jsonl"
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=f"{path} cannot be written: .*No space left on device"):
        snapshots.append({"number": 1})
    assert path.read_bytes() == before


def test_a_line_is_a_checksum_and_json():
    line = seal({"a": [1, "two"]})
    assert json.loads(line[9:]) == {"a": [1, "two"]}
    assert unseal(line) == {"a": [1, "two"]}
    assert unseal(line[:-1]) is None
    assert unseal(line.replace(b"two", b"tow")) is None
