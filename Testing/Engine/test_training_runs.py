"""Runs from table to weights, in this process: what is left out, what stops them, what comes out."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from fmcib_engine import encoders
from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.errors import DeviceError, InputError, OutputError, TableError, TrainingError, WeightsError
from fmcib_engine.readers import read_volume
from fmcib_engine.training import networks
from fmcib_engine.training.checkpoint import CHECKPOINT, read_checkpoint
from fmcib_engine.training.finetune import finetune
from fmcib_engine.training.finetune_settings import FinetuneSettings
from fmcib_engine.training.loop import Training
from fmcib_engine.training.phantom_source import PhantomSource
from fmcib_engine.training.prepare import Shelf, prepare
from fmcib_engine.training.pretrain import pretrain
from fmcib_engine.training.pretrain_settings import PretrainSettings
from fmcib_engine.training.settings import digest
from fmcib_engine.training.table_source import TableSource
from fmcib_engine.training.validation import Validation
from fmcib_engine.weights import checkpoint, shipped
from fmcib_engine.weights.about import About, read_about
from fmcib_engine.weights.checkpoint import read_checkpoint as read_weights
from support import DATA, golden_cases, needs_golden
from training_support import PLACES, WITH_TINY, build_tiny, losses, make_scans

torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.torch").save_file
for package in ("monai", "yaml", "lightning_fabric", "SimpleITK"):
    pytest.importorskip(package)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return make_scans(tmp_path_factory.mktemp("scans"))


@pytest.fixture(autouse=True)
def _with_tiny(monkeypatch):
    """Small tensors on one thread: several cost more than they save, the more the busier the computer is."""
    for module in (encoders, checkpoint):
        monkeypatch.setattr(module, "ENCODERS", WITH_TINY)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@contextmanager
def no_progress(what: str, total: int, done: int = 0):
    yield lambda count: None


def settings_of(where: Path, **others: object) -> PretrainSettings:
    few = PretrainSettings(
        encoder="tiny", table=str(where), batch_size=4, elsewhere=1, epochs=1, warm_up_epochs=0.0, projection=8
    )
    return dataclasses.replace(few, **others)


def classes_of(table: Path, **others: object) -> FinetuneSettings:
    few = FinetuneSettings(
        encoder="tiny", table=str(table), label="kind", group="patient", batch_size=2, epochs=2, validation=0.3,
        head=(8,), learning_rate=0.003, chance=0.2, shift=1,
    )  # fmt: skip
    return dataclasses.replace(few, **others)


def pretrained(settings: PretrainSettings, folder: Path, *, resume: bool = False):
    return pretrain(settings, folder, device="cpu", resume=resume, progress=no_progress)


def finetuned(settings: FinetuneSettings, folder: Path, *, resume: bool = False):
    return finetune(settings, folder, device="cpu", resume=resume, progress=no_progress)


def edited(table: Path, folder: Path, change) -> Path:
    """A copy of the table beside its scans, whose rows went through `change`."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    path = table.with_name(f"{folder.name}.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        changed = [change(number, dict(row)) for number, row in enumerate(rows, 1)]
        writer = csv.DictWriter(file, changed[0])
        writer.writeheader()
        writer.writerows(changed)
    return path


def test_patches_away_from_lesions_touch_no_lesion_and_lie_in_the_scan(table):
    source = TableSource(table, "fmcib-csv-v1", 1, 4)
    (first, second) = source.cut(source.jobs[0])
    volume = read_volume(table.parent / "scan0.nrrd")
    hu = np.asarray(volume.array)
    for cut, hot in ((first, 8.0), (second, 16.0)):
        assert cut.patches.shape == (5, 50, 50, 50)
        lesion, *elsewhere = cut.patches
        ball = 4 / 3 * np.pi * hot**3
        assert np.count_nonzero(lesion > (100 + 1024) / 3072) == pytest.approx(ball, rel=0.3)
        for patch in elsewhere:
            assert np.count_nonzero(patch > (100 + 1024) / 3072) < 400  # noise, no ball
            assert patch.std() > 0.005
            assert np.count_nonzero(patch == 0) == 0  # nothing lies outside
    assert hu.max() >= 300
    assert not np.array_equal(first.patches[1], first.patches[2])
    again = next(iter(TableSource(table, "fmcib-csv-v1", 1, 4).cut(source.jobs[0])))
    assert np.array_equal(again.patches, first.patches)
    other = next(iter(TableSource(table, "fmcib-csv-v1", 2, 4).cut(source.jobs[0])))
    assert not np.array_equal(other.patches[1], first.patches[1])


