"""Workers without torch that speak the protocol of `fmcib_engine.worker`, each with one bad habit. Run as a script.

    python odd_workers.py HABIT

ODD_WORKER_LIVES names a file to which each life appends its process's number; PyTorch's version is the number of lives.
ODD_WORKER_WEIGHTS names a file whose text is told as the SHA-256 of the weights, and without which `load` fails. The
features of a patch are the bytes of its SHA-256, over and over. A map has as many steps as it is told samples, and
holds the number of those that are done.
"""

from __future__ import annotations

import array
import contextlib
import hashlib
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

from fmcib_engine import __version__
from fmcib_engine.framing import pack, read_frame, unpack

FOREVER = 3600.0
FEATURE_COUNT = 4096
VOXEL_BYTES = 4 * 50**3
SCRIPT = str(Path(__file__).resolve())

habit = sys.argv[1] if __name__ == "__main__" else ""
writing = threading.Lock()
pings = threading.Semaphore(0)
running: list[object] = []
"""The id of a map that is made, and that again if it is to end."""
encoder: dict[str, str] = {}
"""What was told of the one that was loaded last."""


def features(patchBytes: bytes) -> array.array:
    """What these workers take for the features of a patch."""
    voxels = unpack(patchBytes)[1]
    digest = list(hashlib.sha256(voxels).digest())
    return array.array("f", digest * (FEATURE_COUNT // len(digest)))  # without numpy, to start quickly


def write(data: bytes) -> None:
    step = 7 if habit == "crumbs" else len(data)
    with writing:
        for start in range(0, len(data), step):
            os.write(1, data[start : start + step])


def reply(kind: str, requestId: object, payload: bytes = b"", **fields: object) -> None:
    write(pack({"type": kind, "id": requestId, **fields}, payload))


def readRequests(waiting: queue.Queue) -> None:
    try:
        while (frame := read_frame(lambda count: os.read(0, min(count, 1 << 20)))) is not None:
            if frame[0]["type"] == "ping" and habit != "hangs":
                reply("pong", frame[0]["id"])
                pings.release()
            elif frame[0]["type"] == "cancel":
                cancel(waiting, frame[0])
            else:
                waiting.put(frame)
    finally:  # also in the middle of a frame, if the parent died there
        os._exit(1)


def cancel(waiting: queue.Queue, header: dict) -> None:
    with waiting.mutex:
        found = [frame for frame in waiting.queue if frame[0]["id"] == header["target"]]
        for frame in found:
            waiting.queue.remove(frame)
    if found:
        reply("cancelled", header["target"])
    elif header["target"] in running:
        running.append(header["target"])
    isDone = found or header["target"] in running
    reply("cancel_done" if isDone else "cancel_ignored", header["id"], target=header["target"])


def load(header: dict) -> None:
    if habit == "ends while loading":
        os._exit(4)
    weights = os.environ.get("ODD_WORKER_WEIGHTS")
    if weights and not Path(weights).is_file():
        reply("error", header["id"], code="weights", message="There is no file of weights. Choose another.")
        return
    if header["weights"] == "wrong":
        reply("error", header["id"], code="weights", message="These are no weights. Choose others.")
        return
    sha = Path(weights).read_text(encoding="utf-8") if weights else header["weights"]
    reply("progress", header["id"], step="Loading the weights", fraction=0.5)
    encoder.update(weights_sha256=sha, precision=header["precision"], device=header["device"], engine="pytorch")
    reply(
        "loaded",
        header["id"],
        **encoder,
        encoder_id="fmcib",
        weights_name=header["weights"],
        caution="",
        precision_deviation=None,
        engine_deviation=None,
        feature_count=FEATURE_COUNT,
        heads=[],
        head_problems=[],
        versions={"torch": str(lives())},
    )


def encode(header: dict, payload: bytes) -> None:
    misbehave(header["id"])
    if habit == "slow":
        time.sleep(0.3)
    if habit == "takes eight pings":
        for _ in range(8):
            pings.acquire()
    result = features(payload).tobytes()
    fields = {
        **encoder,
        "note": "",
        "predictions": [],
        "patch_sha256": hashlib.sha256(unpack(payload)[1][:VOXEL_BYTES]).hexdigest(),
    }
    if habit.startswith("mistakes its "):
        fields[habit.removeprefix("mistakes its ")] = "another"
    for _ in range(2 if habit == "answers twice" else 1):
        reply("encoded", header["id"], result, feature_count=FEATURE_COUNT, **fields)


def explain(header: dict, payload: bytes, waiting: queue.Queue) -> None:
    total = header["parameters"]["samples"]
    running[:] = [header["id"]]
    for done in range(1, total + 1):
        misbehave(header["id"])
        time.sleep(0.01)
        patch = hashlib.sha256(unpack(payload)[1][:VOXEL_BYTES]).hexdigest()
        isEnd = done == total or len(running) > 1
        told = {**encoder, "patch_sha256": patch, "done": done, "total": total}
        values = array.array("f", [float(done)] * 50**3).tobytes()
        reply("result" if isEnd else "part", header["id"], values, **told)
        if isEnd:
            break
        with waiting.mutex:
            short = [waiting.queue.popleft()] if waiting.queue and waiting.queue[0][0]["type"] == "encode" else []
        for frame in short:
            encode(*frame)
    running.clear()


def misbehave(requestId: object) -> None:
    if habit == "ends" or (habit == "ends in its first life" and lives() == 1):
        os._exit(3)
    elif habit in ("hangs", "never done"):
        time.sleep(FOREVER)
    elif habit == "has no memory":
        os.kill(os.getpid(), 9)
    elif habit == "logs":
        for line in range(20000):
            print(f"line {line} of a long log, which fills any pipe", file=sys.stderr)
    else:
        answerBadly(requestId)


def answerBadly(requestId: object) -> None:
    if habit == "talks":
        os.write(1, b"Segmentation fault, but politely\n")
    elif habit == "answers others":
        reply("encoded", 123456, b"", feature_count=0)
    elif habit == "answers half":
        reply("encoded", requestId, bytes(64), feature_count=FEATURE_COUNT)
    elif habit == "answers with a riddle":
        reply("riddle", requestId)
    elif habit == "gives up":
        reply("error", None, code="protocol", message="These bytes are not a frame.")
        os._exit(2)


def lives() -> int:
    """How many there were so far, with this one."""
    return len(Path(os.environ["ODD_WORKER_LIVES"]).read_text(encoding="utf-8").split())


def start() -> None:
    """What happens before `ready`, which is sent here."""
    if habit == "ends before it is ready":
        sys.exit(5)
    if habit == "never ready":
        time.sleep(FOREVER)
    if habit == "greets":
        os.write(1, b"Hello, I am your worker.\n")
    version = "9.9.9" if habit == "other version" else __version__
    protocol = 1 if habit == "other protocol" else 3
    write(pack({"type": "ready", "protocol": protocol, "engine_version": version, "pid": os.getpid()}))


def main() -> None:
    if "ODD_WORKER_LIVES" in os.environ:
        with Path(os.environ["ODD_WORKER_LIVES"]).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
    start()
    if habit == "deaf":
        time.sleep(FOREVER)  # and does not even notice the end of its stdin
    waiting: queue.Queue = queue.Queue()
    threading.Thread(target=readRequests, args=(waiting,), daemon=True).start()
    while True:
        header, payload = waiting.get()
        if header["type"] == "load":
            load(header)
        elif header["type"] == "explain":
            explain(header, payload, waiting)
        else:
            encode(header, payload)


if __name__ == "__main__":
    if habit == "PythonSlicer":  # how its launcher tells that Python has crashed or was killed
        if subprocess.call([sys.executable, SCRIPT, *sys.argv[2:]]) < 0:
            print("error: [python] exit abnormally - Report the problem.", file=sys.stderr)
        sys.exit(1)
    if habit == "launcher":  # as PythonSlicer is one: its child has its streams
        with contextlib.suppress(KeyboardInterrupt):
            sys.exit(subprocess.call([sys.executable, SCRIPT, *sys.argv[2:]]))
    main()
