"""`batch --dask` on real clusters: worker processes that are killed, clients that are, what is not there or is another.

One cluster of two workers serves most tests; its network is that of `batch_support`, but for real scans.
"""

from __future__ import annotations

import csv
import json
import operator
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Event, Thread
from weakref import WeakSet

import pytest
from batch_support import Sums, batch, command, environment, make_list, rows_of
from fmcib_engine.cli import batch as cli_batch
from fmcib_engine.cli.commands import run
from fmcib_engine.heads.chosen import ChosenHeads
from fmcib_engine.readers import read_volume
from support import DATA, ROOT, needs_data

distributed = pytest.importorskip("distributed", reason="needs dask.distributed, the extra [dask]")
dask = pytest.importorskip("dask")
for package in ("filelock", "click", "rich", "SimpleITK"):
    pytest.importorskip(package)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

PATIENCE = 240.0
DEATHS = 2
HERE = Path(__file__).parent
PRELOADED = HERE / "cluster_support.py"


@pytest.fixture(scope="module")
def cluster(small_file, tmp_path_factory):
    """A scheduler in this process, and two workers with theirs."""
    own = {"FMCIB_SMALL_WEIGHTS": str(small_file), "FMCIB_HOME": os.environ["FMCIB_HOME"], "PYTHONPATH": str(HERE)}
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=":0",
        env=own,
        local_directory=str(tmp_path_factory.mktemp("dask")),
        preload=[str(PRELOADED)],
    ) as cluster:
        yield cluster


@contextmanager
def own_cluster(folder: Path, path: Path, workers: int = 1):
    """Another, whose workers are begun anew when they die, and import from this path."""
    with distributed.LocalCluster(n_workers=0, processes=True, dashboard_address=":0") as cluster:
        call = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address, "--no-nanny"]
        call += ["--no-dashboard", "--nthreads", "1", "--local-directory", str(folder)]
        call += ["--preload", str(PRELOADED)] if path == HERE else []

        def begin() -> subprocess.Popen[bytes]:
            return subprocess.Popen(call, env=environment(PYTHONPATH=str(path)), stderr=subprocess.DEVNULL, cwd=folder)

        processes = [begin() for _ in range(workers)]
        ended = Event()

        def watch() -> None:
            while not ended.wait(0.05):
                for number, process in enumerate(processes):
                    if process.poll() is not None:
                        processes[number] = begin()

        watching = Thread(target=watch)
        watching.start()
        try:
            yield cluster
        finally:
            ended.set()
            watching.join()
            for process in processes:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def client(cluster):
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return make_list(tmp_path_factory.mktemp("scans"))


@pytest.fixture(scope="module")
def whole(table) -> Path:
    """A run without a cluster."""
    done = batch("--table", table, "--output", table.parent / "whole")
    assert done.returncode == 0, done.stderr
    return table.parent / "whole"


@pytest.fixture
def here(monkeypatch, capsys):
    """The command line in this process, with the network of sums; gives the exit code and what was said."""
    encoder = Sums()
    monkeypatch.setattr(cli_batch, "open_encoder", lambda options: encoder)
    monkeypatch.setattr(cli_batch, "open_heads", lambda *_: ChosenHeads(encoder))

    def go(*arguments: object, weights: str = "sums-0") -> tuple[int, str]:
        monkeypatch.setattr(cli_batch, "require_weights", lambda *_: weights)
        code = run(["batch", *map(str, arguments)])
        told = capsys.readouterr()
        return code, " ".join(f"{told.out} {told.err}".split())

    return go


def start(table: Path, output: Path, address: str, *more: str, seconds: float = 0.1) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("batch", "--table", table, "--output", output, "--dask", address, *more),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        env=environment(SECONDS_A_PATCH=str(seconds)),
    )  # fmt: skip