@needs_golden
def test_real_scans_of_several_kinds_are_trained_on(tmp_path):
    """DICOM, NIfTI and others; those that are cut to 100 mm around their lesion have no room beside it."""
    large = [case for case in golden_cases() if "0314" not in case.image and "LUNG1" not in case.image]
    with (tmp_path / "seeds.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_path", "coordX", "coordY", "coordZ"])
        writer.writerows([DATA / case.image, *case.seed] for case in large)
    outcome = pretrained(settings_of(tmp_path / "seeds.csv", batch_size=3), tmp_path / "run")
    assert (outcome.lesions, outcome.left_out) == (len(large), 0)
    assert np.isfinite(losses(tmp_path / "run")).all()


def test_the_lesions_of_all_points_in_time_of_a_scan_are_one_group(table, tmp_path):
    """Else one patient would be learned from and validated on, and a patch away from one lesion be on the other."""
    timed = edited(table, tmp_path, lambda n, row: {**row, "time_point": n % 2})
    source = TableSource(timed, "fmcib-csv-v1", 1, 1)
    assert len(source.jobs) == 12
    assert [lesion.group for lesion in source.lesions] == [f"scan {number // 2}" for number in range(12)]
    points = source._points_in_scan(source._seeds[1], read_volume(table.parent / "scan0.nrrd"))
    assert sorted(map(tuple, np.round(points))) == [(32, 32, 40), (32, 32, 100)]


def test_series_of_one_folder_are_groups_of_their_own_and_a_row_without_one_belongs_to_the_only_one(table, tmp_path):
    for uids, wanted in ((["", "1.2"], 1), (["1.2", "1.3"], 2), (["", "1.2", "1.3"], 3)):
        few = edited(table, tmp_path, lambda n, row, uids=uids: {
            **row, "image_path": "scan0.nrrd", "series_uid": uids[n % len(uids)]
        })  # fmt: skip
        assert len({lesion.group for lesion in TableSource(few, "fmcib-csv-v1", 1, 0).lesions}) == wanted


def test_a_scan_without_room_beside_its_lesions_is_told(table, tmp_path):
    full = edited(table, tmp_path, lambda n, row: {**row, "coordX": 60, "coordY": 60, "coordZ": 70})
    (cut, *_) = TableSource(full, "fmcib-csv-v1", 1, 1).cut([1])
    assert "no cube of 50 mm beside its lesions" in cut.problem
    assert "`negatives: none`" in cut.problem


def test_lesions_that_cannot_be_cut_are_left_out_told_and_counted(table, tmp_path, caplog):
    def spoil(number: int, row: dict) -> dict:
        if number == 3:
            return {**row, "image_path": "gone.nrrd"}
        return {**row, "coordX": "north"} if number == 6 else row

    spoilt = edited(table, tmp_path, spoil)
    outcome = pretrained(settings_of(spoilt, most_problems=0.2), tmp_path / "run")
    assert (outcome.lesions, outcome.left_out, outcome.steps) == (10, 2, 2)
    problems = json.loads((tmp_path / "run" / "lesions.json").read_text(encoding="utf-8"))["problems"]
    assert problems.keys() == {"3", "6"}
    assert "gone.nrrd" in problems["3"]
    assert "Lesion 3 is left out" in caplog.text
    with pytest.raises(InputError, match=r"At most 10% of 12 lesions may be left out, and 2 could not .* The first is"):
        pretrained(settings_of(spoilt, most_problems=0.1), tmp_path / "strict")
    resumed = pretrained(settings_of(spoilt, most_problems=0.2), tmp_path / "strict", resume=True)
    assert resumed.lesions == 10


def test_a_table_of_which_nothing_can_be_cut_is_an_error(table, tmp_path):
    gone = edited(table, tmp_path, lambda n, row: {**row, "image_path": f"gone{n}.nrrd"})
    with pytest.raises(InputError, match="None of 12 lesions could be cut"):
        pretrained(settings_of(gone, most_problems=1.0), tmp_path / "run")


