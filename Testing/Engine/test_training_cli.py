"""`pretrain` and `finetune` at the command line: what is printed, what is refused, which code comes out."""

from __future__ import annotations

import pytest
from fmcib_engine import encoders
from fmcib_engine.cli.commands import run
from fmcib_engine.training.finetune_settings import FinetuneSettings
from fmcib_engine.training.settings import read_settings
from training_support import WITH_TINY, make_scans

torch = pytest.importorskip("torch")
for package in ("monai", "yaml", "lightning_fabric"):
    pytest.importorskip(package)


@pytest.fixture(autouse=True)
def _with_tiny(monkeypatch):
    monkeypatch.setattr(encoders, "ENCODERS", WITH_TINY)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("command", ["pretrain", "finetune"])
def test_the_printed_run_file_is_a_run_file(command, tmp_path, capsys):
    assert run([command, "--print-config"]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "run.yaml").write_text(printed, encoding="utf-8")
    assert run([command, str(tmp_path / "run.yaml"), "--print-config"]) == 0
    assert capsys.readouterr().out == printed


def test_options_stand_above_the_run_file(tmp_path, capsys):
    (tmp_path / "run.yaml").write_text("table: seeds.csv\nepochs: 7\n", encoding="utf-8")
    assert run(["pretrain", str(tmp_path / "run.yaml"), "--phantom", "9", "--simclr", "--print-config"]) == 0
    printed = capsys.readouterr().out
    for line in ('table: ""', "phantoms: 9", 'negatives: "none"', "epochs: 7"):
        assert f"\n{line}\n" in printed
    assert run(["finetune", "--label", "kind", "--weights", "w.pt", "--table", "t.csv", "--print-config"]) == 0
    printed = capsys.readouterr().out
    for line in ('label: "kind"', 'weights: "w.pt"', 'table: "t.csv"'):
        assert f"\n{line}\n" in printed


def test_files_of_a_run_file_lie_beside_it_and_a_long_path_is_printed_whole(tmp_path, capsys):
    folder = tmp_path / ("a long name " * 12).strip()
    folder.mkdir()
    (folder / "begun.safetensors").write_bytes(b"")
    for weights, wanted in (("begun.safetensors", str(folder / "begun.safetensors")), ("fmcib", "fmcib")):
        (folder / "run.yaml").write_text(f"table: seeds.csv\nweights: {weights}\n", encoding="utf-8")
        assert run(["finetune", str(folder / "run.yaml"), "--encoder", "tiny", "--print-config"]) == 0
        printed = capsys.readouterr().out
        (tmp_path / "printed.yaml").write_text(printed, encoding="utf-8")
        settings = read_settings(tmp_path / "printed.yaml", FinetuneSettings)
        assert (settings.weights, settings.table) == (wanted, str(folder / "seeds.csv"))
        assert settings.encoder == "tiny"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["pretrain"], 2, "Give the run's folder with --output"),
        (["pretrain", "--table", "a.csv", "--phantom", "3", "--output", "x"], 2, "Give either --table or --phantom"),
        (["pretrain", "--phantom", "0", "--output", "x"], 2, "0 is not in the range"),
        (["pretrain", "--output", "x"], 4, "give one of `table` and `phantoms`"),
        (["pretrain", "none.yaml", "--output", "x"], 4, "The run file none.yaml cannot be read"),
        (["pretrain", "--table", "none.csv", "--output", "x"], 4, "The seed table none.csv cannot be read"),
        (["finetune", "--table", "none.csv", "--weights", "none.pt", "--output", "x"], 4, "none.csv cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(arguments, code, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_a_run_with_lesions_that_were_left_out_ends_with_code_3_and_one_without_with_0(tmp_path, capsys):
    table = make_scans(tmp_path)
    (tmp_path / "run.yaml").write_text(
        "encoder: tiny\ntable: seeds.csv\nbatch_size: 4\nelsewhere: 1\nepochs: 1\nmost_problems: 0.3\n",
        encoding="utf-8",
    )
    arguments = ["pretrain", str(tmp_path / "run.yaml"), "--device", "cpu", "--output"]
    assert run([*arguments, str(tmp_path / "good")]) == 0
    assert "12 lesions, 3 steps. For research use only." in capsys.readouterr().out
    (tmp_path / "scan3.nrrd").unlink()
    assert run([*arguments, str(tmp_path / "less")]) == 3
    told = capsys.readouterr()
    assert "10 lesions, 2 steps" in told.out
    assert "2 lesions were left out" in told.err
    finetuning = [
        "finetune",
        "--table",
        str(table),
        "--label",
        "kind",
        "--output",
        str(tmp_path / "fine"),
        str(tmp_path / "fine.yaml"),
    ]  # noqa: E501
    (tmp_path / "fine.yaml").write_text(
        "encoder: tiny\nbatch_size: 2\nepochs: 1\nmost_problems: 0.3\nhead: [4]\nvalidation: 0.3\n", encoding="utf-8"
    )
    assert run([*finetuning, "--device", "cpu"]) == 3
    told = capsys.readouterr()
    assert "validation_balanced_accuracy: " in told.out
    assert "The epoch was chosen on these lesions: others will score lower." in told.out