def wait_for(what, process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kept(output: Path) -> list[int]:
    """Numbers of the rows that are kept, each as often as it is."""
    lines = [line for path in sorted(output.glob("results-*.jsonl")) for line in path.read_bytes().splitlines()]
    return [row[0] for line in lines for row in json.loads(line.partition(b" ")[2])]


def all_here(cluster) -> bool:
    """Whether both workers are: a nanny begins another in the place of one that died."""
    return [worker.status.name for worker in cluster.scheduler.workers.values()] == ["running"] * 2


def at_work(client) -> dict[str, int]:
    """How many tasks each worker has in its hands, wanted or not."""
    return client.run(lambda dask_worker: len(dask_worker.active_threads))


def errors(output: Path) -> list[dict[str, str]]:
    with (output / "errors.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def said(process: subprocess.CompletedProcess[str]) -> str:
    return " ".join(process.stderr.split())


@needs_data
def test_real_scans_give_the_table_of_a_run_without_a_cluster(
    cluster, tmp_path, encoder, small_installed, monkeypatch, capsys
):
    """With the small encoder and its heads, bit for bit: workers and this process compute with one thread each."""
    import torch

    with (tmp_path / "seeds.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_path", "coordX", "coordY", "coordZ", "age", "PatientID"])
        for shift in range(3):
            for scan in (DATA / "lidc" / "LIDC-IDRI-0001_slab", DATA / "radio" / "R01-001_crop.nrrd"):
                writer.writerow([scan, *_middle(scan, shift), 34, "R01-001"])
            writer.writerow(["nowhere.nrrd", 0, 0, 0, 1, "nobody"])
            writer.writerow(["nowhere.nrrd", "x", 0, 0, 1, "nobody"])
    monkeypatch.setattr(cli_batch, "open_encoder", lambda options: encoder)
    arguments = ["batch", "--table", str(tmp_path / "seeds.csv"), "--weights", "small", "--engine", "pytorch"]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert run([*arguments, "--output", str(tmp_path / "here")]) == 3
    finally:
        torch.set_num_threads(threads)
    assert run([*arguments, "--output", str(tmp_path / "there"), "--dask", cluster.scheduler_address]) == 3
    here, there = rows_of(tmp_path / "here"), rows_of(tmp_path / "there")
    at = here[0].index("error")
    for rows in (here, there):
        assert [row[here[0].index("status")] for row in rows[1:]] == ["ok", "ok", "error", "error"] * 3
    assert "does not see it" in there[3][at]
    there = [[cell.partition(" The worker of the cluster")[0] for cell in row] for row in there]
    assert there == here
    assert "pred_127" in here[0]
    assert "phantom-density:note" in here[0]
    assert "workers of a cluster, which computed for" in capsys.readouterr().out
    started = json.loads((tmp_path / "there" / "environment.json").read_text(encoding="utf-8"))["starts"]
    assert [start["device"] for start in started] == ["a cluster"]
    texts = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "there").iterdir() if path.name != ".lock")
    for secret in ('R01-001"', "1.3.6.1", "PatientID", str(tmp_path)):
        assert secret not in texts


def _middle(scan: Path, shift: int) -> tuple[float, float, float]:
    grid = read_volume(scan).grid
    x, y, z = grid.to_patient([(size - 1) / 2 for size in grid.size])
    return x + shift, y, z


def test_a_worker_that_is_killed_in_mid_run_costs_no_row(cluster, client, table, whole):
    output = table.parent / "dies"
    process = start(table, output, cluster.scheduler_address)
    wait_for(lambda: kept(output), process)
    wait_for(lambda: sum(at_work(client).values()) == 2, process)
    before = client.run(os.getpid)
    os.kill(next(iter(before.values())), signal.SIGKILL)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert rows_of(output) == rows_of(whole)
    assert sorted(kept(output)) == list(range(1, 25))
    wait_for(lambda: all_here(cluster))
    assert client.run(os.getpid) != before


def test_a_run_goes_on_after_its_process_was_killed(cluster, client, table, whole, here):
    output = table.parent / "ended"
    process = start(table, output, cluster.scheduler_address)
    wait_for(lambda: kept(output), process)
    process.kill()
    process.communicate()
    wait_for(lambda: not any(at_work(client).values()))  # the workers stop by themselves
    done = set(kept(output))
    assert 0 < len(done) < 24
    code, told = here("--table", table, "--output", output, "--resume", "--dask", cluster.scheduler_address)
    assert code == 0, told
    assert f"24 rows, {24 - len(done)} computed now" in told
    assert sorted(kept(output)) == list(range(1, 25))
    assert rows_of(output) == rows_of(whole)