def test_a_loss_that_is_no_number_stops_the_run_and_the_last_good_checkpoint_stays(table, tmp_path, monkeypatch):
    taken = Training.take

    def poisoned(self, tensors, *others):
        return taken(self, tensors * (float("nan") if self.step == 2 else 1.0), *others)

    monkeypatch.setattr(Training, "take", poisoned)
    settings = settings_of(table, checkpoint_minutes=0.0, epochs=2)
    with pytest.raises(TrainingError, match=r"The loss of step 3 is no number \(nan\)\. The last good checkpoint"):
        pretrained(settings, tmp_path / "run")
    kept = read_checkpoint(tmp_path / "run", digest(settings))
    assert kept.step == 2
    assert all(torch.isfinite(tensor).all() for tensor in kept.network.values())
    assert len(losses(tmp_path / "run")) == 2
    assert not (tmp_path / "run" / "encoder.safetensors").exists()
    monkeypatch.setattr(Training, "take", taken)
    assert pretrained(settings, tmp_path / "run", resume=True).steps == 6


def test_a_gradient_that_overflows_stops_the_run(table, tmp_path):
    with pytest.raises(TrainingError, match=r"The (loss|gradient) of step \d+ is no number"):
        pretrained(settings_of(table, learning_rate=1e30, epochs=9), tmp_path / "run")


def test_workers_change_no_bit(table, tmp_path):
    pretrained(settings_of(table), tmp_path / "none")
    pretrained(settings_of(table, workers=2), tmp_path / "two")
    files = [(tmp_path / name / "encoder.safetensors").read_bytes() for name in ("none", "two")]
    assert files[0] == files[1]


def test_seeds_and_negatives_change_the_run(table, tmp_path):
    runs = {"a": {}, "seed": {"seed": 2}, "plain": {"negatives": "none"}, "all": {"negatives": "all_scans"}}
    found = {}
    for name, others in runs.items():
        pretrained(settings_of(table, **others), tmp_path / name)
        found[name] = losses(tmp_path / name)[0]
    assert len({round(loss, 6) for loss in found.values()}) == 4


def test_training_by_contrast_brings_the_views_of_a_lesion_together(table, tmp_path):
    """Below what chance gives: the logarithm of how many a view is told from, itself among them.

    Of the seeds 1, 2 and 3 these end at 2.85, 2.77 and 2.48; chance is 3.14.
    """
    settings = settings_of(table, encoder="tiny-bn", negatives="none", batch_size=12, epochs=40, temperature=0.5)
    pretrained(dataclasses.replace(settings, learning_rate=0.003, smallest_crop=0.9), tmp_path / "run")
    curve = losses(tmp_path / "run")
    assert np.mean(curve[-5:]) < 0.95 * np.log(23)
    assert np.mean(curve[-5:]) < 0.95 * np.mean(curve[:3])


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"table": ""}, InputError, "give one of `table` and `phantoms`"),
        ({"phantoms": 4}, InputError, "give one of `table` and `phantoms`"),
        ({"encoder": "other"}, InputError, "An encoder is one of fmcib, small, tiny"),
        ({"batch_size": 64}, InputError, "A step has 64 lesions, there are 12. Lower `batch_size`"),
        ({"precision": "bfloat16"}, DeviceError, "Mixed precision is for CUDA|precision is one of"),
    ],
)
def test_settings_that_cannot_be_are_answered_by_a_sentence(table, tmp_path, change, error, said):
    with pytest.raises(error, match=said):
        pretrained(settings_of(table, **change), tmp_path / "run")


def test_a_folder_with_other_files_is_not_taken(table, tmp_path):
    (tmp_path / "thesis.docx").write_bytes(b"words")
    with pytest.raises(OutputError, match=r"holds other files \(thesis.docx\). Choose another"):
        pretrained(settings_of(table), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"thesis.docx", ".lock"}


def test_a_run_is_not_resumed_with_another_table_or_a_damaged_checkpoint(table, tmp_path):
    short = settings_of(table, epochs=1, checkpoint_minutes=0.0)
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        pretrain(short, folder, device="cpu", resume=False, progress=_stops_after(2))
    other = edited(table, tmp_path, lambda n, row: {**row, "coordX": 33})
    with pytest.raises(OutputError, match="it differs in the table or the weights"):
        pretrained(settings_of(other, epochs=1), folder, resume=True)
    with pytest.raises(OutputError, match="it differs in epochs"):
        pretrained(settings_of(table, epochs=2), folder, resume=True)
    good = (folder / CHECKPOINT).read_bytes()
    for damaged in (good[:1000], b"", b"\x80\x04\x95cos\nsystem\n", good[:-2000] + bytes(2000)):
        (folder / CHECKPOINT).write_bytes(damaged)
        with pytest.raises(OutputError, match=r"checkpoint.pt in run is damaged, or of another run"):
            pretrained(short, folder, resume=True)
    (folder / CHECKPOINT).write_bytes(good)
    assert pretrained(short, folder, resume=True).steps == 3


