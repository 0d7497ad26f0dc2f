"""`heads replicate`: upstream's tables from a real server -> heads beside the published numbers; what is refused."""

from __future__ import annotations

import csv
import hashlib
import io
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from repository_server import served
from support import DATA, needs_data

for package in ("sklearn", "lifelines", "safetensors", "requests", "filelock", "rich"):
    pytest.importorskip(package)

from fmcib_engine.cli.commands import run  # noqa: E402  after the skips
from fmcib_engine.errors import DownloadError, InputError, TableError  # noqa: E402
from fmcib_engine.heads.file import read_head  # noqa: E402
from fmcib_engine.heads.predict import predict  # noqa: E402
from fmcib_engine.probing.fit import STRENGTHS, fit_tuned  # noqa: E402
from fmcib_engine.probing.outcomes import Classes  # noqa: E402
from fmcib_engine.probing.table import FeatureTable, Provenance  # noqa: E402
from fmcib_engine.probing.wanted import Options  # noqa: E402
from fmcib_engine.replication import tables  # noqa: E402
from fmcib_engine.replication.again import replicate as replicate_task  # noqa: E402
from fmcib_engine.replication.upstream import MALIGNANCY, SITE, SURVIVAL, TASKS  # noqa: E402
from fmcib_engine.weights.catalogue import load_catalogue  # noqa: E402
from fmcib_engine.weights.record import store_folder  # noqa: E402

WIDTH = 4096
SCAN = "/mnt/data1/LUNA16/1.3.6.1.4.1.14519.5.2.1.6279.6001.{}.mhd"


def csv_bytes(features: np.ndarray, columns: dict[str, list], prefix: str = "pred_") -> bytes:
    """As pandas writes it, with its index as a first column without a name."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["", *columns, *(f"{prefix}{index}" for index in range(features.shape[1]))])
    for place, row in enumerate(features.tolist()):
        writer.writerow([place, *(column[place] for column in columns.values()), *(f"{each:.5g}" for each in row)])
    return stream.getvalue().encode()


def features_of(codes: np.ndarray, seed: int, strength: float = 2.0) -> np.ndarray:
    """Noise, of which every class moves forty features of its own."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(len(codes), WIDTH))
    for place, code in enumerate(codes.tolist()):
        features[place, 40 * code : 40 * code + 40] += strength
    return features


@cache
def nodules(count: int, seed: int, first_scan: int, prefix: str = "pred_", strength: float = 0.5) -> bytes:
    codes = np.arange(count) % 2
    columns = {"malignancy": codes.tolist(), "image_path": [SCAN.format(first_scan + row) for row in range(count)]}
    return csv_bytes(features_of(codes, seed, strength), columns, prefix)


def sites(count: int, seed: int, first_patient: int, first_code: int = 0) -> bytes:
    codes = np.arange(count) % 8
    names = [f"/x/{first_patient + row:06d}_01_02_101-221.nii.gz" for row in range(count)]
    return csv_bytes(
        features_of(codes, seed), {"Coarse_lesion_type": (codes + first_code).tolist(), "image_path": names}
    )


def patients(count: int, seed: int, column: str, name: str, words: tuple[object, object]) -> bytes:
    codes = np.arange(count) % 2
    columns = {column: [name.format(row) for row in range(count)], "survival": [words[code] for code in codes.tolist()]}
    return csv_bytes(features_of(codes, seed, 0.6), columns)


def luna(folder: str = "fmcib", prefix: str = "pred_") -> dict[str, bytes]:
    """30 of the 60 test nodules lie in scans that are learned from."""
    return {
        f"{folder}/task2/train_features.csv": nodules(80, 1, 0, prefix),
        f"{folder}/task2/val_features.csv": nodules(40, 2, 1000, prefix),
        f"{folder}/task2/test_features.csv": nodules(60, 3, 50, prefix),
    }


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """A repository with these files, and the catalogue that calls them the features."""
    monkeypatch.setenv("COLUMNS", "250")
    opened = []

    def start(files: dict[str, bytes]):
        context = served({"weights.torch": b"x", **files}, tmp_path, monkeypatch)
        repository = context.__enter__()
        opened.append(context)
        path = tmp_path / "catalogue.toml"
        text = path.read_text(encoding="utf-8").replace('id = "tables"', 'id = "features"')
        path.write_text(text, encoding="utf-8")
        return repository

    yield start
    for context in opened:
        context.__exit__(None, None, None)


