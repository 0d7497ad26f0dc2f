"""Run files: every key is checked with a sentence, what is printed is read again, and nothing is run."""

from __future__ import annotations

import dataclasses

import pytest
from fmcib_engine.errors import InputError
from fmcib_engine.training.finetune_settings import FinetuneSettings
from fmcib_engine.training.pretrain_settings import PretrainSettings
from fmcib_engine.training.settings import as_yaml, differing, digest, read_settings, settings_from

pytest.importorskip("yaml")

KINDS = [PretrainSettings, FinetuneSettings]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_printed_has_every_key_explained_and_is_read_again(kind, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(as_yaml(kind()), encoding="utf-8")
    assert read_settings(path, kind) == kind()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 112
    for field in dataclasses.fields(kind):
        assert lines[next(i for i, line in enumerate(lines) if line.startswith(f"{field.name}:")) - 1].startswith("# ")
        assert field.metadata["about"].endswith(".")


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_refuses_what_it_is_not_and_says_what_it_is(kind):
    for field in dataclasses.fields(kind):
        for wrong in ({"a": 1}, None, "nonsense" if not isinstance(field.default, str) else 3):
            with pytest.raises(InputError, match=f"`{field.name}` in run.yaml should be .*, it is ") as refused:
                settings_from({field.name: wrong}, kind, "run.yaml")
            assert field.metadata["about"] in str(refused.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("epochs: 0", "`epochs` in run.yaml should be at least 1, it is 0"),
        ("epochs: 1.5", "should be a whole number, it is 1.5"),
        ("epochs: true", "should be a whole number, it is True"),
        ("flip: 1.01", "should be at most 1"),
        ("temperature: 0", "should be greater than 0"),
        ("temperature: .nan", "should be a number"),
        ("temperature: .inf", "should be a number"),
        ("negatives: some", "should be one of other_scans, all_scans, none"),
        ("epoch: 3", "not known: 'epoch'. Did you mean epochs?"),
        ("colour: 3", "not known: 'colour'. Known are encoder, table"),
        ("- a", "a list of keys with their values"),
        ("seed: [", "is no YAML at line"),
        ("seed: !!python/object/apply:os.system ['touch ran']", "is no YAML"),
        ("seed: 2024-13-99", "is no YAML|should be a whole number"),
        ("seed: 1\nepochs: 3\nseed: 2", "the key 'seed' is there twice at line 3. Keep one of them"),
        ("table: &a x\nencoder: *a", "is no YAML at line 2"),
        ('seed: !!int ""', "is no YAML"),
        ('seed: !!bool "x"', "is no YAML"),
        ('seed: !!timestamp "x"', "is no YAML"),
        ("? [a]\n: 1", "is no YAML"),
        ("epochs: 1" + "0" * 3000, "should be at most 1e\\+06, it is a number of many digits"),
        ("projection: 1000000000000", "should be at most 65536"),
        ("phantoms: 1000000000000", "should be at most 1e"),
        ("batch_size: 1000000000000", "should be at most 65536"),
        ('table: "a\\0b"', "a text without control characters, it is 'a.x00b'"),
        ('table: "\\ud800"', "a text without control characters"),
        ('encoder: "\\e[31m"', "a text without control characters"),
    ],
)
def test_a_wrong_line_is_answered_by_a_sentence(line, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text(line, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_settings(tmp_path / "run.yaml", PretrainSettings)
    assert not (tmp_path / "ran").exists()


def test_any_name_of_a_column_is_read_again_as_it_was(tmp_path):
    for name in ("\U0001f600", 'é "x": #', "\u2028\u00a0", "\\ud83d\\ude00", "yes", "1e3", "~"):
        settings = FinetuneSettings(label=name)
        (tmp_path / "run.yaml").write_text(as_yaml(settings), encoding="utf-8")
        assert read_settings(tmp_path / "run.yaml", FinetuneSettings) == settings


def test_a_large_value_is_shown_in_short(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(f"seed: [{', '.join(['[1, [2, 3]]'] * 5000)}]", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_settings(path, PretrainSettings)
    assert len(str(refused.value)) < 200
    path.write_text("# " + "x" * 200_000, encoding="utf-8")
    with pytest.raises(InputError, match="is no run file: it has 200,002 bytes"):
        read_settings(path, PretrainSettings)


def test_numbers_are_understood_as_people_write_them(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("learning_rate: 1e-3\nwarm_up_epochs: 5\n", encoding="utf-8")
    settings = read_settings(path, PretrainSettings)
    assert (settings.learning_rate, settings.warm_up_epochs) == (0.001, 5.0)
    assert isinstance(settings.warm_up_epochs, float)


def test_an_empty_file_means_all_defaults_and_a_missing_or_foreign_one_is_told(tmp_path):
    (tmp_path / "empty.yaml").write_text("# nothing\n", encoding="utf-8")
    assert read_settings(tmp_path / "empty.yaml", PretrainSettings) == PretrainSettings()
    with pytest.raises(InputError, match=r"none.yaml cannot be read \(No such file"):
        read_settings(tmp_path / "none.yaml", PretrainSettings)
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\x00seed")
    with pytest.raises(InputError, match="no text in UTF-8"):
        read_settings(tmp_path / "odd.yaml", PretrainSettings)


def test_only_what_decides_over_the_result_makes_another_run():
    mine = PretrainSettings()
    assert digest(mine) == digest(dataclasses.replace(mine, workers=3, checkpoint_minutes=1.0, keep_patches=True))
    other = dataclasses.replace(mine, seed=2, epochs=3)
    assert digest(other) != digest(mine)
    assert differing(mine, other) == ["seed", "epochs"]