def _stops_after(steps: int):
    """Progress that is interrupted after so many steps, as by Control-C."""

    @contextmanager
    def progress(what: str, total: int, done: int = 0):
        count = done

        def advance(by: int) -> None:
            nonlocal count
            count += by
            if what.startswith("Steps") and count == steps:
                raise KeyboardInterrupt

        yield advance

    return progress


def test_no_name_of_a_folder_is_kept(table, tmp_path):
    pretrained(settings_of(table), tmp_path / "run")
    for path in (tmp_path / "run").iterdir():
        assert table.parent.name.encode() not in path.read_bytes(), path.name


def test_patches_are_kept_only_if_asked_for(table, tmp_path):
    pretrained(settings_of(table), tmp_path / "gone")
    pretrained(settings_of(table, keep_patches=True), tmp_path / "kept")
    assert not (tmp_path / "gone" / "patches").exists()
    assert len(list((tmp_path / "kept" / "patches").glob("*.npy"))) == 12


def test_too_little_room_is_told_before_anything_is_cut(table, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=5_000_000))
    with pytest.raises(OutputError, match=r"The patches need 0.0 GB, there are 0.0 GB. Make room"):
        prepare(
            TableSource(table, "fmcib-csv-v1", 1, 1), Shelf(tmp_path), elsewhere=1, workers=0, most_problems=0,
            advance=lambda _: None,
        )  # fmt: skip


def test_numbers_go_to_tensorboard_where_it_is_installed(table, tmp_path, monkeypatch):
    written = []

    class SummaryWriter:
        def __init__(self, folder: str, purge_step: int) -> None:
            assert (Path(folder).name, purge_step) == ("metrics_tensorboard", 1)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, step, value > 0))

        def close(self) -> None:
            written.append("closed")

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    pretrained(settings_of(table), tmp_path / "run")
    assert {("loss", 1, True), ("rate", 3, True), "closed"} <= set(written)