def replicate(*arguments: object) -> int:
    return run(["heads", "replicate", *map(str, arguments), "--bootstraps", "50"])


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_malignancy_is_listed_fetched_checked_learned_and_kept(serve, tmp_path, capsys):
    files = luna()
    repository = serve(files)
    repository.licences["huggingface"] = {"cardData": {"license": "cc-by-nc-4.0"}}
    head_file = tmp_path / "mine.head"
    assert replicate("malignancy", "--accept-license", "--output", head_file) == 0
    told = capsys.readouterr()
    asked, shown = one_line(told.err), one_line(told.out)
    assert "Contacts these hosts, and no other: 127.0.0.1: tests" in asked
    assert "Licence as the repository names it: huggingface: cc-by-nc-4.0" in asked
    assert "Licence CC BY-NC 4.0: Non-commercial use only." in asked
    train = files["fmcib/task2/train_features.csv"]
    assert f"train_features.csv: agrees with the repository's sha256:{hashlib.sha256(train).hexdigest()}" in asked
    assert "30 of the 60 test rows are of a scan that the head has learned from" in asked
    assert "0.883 [0.825, 0.933]" in shown
    assert "0.904 [0.854, 0.944]" in shown
    assert "here, no scan learned from" in shown
    head = read_head(head_file).head
    assert (head.id, head.classes, head.origin.features[-1]) == ("mine", ("benign", "malignant"), "pred_4095")
    assert [metric.name for metric in head.metrics] == ["AUC", "average precision"]
    assert head.metrics[0].value > 0.7
    assert f"{head.metrics[0].value:.3f} [" in shown
    assert "not pathology" in head.label_meaning
    assert any("radiologists' suspicion" in warning for warning in head.warnings)
    assert head.licence.startswith("Non-commercial use only")
    assert head.training.cases_of == (40, 40)
    assert not head.origin.is_verified  # this catalogue reports no checksum, and no weights are installed


def test_the_kept_head_gives_the_probabilities_of_which_the_number_was_made(serve, tmp_path, capsys):
    from sklearn.metrics import roc_auc_score

    files = luna()
    serve(files)
    head_file = tmp_path / "mine.head"
    assert replicate("malignancy", "--accept-license", "--output", head_file) == 0
    head = read_head(head_file).head
    rows = list(csv.DictReader(io.StringIO(files["fmcib/task2/test_features.csv"].decode())))
    features = np.array([[float(row[f"pred_{index}"]) for index in range(WIDTH)] for row in rows])
    shares = predict(head, features)[:, 1]
    truth = [int(row["malignancy"]) for row in rows]
    assert head.metrics[0].value == pytest.approx(roc_auc_score(truth, shares), abs=1e-6)


def test_what_was_fetched_is_not_fetched_again(serve, capsys):
    repository = serve(luna())
    assert replicate("malignancy", "--accept-license") == 0
    before = len(repository.seen)
    assert replicate("malignancy") == 0
    assert len(repository.seen) == before
    assert "The tables are here already" in capsys.readouterr().err


def test_a_changed_table_is_fetched_again(serve, capsys):
    repository = serve(luna())
    assert replicate("malignancy", "--accept-license") == 0
    (kept,) = (store_folder() / "features").glob("*train_features.csv")
    kept.write_bytes(b"changed")
    before = len(repository.asked("cdn", "train_features"))
    assert replicate("malignancy", "--accept-license") == 0
    assert len(repository.asked("cdn", "train_features")) == before + 1


def test_without_consent_nobody_is_contacted_and_nothing_is_kept(serve, capsys):
    repository = serve(luna())
    assert replicate("malignancy") == 2
    assert "give --accept-license if you agree" in one_line(capsys.readouterr().err)
    assert repository.seen == []


