"""Maps of real encoders: what they carry, how they refine, how they are kept, and the command that makes them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fmcib_engine.errors import DeviceError, ImageError, InputError, OutOfMemoryError, OutputError
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.heads.chosen import Member
from fmcib_engine.heads.file import read_head
from fmcib_engine.heads.folder import SHIPPED
from fmcib_engine.heads.predict import predict
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.pipeline import cut
from fmcib_engine.readers import read_volume
from fmcib_engine.results.image import write_image
from fmcib_engine.volume import Volume
from support import OBLIQUE, SIGNED_PERMUTATIONS, rotation

torch = pytest.importorskip("torch")

from fmcib_engine.cli import extract as extract_module  # noqa: E402
from fmcib_engine.cli import saliency as command  # noqa: E402
from fmcib_engine.cli.commands import run  # noqa: E402
from fmcib_engine.saliency import checks  # noqa: E402
from fmcib_engine.saliency.explain import explain  # noqa: E402
from fmcib_engine.saliency.files import KEY, read_map, write_map  # noqa: E402
from fmcib_engine.saliency.map import MapFacts, SaliencyMap  # noqa: E402
from fmcib_engine.saliency.methods import METHODS, Parameters  # noqa: E402
from fmcib_engine.saliency.picture import draw_map  # noqa: E402
from fmcib_engine.saliency.scorer import Scorer  # noqa: E402
from fmcib_engine.saliency.targets import COSINE, EMBEDDING, NORM, class_of  # noqa: E402

SEED = [str(value) for value in PHANTOM_SEED]
QUICK = Parameters(samples=3, edge=25, step=25)


@pytest.fixture(scope="module")
def volume():
    return chest_phantom((2.8, 2.8, 5.0))


@pytest.fixture(scope="module")
def lesion(volume):
    return cut(volume, PHANTOM_SEED)


@pytest.fixture(scope="module")
def scan(tmp_path_factory, volume):
    path = tmp_path_factory.mktemp("DOE^JANE") / "Jane_Doe_12345.nrrd"
    write_image(volume, path)
    return path


def member(name="phantom-density"):
    read = read_head(SHIPPED / f"{name}.head")
    return Member(read.head, read.sha256, "shipped")


def steps(encoder, lesion, method="smoothgrad", target=EMBEDDING, **chosen):
    return list(explain(encoder, lesion, target, method, replace(QUICK, **chosen)))


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_refines_to_a_map_on_the_patchs_own_voxels(encoder, lesion, method):
    found = steps(encoder, lesion, method)
    assert [step.done for step in found][-1] == found[-1].total == found[-1].map.facts.samples_total
    assert found[0].done == 1
    saliency = found[-1].map
    assert saliency.array.dtype == np.float32
    np.testing.assert_array_equal(saliency.grid.affine, lesion.grid.affine)
    assert float(np.abs(saliency.array).max()) > 0
    assert (saliency.array.min() >= 0) or METHODS[method].is_signed
    shown = saliency.for_display()
    assert np.abs(shown).max() == pytest.approx(1)
    facts = saliency.facts
    assert (facts.method, facts.target, facts.encoder_id) == (method, "embedding", "small")
    assert facts.weights_sha256 == encoder.weights.sha256
    assert facts.patch_sha256 == lesion.sha256
    assert facts.parameters.keys() == METHODS[method].takes.keys()
    assert encoder.weights.caution in facts.cautions
    assert any("random weights" in each for each in facts.cautions) == method.startswith("guided")


def test_the_same_random_seed_gives_the_same_bits_and_another_gives_others(encoder, lesion):
    first, again, other = (steps(encoder, lesion, random_seed=seed)[-1].map.array for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


def test_the_encoder_works_between_two_pictures_and_gives_the_same_features(encoder, lesion):
    (before,) = encoder.encode([lesion.array])
    going = explain(encoder, lesion, EMBEDDING, "guided-smoothgrad", QUICK)
    kept = next(going)
    (meanwhile,) = encoder.encode([lesion.array])
    going.close()
    (after,) = encoder.encode([lesion.array])
    np.testing.assert_array_equal(before.features, meanwhile.features)
    np.testing.assert_array_equal(before.features, after.features)
    assert not kept.map.facts.is_whole
    with encoder.lend() as (network, _):
        assert all(parameter.grad is None for parameter in network.parameters())


def test_the_score_of_a_class_is_the_log_odds_of_what_the_head_predicts(encoder, lesion):
    (encoded,) = encoder.encode([lesion.array])
    for head in (member(), member("phantom-site")):
        shares = predict(head.head, encoded.features[None].astype(np.float64))[0]
        for name, share in zip(head.head.classes, shares, strict=True):
            found = Scorer(encoder.lend, lesion.array, class_of(head, name)).value
            assert found == pytest.approx(np.log(share / (1 - share)), abs=1e-3)


def test_the_score_of_a_survival_head_is_its_hazard_and_a_single_output_has_two_classes(encoder, lesion):
    two = np.random.default_rng(0).normal(size=(1, encoder.spec.feature_count)).astype(np.float32)
    one_output = replace(
        member().head,
        classes=("no", "yes"),
        layers=(replace(member().head.layers[0], weight=two, bias=np.zeros(1, np.float32)),),
        training=replace(member().head.training, cases_of=()),
        calibration=replace(member().head.calibration, kind="platt", parameters=(0.5, 0.1)),
    )
    (encoded,) = encoder.encode([lesion.array])
    share = predict(one_output, encoded.features[None].astype(np.float64))[0, 1]
    held = Member(one_output, "", "")
    values = [Scorer(encoder.lend, lesion.array, class_of(held, name)).value for name in ("no", "yes")]
    assert values[1] == pytest.approx(np.log(share / (1 - share)), abs=1e-3)
    assert values[0] == pytest.approx(-values[1], abs=1e-5)


@pytest.mark.parametrize("hu", [-1024.0, 40.0], ids=["air", "water"])
@pytest.mark.parametrize("method", list(METHODS))
def test_a_patch_that_is_the_same_everywhere_gives_a_map_without_nan_and_a_picture(encoder, tmp_path, method, hu):
    grid = VoxelGrid.from_parts((60, 60, 60), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    patch = cut(Volume(np.full((60, 60, 60), hu, np.float32), grid), PatientPoint(30, 30, 30))
    found = steps(encoder, patch, method)[-1].map
    assert np.isfinite(found.array).all()
    assert np.isfinite(found.for_display()).all()
    if hu == -1024 and method in ("integrated-gradients", "occlusion"):  # their baseline
        assert np.abs(found.array).max() < 1e-3  # what batches of other sizes round
    draw_map(found, patch, tmp_path / "map.png")


@pytest.mark.parametrize("direction", [*SIGNED_PERMUTATIONS[1::23], OBLIQUE], ids=["RAI", "turned", "again", "oblique"])
def test_a_map_lies_on_the_lesion_however_the_scan_is_stored(encoder, tmp_path, direction):
    """A ball in air, beside the seed: integrated gradients are 0 in air, hence the map is the ball, in the file too."""
    spacing, size = np.array([1.2, 1.0, 1.5]), np.array([70, 80, 60])
    origin = -(direction * spacing) @ ((size - 1) / 2)
    grid = VoxelGrid.from_parts(size.tolist(), origin=origin, spacing=spacing, direction=direction)
    k, j, i = np.indices(size[::-1])
    where = grid.to_patient(np.stack([i, j, k], axis=-1).reshape(-1, 3)).reshape(*size[::-1], 3)
    ball = np.array([9.0, -7.0, 5.0])
    hu = np.where(((where - ball) ** 2).sum(axis=-1) < 8**2, 60, -1024).astype(np.int16)
    patch = cut(Volume(hu, grid), PatientPoint(0, 0, 0))
    found = steps(encoder, patch, "integrated-gradients")[-1].map
    write_map(found, tmp_path / "map.nrrd")
    made = read_map(tmp_path / "map.nrrd")
    np.testing.assert_array_equal(made.array, found.array)
    assert made.array.dtype == np.float32
    z, y, x = np.nonzero(made.array)
    places = made.grid.to_patient(np.stack([x, y, z], axis=-1).astype(float))
    assert np.linalg.norm(places - ball, axis=1).max() < 8 + 2.5  # a voxel of the scan's, by interpolation
    assert places.mean(axis=0) == pytest.approx(ball, abs=0.5)


def test_targets_that_cannot_be_explained_are_told(encoder, lesion):
    with pytest.raises(InputError, match="Choose one of"):
        class_of(member(), "gold")
    risk = read_head(SHIPPED / "lung1-risk-of-death.head")
    with pytest.raises(InputError, match="log_relative_hazard, of which each survival time is a function"):
        class_of(Member(risk.head, risk.sha256, ""), "survival_2_years")
    with_age = replace(member().head.origin, features=member().head.origin.features[:-1], columns=("age",))
    with pytest.raises(InputError, match="your columns age"):
        class_of(Member(replace(member().head, origin=with_age), "", ""), "solid")
    with pytest.raises(InputError, match="Choose the target embedding"):
        steps(encoder, lesion, "grad-cam", COSINE)


@pytest.mark.parametrize(
    ("method", "chosen", "said"),
    [
        ("smoothgrad", {"samples": 0}, "samples of SmoothGrad is 1 to 10000, got 0"),
        ("smoothgrad", {"noise": 0.0}, "noise"),
        ("grad-cam", {"stage": 4}, "2 or 3, got 4"),
        ("occlusion", {"edge": 51}, "1 to 50 voxels, got 51"),
        ("occlusion", {"step": 26}, "1 voxel to the cube's edge, got 26"),
        ("gradient", {"random_seed": -1}, "0 or more"),
        ("lime", {}, "A method is one of gradient"),
    ],
)
def test_parameters_that_make_no_map_are_told(encoder, lesion, method, chosen, said):
    with pytest.raises(InputError, match=said):
        steps(encoder, lesion, method, **chosen)


def test_what_concerns_another_method_is_no_matter(encoder, lesion):
    assert steps(encoder, lesion, "gradient", stage=4, samples=0)[-1].map.facts.parameters == {}


def test_memory_that_runs_out_halves_the_samples_at_once_and_changes_no_number(encoder, lesion, monkeypatch):
    whole = steps(encoder, lesion, samples=6)[-1].map.array
    real, sizes = Scorer.gradients, []

    def scarce(self, patches, **options):
        sizes.append(len(patches))
        if len(patches) > 2:
            raise MemoryError
        return real(self, patches, **options)

    monkeypatch.setattr(Scorer, "gradients", scarce)
    found = steps(encoder, lesion, samples=6)
    assert sizes == [1, 4, 2, 2, 1]
    np.testing.assert_allclose(found[-1].map.array, whole, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(Scorer, "gradients", lambda *_, **__: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(OutOfMemoryError, match="single patch"):
        steps(encoder, lesion)


def test_reduced_precision_is_refused(encoder, monkeypatch):
    monkeypatch.setattr(encoder, "precision", "bfloat16")
    with pytest.raises(DeviceError, match="Load it in float32"), encoder.lend():
        pass


def test_integrated_gradients_add_up_to_the_rise_from_air(encoder, lesion):
    told = steps(encoder, lesion, "integrated-gradients", samples=64)[-1].map.facts.measured
    assert told["sum_of_map"] == pytest.approx(told["rise_from_baseline"], rel=0.1)


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".nii.gz"])
@pytest.mark.parametrize("is_oblique", [False, True])
def test_a_map_comes_back_from_its_file_with_place_and_facts(encoder, lesion, tmp_path, ending, is_oblique):
    made = steps(encoder, lesion, "gradient", target=class_of(member(), "solid"))[-1].map
    if is_oblique:
        grid = VoxelGrid.from_parts(
            (50, 50, 50), origin=(-9.5, 12, 300.25), spacing=(1, 1, 1), direction=rotation(17, 9)
        )
        made = SaliencyMap(made.array, grid, made.facts)
    path = tmp_path / f"map{ending}"
    write_map(made, path)
    back = read_map(path)
    np.testing.assert_array_equal(back.array, made.array)
    np.testing.assert_allclose(back.grid.affine, made.grid.affine, atol=1e-4)
    assert back.facts == made.facts
    assert read_volume(path).array.shape == (50, 50, 50)
    beside = {".nrrd": ["map.nrrd"]}.get(ending, ["map.json", f"map{ending}"])
    assert sorted(each.name for each in tmp_path.iterdir()) == beside


def test_files_that_are_no_maps_are_told(encoder, lesion, scan, tmp_path):
    with pytest.raises(ImageError, match="no saliency map of this program"):
        read_map(scan)
    with pytest.raises(ImageError, match="There is no file"):
        read_map(tmp_path / "none.nrrd")
    (tmp_path / "bad.nrrd").write_text("NRRD0004\n", encoding="utf-8")
    with pytest.raises(ImageError, match="cannot be read"):
        read_map(tmp_path / "bad.nrrd")
    made = steps(encoder, lesion, "gradient")[-1].map
    for wrong in ("{}", "[]", "no", json.dumps({**json.loads(made.facts.to_json()), "score": "high"})):
        with pytest.raises(ImageError, match="cannot be understood"):
            MapFacts.from_json(wrong)
    with pytest.raises(OutputError, match=r"ends in \.nrrd"):
        write_map(made, tmp_path / "map.png")


def test_the_picture_colours_what_is_strong_and_leaves_the_rest(encoder, lesion, tmp_path):
    image = pytest.importorskip("matplotlib.image")
    from fmcib_engine.results.picture import PANEL, PANEL_LEFT, PANEL_TOP, draw_patch
    from fmcib_engine.results.planes import seed_levels

    made = steps(encoder, lesion, "gradient")[-1].map
    x, y, z = seed_levels(lesion)
    spot = np.zeros_like(made.array)
    spot[z, y + 8 : y + 12, x + 8 : x + 12] = 1.0
    spot[z, y - 12 : y - 8, x - 12 : x - 8] = 0.1
    facts = replace(made.facts, is_signed=False)
    draw_map(SaliencyMap(spot, made.grid, facts), lesion, tmp_path / "map.png", about="a nodule")
    draw_patch(lesion, tmp_path / "patch.png", title="patch")
    panels = [
        image.imread(tmp_path / name)[PANEL_TOP : PANEL_TOP + PANEL, PANEL_LEFT[0] : PANEL_LEFT[0] + PANEL, :3]
        for name in ("map.png", "patch.png")
    ]
    changed = np.abs(panels[0] - panels[1]).max(axis=2) > 0.05
    rows, columns = np.nonzero(changed)
    assert (rows.min() // 8, rows.max() // 8) == (y + 8, y + 11)
    assert (columns.min() // 8, columns.max() // 8) == (x + 8, x + 11)
    with pytest.raises(ValueError, match="patch"):
        draw_map(SaliencyMap(spot, made.grid, replace(facts, patch_sha256="")), lesion, tmp_path / "map.png")


def test_random_weights_change_maps_stage_by_stage_and_leave_the_encoder(encoder, lesion):
    (before,) = encoder.encode([lesion.array])
    own = Scorer(encoder.lend, lesion.array, NORM).gradients(lesion.array[None])[0]
    assert checks.likeness(own, own) == pytest.approx(1)
    assert checks.likeness(own, -own) == pytest.approx(-1)
    assert checks.likeness(own, -own, of_sizes=True) == pytest.approx(1)
    found = [
        checks.likeness(own, Scorer(lend, lesion.array, NORM).gradients(lesion.array[None])[0])
        for _, lend in checks.cascade(encoder.lend, encoder.spec, random_seed=1)
    ]
    assert len(found) == len(checks.STAGES)
    assert max(map(abs, found)) < 0.5
    (after,) = encoder.encode([lesion.array])
    np.testing.assert_array_equal(before.features, after.features)


def test_pointing_deletion_and_insertion_by_hand():
    patch = np.array([1.0, 4.0, 2.0, 3.0], np.float32).reshape(1, 2, 2)
    saliency = np.array([0.1, 0.9, 0.2, 0.3], np.float32).reshape(1, 2, 2)
    mask = patch == 4.0

    def total(patches):
        return patches.reshape(len(patches), -1).sum(axis=1)

    assert checks.points_at(saliency, mask)
    assert not checks.points_at(-saliency, mask)
    assert checks.deletion(total, patch, saliency, 4) == [10, 6, 3, 1, 0]
    assert checks.insertion(total, patch, saliency, 4) == [0, 4, 7, 9, 10]
    assert checks.area([10, 6, 3, 1, 0]) == pytest.approx(3.75)
    np.testing.assert_array_equal(checks.flipped(lambda turned: turned * 2, patch, 2), patch * 2)
    assert checks.likeness(np.ones(4, np.float32), saliency.ravel()) == 0


@pytest.fixture
def warm(monkeypatch, encoder, small_installed):
    """Commands use one encoder instead of loading it each time."""
    monkeypatch.setattr(extract_module, "load_encoder", lambda *_, **__: encoder)


def arguments(scan, output, *more, seed=SEED):
    return ["saliency", "--image", str(scan), "--seed", *seed, "--weights", "small", "--output", str(output), *more]


def test_the_command_writes_map_and_picture_and_names_no_patient(scan, tmp_path, warm, capsys):
    output, picture = tmp_path / "map.nrrd", tmp_path / "map.png"
    more = ["--target", "phantom-density:solid", "--method", "guided-smoothgrad", "--samples", "3"]
    assert run(arguments(scan, output, *more, "--random-seed", "5", "--picture", str(picture))) == 0
    facts = read_map(output).facts
    assert (facts.target, facts.random_seed, facts.samples_done) == ("phantom-density:solid", 5, 3)
    assert facts.head_sha256 == member().sha256
    for made in (output, picture):
        assert not any(word in made.read_bytes() for word in (b"DOE", b"Doe", b"12345", str(scan.parent).encode()))
    assert KEY.encode() in output.read_bytes()
    told = capsys.readouterr().out
    assert "log-odds of solid" in told
    assert "SAYS NOTHING" in told.upper()
    first = output.read_bytes()
    assert run(arguments(scan, output, *more, "--random-seed", "5")) == 4
    assert output.read_bytes() == first
    assert run(arguments(scan, output, *more, "--random-seed", "5", "--overwrite")) == 0
    assert output.read_bytes() == first


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--target", "malignancy"], 4, "A target is one of embedding"),
        (["--target", "nohead:x"], 4, "There is no head 'nohead'"),
        (["--target", "phantom-density:gold"], 4, "has no 'gold' to explain"),
        (["--target", "auto:x"], 4, "names no single head"),
        (["--target", "cosine"], 4, "Choose the target embedding"),
        (["--method", "lime"], 2, "--method"),
        (["--method", "grad-cam", "--stage", "4"], 4, "2 or 3"),
        (["--picture", "x.jpg"], 4, "should end in .png"),
        (["--random-seed", "-1"], 4, "0 or more"),
        (["--frame", "ijk"], 4, "outside the scan"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_writes_nothing(scan, tmp_path, warm, capsys, more, code, said):
    assert run(arguments(scan, tmp_path / "map.nrrd", *more)) == code
    told = capsys.readouterr().err
    assert said in " ".join(told.split())
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_names_that_would_lose_something_are_refused_before_the_weights_are_loaded(
    scan, tmp_path, small_installed, capsys
):
    before = scan.read_bytes()
    assert run([*arguments(scan, scan), "--overwrite"]) == 4
    assert "made from" in capsys.readouterr().err
    assert scan.read_bytes() == before
    assert run(arguments(scan, tmp_path / "none" / "map.nrrd")) == 4
    assert "is not there" in capsys.readouterr().err
    assert run(arguments(scan, tmp_path / "map.mha")) == 4
    assert "ends in .nrrd" in capsys.readouterr().err
    assert run(arguments(scan, tmp_path / "map.nrrd", seed=["nan", "0", "0"])) == 2


def test_an_interrupted_map_is_kept_as_far_as_it_came(scan, tmp_path, warm, monkeypatch, capsys):
    real, calls = Scorer.gradients, []

    def pressed(self, patches, **options):
        calls.append(len(patches))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, patches, **options)

    monkeypatch.setattr(Scorer, "gradients", pressed)
    output = tmp_path / "map.nii.gz"
    assert run(arguments(scan, output, "--method", "smoothgrad", "--samples", "6")) == 130
    facts = read_map(output).facts
    assert (facts.samples_done, facts.samples_total, facts.is_whole) == (1, 6, False)
    assert "1 of 6 samples" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "parts"),
    [("norm", ("norm", "")), ("a:b", ("a", "b")), ("a:b:c", ("a", "b:c")), (r"C:\x.head:ill", (r"C:\x.head", "ill"))],
)
def test_a_target_is_split_at_its_colon(text, parts):
    assert command.split_target(text) == parts


@pytest.mark.parametrize("text", ["", ":", "a:", ":b", "a"])
def test_what_is_no_target_is_told(text):
    with pytest.raises(InputError, match="--target"):
        command.split_target(text)


def test_the_map_of_a_stretched_constant_is_nothing():
    facts = MapFacts("gradient", {}, "norm", "", "", 1.0, 1, 1, 0, (0.0, 0.0, 0.0), "small", "", "", "", "")
    grid = VoxelGrid((2, 2, 2), np.eye(4))
    for is_signed, value in ((False, 3.0), (True, 0.0)):
        made = SaliencyMap(np.full((2, 2, 2), value, np.float32), grid, replace(facts, is_signed=is_signed))
        assert (made.for_display() == 0).all()
    with pytest.raises(ImageError, match="NaN"):
        SaliencyMap(np.full((2, 2, 2), np.nan, np.float32), grid, facts)
    with pytest.raises(ImageError, match="float32"):
        SaliencyMap(np.zeros((2, 2, 2)), grid, facts)