def test_fine_tuning_gives_one_file_with_trunk_and_head_by_their_published_names(table, tmp_path):
    outcome = finetuned(classes_of(table), tmp_path / "run")
    weights = read_weights(outcome.result)
    assert weights.trunk.keys() == build_tiny().state_dict().keys()
    assert {name: tuple(tensor.shape) for name, tensor in weights.head.items()} == {
        "0.0.weight": (8, 16), "0.0.bias": (8,), "1.0.weight": (2, 8), "1.0.bias": (2,),
    }  # fmt: skip
    facts = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["result"]
    assert facts["classes"] == ["large", "small"]
    assert facts["learned_from"] + facts["validated_on"] == 12
    with (tmp_path / "run" / "validation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == facts["validated_on"]
    scans = {(int(row["row"]) + 1) // 2 for row in rows}
    assert len(rows) == 2 * len(scans)  # both lesions of a patient
    for row in rows:
        assert float(row["share_large"]) + float(row["share_small"]) == pytest.approx(1.0, abs=1e-4)
        assert row["label"] == ("small" if int(row["row"]) % 2 else "large")


def test_the_shares_that_are_written_are_those_of_the_file_that_is_written(table, tmp_path):
    """Trunk and head of the file, put together by hand, give the table of the run."""
    outcome = finetuned(classes_of(table, epochs=3, keep_patches=True), tmp_path / "run")
    weights = read_weights(outcome.result)
    trunk, head = build_tiny(), networks.classification_head((16, 8, 2))
    trunk.load_state_dict(dict(weights.trunk))
    head.load_state_dict(dict(weights.head))
    trunk.eval()
    with (tmp_path / "run" / "validation.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            patch = np.load(tmp_path / "run" / "patches" / f"{int(row['row']):06d}.npy")[0, 17:33, 17:33, 17:33]
            with torch.no_grad():
                shares = head(trunk(torch.from_numpy(patch)[None, None])).softmax(1)[0]
            assert float(shares[0]) == pytest.approx(float(row["share_large"]), abs=1e-5)


def test_fine_tuning_begins_with_the_weights_that_are_given(table, tmp_path):
    begun = pretrained(settings_of(table), tmp_path / "pre")
    first = read_weights(begun.result).trunk
    outcome = finetuned(classes_of(table, weights=str(begun.result), trains="head"), tmp_path / "head")
    tuned = read_weights(outcome.result)
    assert all(torch.equal(tensor, first[name]) for name, tensor in tuned.trunk.items())
    facts = json.loads((tmp_path / "head" / "run.json").read_text(encoding="utf-8"))
    assert facts["data"]["weights"] == "encoder.safetensors"
    outcome = finetuned(classes_of(table, weights=str(begun.result), trains="last"), tmp_path / "last")
    moved = {
        name.split(".")[0]
        for name, tensor in read_weights(outcome.result).trunk.items()
        if not torch.equal(tensor, first[name])
    }  # noqa: E501
    assert moved == {"layer4"}
    outcome = finetuned(classes_of(table, weights=str(begun.result), trains="all"), tmp_path / "all")
    moved = {
        name.split(".")[0]
        for name, tensor in read_weights(outcome.result).trunk.items()
        if not torch.equal(tensor, first[name])
    }  # noqa: E501
    assert moved == {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}


def test_what_began_on_computer_made_lesions_says_so_also_after_real_ones(table, tmp_path):
    begun = pretrained(settings_of(table), tmp_path / "pre")
    tensors = {f"model.trunk.{name}": tensor for name, tensor in read_weights(begun.result).trunk.items()}
    marked, plain = tmp_path / "marked.safetensors", tmp_path / "plain.safetensors"
    save_file(tensors, marked, metadata=About("tiny", COMPUTER_MADE).metadata)
    save_file(tensors, plain)
    torch.save({"trunk_state_dict": read_weights(begun.result).trunk}, tmp_path / "published.torch")
    for weights, wanted in ((marked, COMPUTER_MADE), (plain, ""), (tmp_path / "published.torch", "")):
        outcome = finetuned(classes_of(table, weights=str(weights), epochs=1), tmp_path / f"from-{weights.stem}")
        assert read_about(outcome.result).caution == wanted


def test_what_began_with_the_weights_that_ship_says_so_though_their_file_does_not(table, tmp_path, monkeypatch):
    begun = pretrained(settings_of(table), tmp_path / "pre")
    monkeypatch.setenv("FMCIB_SMALL_WEIGHTS", str(begun.result))
    monkeypatch.setattr(shipped, "SMALL", "tiny")
    torch.save({"trunk_state_dict": dict(read_weights(begun.result).trunk)}, tmp_path / "bare.pt")
    outcome = finetuned(classes_of(table, weights=str(tmp_path / "bare.pt"), epochs=1), tmp_path / "run")
    assert read_about(outcome.result).caution == COMPUTER_MADE


def test_a_validation_loss_that_is_no_number_stops_the_run(table, tmp_path, monkeypatch):
    monkeypatch.setattr(Validation, "_logits", lambda self: np.full((len(self._numbers), 2), np.nan))
    with pytest.raises(TrainingError, match=r"The validation loss of epoch 1 is no number. The last good checkpoint"):
        finetuned(classes_of(table), tmp_path / "run")


def test_what_cannot_be_trained_is_told_before_anything_is_cut(table, tmp_path):
    for change, said in (({"label": "image_kind"}, "should have the column"), ({"label": "patient"}, "No split")):
        with pytest.raises((InputError, TableError), match=said):
            finetuned(classes_of(table, **change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_batch_norms_of_what_does_not_learn_keep_their_numbers(table, tmp_path):
    outcome = finetuned(classes_of(table, encoder="tiny-bn", trains="head"), tmp_path / "run")
    trunk = read_weights(outcome.result).trunk
    assert int(trunk["bn1.num_batches_tracked"]) == 0
    assert torch.equal(trunk["bn1.running_mean"], torch.zeros(4))
    outcome = finetuned(classes_of(table, encoder="tiny-bn"), tmp_path / "all")
    assert int(read_weights(outcome.result).trunk["bn1.num_batches_tracked"]) > 0


def test_weights_of_another_network_are_refused(table, tmp_path):
    begun = pretrained(settings_of(table, encoder="tiny-bn"), tmp_path / "pre")
    bare = tmp_path / "bare.safetensors"
    save_file({f"model.trunk.{name}": each for name, each in read_weights(begun.result).trunk.items()}, bare)
    for weights in (begun.result, bare):
        with pytest.raises(WeightsError, match="is of the encoder tiny-bn, not of tiny"):
            finetuned(classes_of(table, weights=str(weights)), tmp_path / "run")
        assert not (tmp_path / "run").exists()  # before anything is cut
    for weights in (tmp_path / "gone.pt", "demonstration"):
        with pytest.raises(WeightsError, match="There is no weights file"):
            finetuned(classes_of(table, weights=str(weights)), tmp_path / "run")


def test_fine_tuning_stops_early_and_keeps_the_best_epoch(table, tmp_path):
    settings = classes_of(table, epochs=40, patience=2, learning_rate=0.02, warm_up_epochs=0.0)
    finetuned(settings, tmp_path / "run")
    with (tmp_path / "run" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        curve = {
            int(row["epoch"]): float(row["validation_loss"]) for row in csv.DictReader(file) if row["validation_loss"]
        }  # noqa: E501
    facts = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["result"]
    best = min(curve, key=curve.__getitem__)
    assert facts["best_epoch"] == best
    assert facts["validation_loss"] == pytest.approx(curve[best], rel=1e-5)
    assert max(curve) == min(best + 2, 40) < 40


def test_fine_tuning_that_was_interrupted_ends_with_the_same_bits(table, tmp_path):
    settings = classes_of(table, checkpoint_minutes=0.0, epochs=3)
    finetuned(settings, tmp_path / "whole")
    for step in (1, 5, 9):  # in an epoch, and when all is trained but nothing written
        with pytest.raises(KeyboardInterrupt):
            finetune(settings, tmp_path / "parts", device="cpu", resume=step > 1, progress=_stops_after(step))
    finetuned(settings, tmp_path / "parts", resume=True)
    for name in ("encoder.safetensors", "validation.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")


def test_twins_are_learned_together_changed_alike_and_one_whose_fellow_cannot_be_drawn_is_left_out(
    tmp_path, monkeypatch
):
    seen = []

    def draw(_: PhantomSource, number: int):
        if number == 5:
            msg = "This one cannot be drawn."
            raise InputError(msg)
        return np.random.default_rng(number // 2).random((1, 50, 50, 50), dtype=np.float32)  # the same of both

    def take(training: Training, tensors, numbers, judge, rate: float):
        seen.append((tensors, numbers.tolist()))
        return taken(training, tensors, numbers, judge, rate)

    taken = Training.take
    monkeypatch.setattr(PhantomSource, "_draw", draw)
    monkeypatch.setattr(Training, "take", take)
    settings = FinetuneSettings(
        encoder="tiny", phantoms=20, clear=True, twins=True, label="outline", batch_size=4, epochs=2, workers=0,
        head=(8,), chance=0.5, shift=1, most_problems=0.1, validation=0.2,
    )  # fmt: skip
    finetuned(settings, tmp_path / "run")
    assert len(seen) >= 6
    for tensors, numbers in seen:
        assert 4 not in numbers
        assert numbers[1::2] == [number + 1 for number in numbers[::2]]
        assert torch.equal(tensors[::2], tensors[1::2])
        assert not torch.equal(tensors[0], tensors[2])


def test_rare_classes_count_more_only_if_asked(table, tmp_path):
    found = {}
    for name in ("balanced", "none"):
        uneven = edited(table, tmp_path, lambda n, row: {**row, "kind": "rare" if n in {1, 5, 9, 11} else "common"})
        finetuned(classes_of(uneven, class_weights=name, epochs=1, chance=0.0), tmp_path / name)
        found[name] = losses(tmp_path / name)[0]
    assert found["balanced"] != found["none"]


def test_rows_without_a_label_and_columns_that_are_not_there_are_told(table, tmp_path, caplog):
    some = edited(table, tmp_path, lambda n, row: {**row, "kind": "" if n > 8 else row["kind"]})
    finetuned(classes_of(some, epochs=1), tmp_path / "run")
    assert f"4 rows of {some.name} have no label and are left out." in caplog.text
    with pytest.raises(TableError, match=r"should have the column 'colour' \(label\), it has patient, kind"):
        finetuned(classes_of(table, label="colour"), tmp_path / "other")


def test_the_lesions_of_the_test_table_are_where_it_says(table):
    volume = read_volume(table.parent / "scan0.nrrd")
    for place in PLACES:
        i, j, k = (round(c / 2.5) for c in place)
        assert np.asarray(volume.array)[k, j, i] == 300