def test_who_does_not_agree_has_seen_the_listing_only(serve, monkeypatch, capsys):
    from fmcib_engine.cli import heads_replicate

    repository = serve(luna())
    monkeypatch.setattr(heads_replicate.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(heads_replicate, "agreed", lambda entry, accept_license: False)
    assert replicate("malignancy") == 4
    assert "the licence was not agreed to" in capsys.readouterr().err
    assert repository.asked("cdn") == []
    assert not any("/resolve/" in one.path for one in repository.seen)


def test_a_broken_transfer_goes_on_where_it_was(serve, capsys):
    repository = serve(luna())
    repository.faults.append("cut")
    assert replicate("malignancy", "--accept-license") == 0
    assert repository.ranges


def test_a_table_with_another_checksum_is_refused(serve, capsys):
    repository = serve(luna())
    repository.wrong_checksums.add("huggingface")
    assert replicate("malignancy", "--accept-license") == 4
    assert "could not be fetched" in one_line(capsys.readouterr().err)
    assert not list((store_folder() / "features").glob("*.csv"))


def test_older_copies_with_other_names_of_features_are_taken(serve, tmp_path, capsys):
    serve(luna("foundation_features", "feature_"))
    assert replicate("malignancy", "--accept-license") == 0
    assert "foundation_features/task2/test_features.csv" in capsys.readouterr().err


def test_tables_under_other_names_are_named_by_the_user_or_brought_by_hand(serve, tmp_path, capsys):
    files = luna()
    moved = {path.replace("fmcib/task2", "new/place"): content for path, content in files.items()}
    serve(moved)
    assert replicate("malignancy", "--accept-license") == 4
    said = one_line(capsys.readouterr().err)
    assert "new/place/train_features.csv" in said
    assert "wanted fmcib/task2/train_features.csv" in said
    assert "(--file PART=NAME)" in said
    named = [f"--file={part}=new/place/{part}_features.csv" for part in ("train", "val", "test")]
    assert replicate("malignancy", "--accept-license", *named) == 0
    by_server = capsys.readouterr().out
    folder = tmp_path / "by hand"
    folder.mkdir()
    for path, content in files.items():
        (folder / Path(path).name).write_bytes(content)
    assert replicate("malignancy", "--from", folder) == 0
    assert capsys.readouterr().out == by_server
    (folder / "val_features.csv").unlink()
    assert replicate("malignancy", "--from", folder) == 4
    assert "lacks val_features.csv" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize("first_code", [0, 1])
def test_sites_are_told_apart_whether_upstream_counts_from_0_or_1(first_code, serve, tmp_path, capsys):
    files = {
        "fmcib/task1/train_features.csv": sites(96, 1, 0, first_code),
        "fmcib/task1/val_features.csv": sites(48, 2, 1000, first_code),
        "fmcib/task1/test_features.csv": sites(64, 3, 1020, first_code),
    }
    serve(files)
    assert replicate("site", "--accept-license", "--output", tmp_path / "place.head") == 0
    told = capsys.readouterr()
    assert "0.779 [0.747, 0.810]" in told.out
    assert "28 of the 64 test rows are of a patient of which other rows chose the head's strength" in one_line(told.err)
    assert "that the head has learned from" not in told.err
    head = read_head(tmp_path / "place.head").head
    assert head.tells_site
    assert {metric.name for metric in head.metrics} == {"balanced accuracy", "mean average precision"}
    assert head.metrics[0].value > 0.9
    lung = features_of(np.array([4]), 9)
    assert head.classes[int(np.argmax(predict(head, lung)[0]))] == "lung"


def test_survival_is_told_out_of_fold_and_on_the_other_cohort(serve, tmp_path, capsys):
    files = {
        "fmcib/task3/lung1.csv": patients(60, 1, "PatientID", "LUNG1-{:03d}", (0.0, 1.0)),
        "fmcib/task3/radio.csv": patients(40, 2, "Case ID", "R01-{:03d}", (False, True)),
    }
    serve(files)
    assert replicate("survival", "--accept-license", "--output", tmp_path / "life.head") == 0
    told = capsys.readouterr()
    assert "0.638 [0.579, 0.689]" in told.out
    assert "0.653 [0.522, 0.775]" in told.out
    assert "60 of LUNG1, out of fold" in told.out
    assert "an internal cohort, which nobody has" in one_line(told.err)
    head = read_head(tmp_path / "life.head").head
    assert head.classes == ("dead within 2 years", "alive after 2 years")
    assert all(metric.value > 0.7 for metric in head.metrics)


def test_labels_that_mean_nothing_give_chance(tmp_path, capsys):
    folder = tmp_path
    for seed, (part, count) in enumerate((("train", 120), ("val", 60), ("test", 200))):
        (folder / f"{part}_features.csv").write_bytes(nodules(count, seed, 1000 * seed, strength=0.0))
    assert replicate("malignancy", "--from", folder, "--output", folder / "nothing.head") == 0
    metric = read_head(folder / "nothing.head").head.metrics[0]
    assert metric.low < 0.5 < metric.high
    assert "lies outside our interval" in one_line(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda text: text.replace(b"malignancy", b"cancer"), TableError, "has no column malignancy for the label"),
        (lambda text: text.replace(b",pred_4095", b",other"), TableError, "has 4095 features"),
        (lambda text: b"<html>sign in</html>", TableError, "has no column of features"),
    ],
)
def test_a_table_of_another_form_is_refused(change, error, said, tmp_path):
    for part in ("train", "val", "test"):
        (tmp_path / f"{part}_features.csv").write_bytes(nodules(20, 1, 0))
    path = tmp_path / "val_features.csv"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(error, match=said):
        tables.joined(MALIGNANCY, tables.tables_in(tmp_path, MALIGNANCY))


