"""`heads train` at the command line: what is printed, what is refused, which code comes out."""

from __future__ import annotations

import pytest
from fmcib_engine.cli.commands import run
from fmcib_engine.heads.file import read_head
from probing_support import lives, two_classes

for package in ("sklearn", "lifelines", "matplotlib", "safetensors"):
    pytest.importorskip(package)

QUICK = ["--repeats", "1", "--bootstraps", "50"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return str(two_classes(strength=1.5).write(tmp_path / "features.csv"))


def train(*arguments: str) -> int:
    return run(["heads", "train", *arguments, *QUICK])


def test_a_head_is_trained_shown_and_used(table, tmp_path, capsys):
    wanted = ["--features", table, "--label", "kind", "--group", "patient_key", "--output", "my.head"]
    assert train(*wanted, "--calibrate", "--threshold", "0.4", "--meaning", "as a pathologist said") == 0
    told = capsys.readouterr().out
    assert "AUC 0." in told
    assert "kind malignant against benign" in told
    assert "my-report/report.html. For research use only." in " ".join(told.split())
    head = read_head(tmp_path / "my.head").head
    assert (head.id, head.classes, head.calibration.kind) == ("my", ("benign", "malignant"), "platt")
    assert head.label_meaning == "as a pathologist said"
    assert run(["heads", "show", "my.head"]) == 0
    assert "AUC 0." in capsys.readouterr().out
    assert train(*wanted) == 4
    assert "my.head exists already" in capsys.readouterr().err
    assert train(*wanted, "--overwrite", "--positive", "benign") == 0
    assert read_head(tmp_path / "my.head").head.classes == ("malignant", "benign")


def test_labels_are_joined_from_another_table(table, tmp_path, capsys):
    lines = ["lesion_id;stage", *(f"l{place};{'early' if place % 2 else 'late'}" for place in range(110))]
    (tmp_path / "stages.csv").write_text("\n".join(lines), encoding="utf-8")
    wanted = ["--features", table, "--labels", "stages.csv", "--label", "stage", "--output", "my.head"]
    assert train(*wanted, "--by", "patient_key") == 4
    assert "stages.csv has no column patient_key by which" in " ".join(capsys.readouterr().err.split())
    assert train(*wanted) == 0
    assert "10 rows of features.csv are not in stages.csv by lesion_id" in " ".join(capsys.readouterr().err.split())
    assert read_head(tmp_path / "my.head").head.classes == ("early", "late")


def test_a_survival_head_is_trained(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lives().write(tmp_path / "lives.csv")
    wanted = ["--features", "lives.csv", "--task", "survival", "--time", "days", "--event", "died"]
    assert train(*wanted, "--group", "patient_key", "--at", "300", "--output", "risk.head", "--report", "told") == 0
    assert "C-index 0." in capsys.readouterr().out
    assert read_head(tmp_path / "risk.head").head.outputs == ("log_relative_hazard", "survival_300_days")
    assert (tmp_path / "told" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "name the column of classes (--label)"),
        (["--task", "survival"], 2, "name the columns of --time and --event"),
        (["--label", "kind", "--time", "days"], 2, "neither --time nor --event"),
        (["--label", "stage"], 4, "has no column stage for the label"),
        (["--label", "kind", "--group", "nobody"], 4, "has no column nobody for the group"),
        (["--label", "kind", "--control", "none.csv"], 4, "none.csv cannot be read"),
        (["--label", "kind", "--threshold", "2"], 2, "not in the range"),
        (["--label", "lesion_id"], 4, "lesion_id has 120 classes"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(table, arguments, code, said, tmp_path, capsys):
    assert train("--features", table, "--output", "my.head", *arguments) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["features.csv"]


def test_an_interrupted_training_leaves_nothing(table, tmp_path, monkeypatch, capsys):
    def interrupted(*_args, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr("fmcib_engine.probing.files.write_study", interrupted)
    assert train("--features", table, "--label", "kind", "--output", "my.head") == 130
    assert "Interrupted. Nothing was written." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["features.csv"]


@pytest.mark.parametrize("package", ["sklearn", "lifelines"])
def test_a_missing_package_is_named(package, tmp_path, monkeypatch, capsys):
    import sys

    monkeypatch.chdir(tmp_path)
    lives().write(tmp_path / "lives.csv")
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    wanted = ["--features", "lives.csv", "--task", "survival", "--time", "days", "--event", "died"]
    assert train(*wanted, "--group", "patient_key", "--output", "my.head") == 4
    told = " ".join(capsys.readouterr().err.split())
    assert f"Heads are trained with {'scikit-learn' if package == 'sklearn' else package}" in told
    assert "extra [heads]" in told
    assert [path.name for path in tmp_path.iterdir()] == ["lives.csv"]