def test_ctrl_c_leaves_nothing_at_work_and_the_run_goes_on_without_the_cluster(cluster, client, table, whole, here):
    output = table.parent / "stopped"
    process = start(table, output, cluster.scheduler_address, seconds=0.3)
    wait_for(lambda: kept(output), process)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Interrupted. What was done is kept" in told
    assert "Traceback" not in told
    assert not any(client.processing().values())
    wait_for(lambda: not any(at_work(client).values()))
    assert 0 < len(kept(output)) < 24
    code, told = here("--table", table, "--output", output, "--resume")
    assert code == 0, told
    assert rows_of(output) == rows_of(whole)


def test_rows_that_end_one_worker_after_the_other_are_errors_and_no_others_are(tmp_path, here):
    table = make_list(tmp_path, scans=8, lesions=4)
    (tmp_path / "scan2.nrrd").rename(tmp_path / "killer.nrrd")
    (tmp_path / "scan5.nrrd").rename(tmp_path / "killer-once.nrrd")
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("scan2.", "killer.").replace("scan5.", "killer-once."), encoding="utf-8")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": DEATHS - 1}),
        own_cluster(tmp_path, HERE, 2) as cluster,
    ):
        code, told = here("--table", table, "--output", tmp_path / "run", "--dask", cluster.scheduler_address)
    assert code == 3, told
    assert [row["lesion_id"] for row in errors(tmp_path / "run")] == [f"2-{lesion}" for lesion in range(4)]
    assert f"{DEATHS} workers of the cluster ended one after the other" in told
    assert "computing the features" in told
    assert (tmp_path / "killer-once.met").exists()


def test_a_scheduler_that_ends_ends_the_run_with_a_word(table, tmp_path):
    with own_cluster(tmp_path, HERE) as cluster:
        process = start(table, tmp_path / "run", cluster.scheduler_address, seconds=0.3)
        wait_for(lambda: kept(tmp_path / "run"), process)
        cluster.close()
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4
    assert "The cluster was lost: its scheduler ended" in " ".join(told.split())
    assert 0 < len(kept(tmp_path / "run")) < 24


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("tcp://127.0.0.1:9", "No dask scheduler answers at tcp://127.0.0.1:9 (Connection refused)"),
        ("127.0.0.1", "should be as tcp://host:8786 or tls://host:8786, got '127.0.0.1'"),
        ("http://127.0.0.1:8787", "should be as tcp://host:8786"),
        ("tls://127.0.0.1:8786", "For tls://127.0.0.1:8786 certificates are needed"),
    ],
)
def test_where_there_is_no_cluster_that_is_said_and_nothing_is_written(address, sentence, table, tmp_path, capsys):
    code = run(
        ["batch", "--table", str(table), "--weights", "small", "--output", str(tmp_path / "run"), "--dask", address]
    )
    assert code == 4
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_without_dask_it_is_said_what_to_install(table, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    arguments = ["--table", str(table), "--weights", "small", "--output", str(tmp_path / "run"), "--dask", "a:1"]
    assert run(["batch", *arguments]) == 4
    assert "A cluster needs dask.distributed, which cannot be imported" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("older", "its engine is version 0.0.1, wanted is"),
        ("before clusters", "A worker of the cluster has no such engine (No module named"),
    ],
)
def test_a_worker_with_another_engine_is_refused(kind, sentence, table, tmp_path, here):
    engine = tmp_path / "engine" / "fmcib_engine"
    shutil.copytree(
        ROOT / "FMCIBExtension" / "fmcib_engine", engine, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors")
    )
    if kind == "older":
        init = engine / "__init__.py"
        text = init.read_text(encoding="utf-8")
        init.write_text(text + '\n__version__ = "0.0.1"\n', encoding="utf-8")
    else:
        (engine / "batch" / "cluster_worker.py").unlink()
    with own_cluster(tmp_path, engine.parent) as cluster:
        code, told = here("--table", table, "--output", tmp_path / "run", "--dask", cluster.scheduler_address)
    assert code == 4
    assert sentence in told
    assert "go on" in told
    assert kept(tmp_path / "run") == []