def test_a_part_without_a_class_is_refused_and_an_existing_head_is_not_replaced(tmp_path, capsys):
    for part, count in (("train", 40), ("val", 20)):
        (tmp_path / f"{part}_features.csv").write_bytes(nodules(count, len(part), 100 * len(part)))
    one_class = {"malignancy": [1] * 12, "image_path": [SCAN.format(row) for row in range(900, 912)]}
    (tmp_path / "test_features.csv").write_bytes(csv_bytes(features_of(np.ones(12, int), 9), one_class))
    assert replicate("malignancy", "--from", tmp_path, "--output", tmp_path / "x.head") == 4
    assert "The table test has no row of benign" in one_line(capsys.readouterr().err)
    assert not (tmp_path / "x.head").exists()
    (tmp_path / "x.head").write_bytes(b"mine")
    assert replicate("malignancy", "--from", tmp_path, "--output", tmp_path / "x.head") == 4
    assert "x.head is no head, and is not replaced" in one_line(capsys.readouterr().err)
    assert (tmp_path / "x.head").read_bytes() == b"mine"


def test_names_that_cannot_be_are_said(serve, capsys):
    serve(luna())
    assert replicate("malignancy", "--accept-license", "--file", "train") == 2
    assert replicate("malignancy", "--accept-license", "--file", "lung1=x.csv") == 4
    assert "has the tables train, val, test" in one_line(capsys.readouterr().err)
    assert replicate("malignancy", "--accept-license", "--mirror", "nobody") == 4
    assert "no mirror 'nobody'" in one_line(capsys.readouterr().err)
    with pytest.raises((DownloadError, InputError), match="wanted fmcib/task3"):
        tables.listed(SURVIVAL, {}, entry=tables.entry_of_tables())


@needs_data
def test_of_upstreams_own_rows_63_of_170_test_nodules_lie_in_a_scan_that_is_learned_from(monkeypatch):
    """With the annotations as upstream published them, and features of ours."""

    def read(path: Path) -> FeatureTable:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        features = np.random.default_rng(len(rows)).normal(size=(len(rows), 8))
        features[:, 0] += [2.0 * int(row["malignancy"]) for row in rows]
        cells = {name: tuple(row[name] for row in rows) for name in rows[0]}
        return FeatureTable(path.name, "", tuple(range(1, len(rows) + 1)), features, cells, Provenance())

    monkeypatch.setattr(tables, "_read", read)
    paths = {part: DATA / "annotations" / f"fmcib_luna16_task2_{part}.csv" for part in ("train", "val", "test")}
    done = replicate_task(MALIGNANCY, tables.joined(MALIGNANCY, paths), Options(bootstraps=20), no_bar)
    assert any(said.startswith("63 of the 170 test rows are of a scan") for said in done.warnings)
    assert done.how.startswith("338 to learn from, 169 to tune, 170 to test")
    assert all(one.unseen is not None for one in done.numbers)


@contextmanager
def no_bar(_what: str, _total: int):
    yield lambda: None


def test_a_head_is_bound_to_the_weights_that_are_reported_until_they_are_installed():
    told, said = tables.provenance()
    (reported,) = (one for one in load_catalogue().entries["fmcib"].reported if one.algorithm == "sha256")
    assert (told.encoder_id, told.weights_sha256) == ("fmcib", reported.digits)
    assert "no download has confirmed it" in said


def test_the_strength_is_the_one_that_tells_most_of_rows_held_back_as_scikit_learn_says():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(5)
    codes, held_codes = np.arange(60) % 2, np.arange(40) % 2
    rows, held = (
        random.normal(size=(len(each), 200)) + 0.4 * each[:, None] * (np.arange(200) < 8)
        for each in (codes, held_codes)
    )
    lines = fit_tuned(rows, Classes(codes, ("a", "b")), held, Classes(held_codes, ("a", "b")))
    scaler = StandardScaler().fit(rows)
    losses, models = [], []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength / 200, tol=1e-8, max_iter=10_000).fit(scaler.transform(rows), codes)
        models.append(model)
        losses.append(log_loss(held_codes, model.predict_proba(scaler.transform(held))))
    best = int(np.argmin(losses))
    assert lines.strength == STRENGTHS[best]
    assert lines.scores(held)[:, 0] == pytest.approx(models[best].decision_function(scaler.transform(held)), abs=1e-3)


def test_each_task_has_its_published_head_and_numbers():
    assert list(TASKS) == ["site", "malignancy", "survival"]
    for task in (SITE, MALIGNANCY, SURVIVAL):
        for part, metrics in task.published.items():
            assert part in task.files
            assert all(metric.low < metric.value < metric.high for metric in metrics)