def test_a_worker_with_other_weights_is_refused(cluster, table, tmp_path, here):
    arguments = ["--table", table, "--output", tmp_path / "run", "--dask", cluster.scheduler_address]
    code, told = here(*arguments, weights="sums-0-other")
    assert code == 4
    assert "it would compute with something else than the run: weights SHA-256 cdcdcdcdcdcd, wanted abab" in told
    assert kept(tmp_path / "run") == []


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="needs a path that each process sees otherwise")
def test_a_scan_that_only_the_client_sees_is_an_error_row_that_says_so(cluster, table, tmp_path):
    """/proc/self/cwd is another folder for each process."""
    for name in ("scan0.nrrd", "scan1.nrrd"):
        shutil.copy(table.parent / name, tmp_path)
    with (tmp_path / "seeds.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_path", "coordX", "coordY", "coordZ"])
        for folder in ("/proc/self/cwd", str(table.parent)):
            writer.writerows([[f"{folder}/scan{scan}.nrrd", 20, 30, 25] for scan in range(2)])
    call = command("batch", "--table", "seeds.csv", "--output", tmp_path / "out" / "run")
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [*call, "--dask", cluster.scheduler_address], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
        env=environment(), timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    found = errors(tmp_path / "out" / "run")
    assert [row["row"] for row in found] == ["1", "2"]
    for row in found:
        assert row["error"].startswith("A scan is read from a file or a folder, but there is no 'scan")
        assert "it must lie under the same path on every worker, as on a share" in row["error"]
    assert "does not see scans of the list, whose rows are errors" in said(done)


def test_dask_is_given_names_text_and_bytes_and_few_at_a_time(cluster, tmp_path, here, monkeypatch):
    """Nothing of the engine is pickled: a call is looked up by the worker, with a chunk as JSON."""
    sent, alive, most = [], WeakSet(), [0]
    real = distributed.Client.get

    def get(self, graph, *more, **how):
        future = real(self, graph, *more, **how)
        sent.extend(graph.values())
        alive.add(future)
        most.append(len(alive))
        return future

    monkeypatch.setattr(distributed.Client, "get", get)
    monkeypatch.setattr("fmcib_engine.batch.cluster.CHUNK_ROWS", 4)
    table = tmp_path / "seeds.csv"
    table.write_text("image_path,coordX,coordY,coordZ\n" + "scan.nrrd,x,0,0\n" * 200, encoding="utf-8")
    code, told = here("--table", table, "--output", tmp_path / "run", "--dask", cluster.scheduler_address)
    assert (code, len(sent)) == (3, 25), told
    assert [int(row["row"]) for row in errors(tmp_path / "run")] == list(range(1, 201))
    assert max(most) <= 2 * 2 + 1
    for function, (look_up, (load, module), name), content in sent:
        assert (function, look_up, load) == (operator.call, getattr, import_module)
        assert (module, name) == ("fmcib_engine.batch.cluster_worker", "compute")
        assert json.loads(content)["format"] == 1


def test_certificates_are_taken_from_dasks_settings(tmp_path):
    trustme = pytest.importorskip("trustme")
    from fmcib_engine.batch.cluster import Cluster
    from fmcib_engine.errors import ClusterError

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")
    own = {"distributed.comm.tls.ca-file": str(tmp_path / "ca.pem")}
    for role in ("scheduler", "client"):
        own |= {f"distributed.comm.tls.{role}.{what}": str(tmp_path / "cert.pem") for what in ("cert", "key")}
    with dask.config.set(own):
        security = distributed.Security(require_encryption=True)
        with distributed.LocalCluster(
            n_workers=0, processes=True, dashboard_address=":0", security=security, protocol="tls://", host="127.0.0.1"
        ) as cluster:
            address = cluster.scheduler_address
            assert address.startswith("tls://")
            Cluster(address).close()
            with pytest.raises(ClusterError, match="No dask scheduler answers"):
                Cluster(address.replace("tls", "tcp"))
