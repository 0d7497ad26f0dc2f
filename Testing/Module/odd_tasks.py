"""Tasks that speak the protocol of `fmcib_engine.tasks`, each with one habit. Run as a script.

    python odd_tasks.py HABIT NAME ARGUMENTS

ODD_TASK_LIVES names a file to which each life appends its process's number and its arguments.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

FOREVER = 3600.0
SCRIPT = str(Path(__file__).resolve())


def say(**message: object) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def endWithStdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


def main(habit: str, name: str, arguments: str) -> None:
    if "ODD_TASK_LIVES" in os.environ:
        with Path(os.environ["ODD_TASK_LIVES"]).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {name} {arguments}\n")
    if habit != "deaf":
        threading.Thread(target=endWithStdin, daemon=True).start()
    print("a line of the log", file=sys.stderr, flush=True)
    HABITS.get(habit, lambda: None)()
    if habit == "asks":
        asks(name, arguments)
    if habit == "batch":
        playBatch(name, json.loads(arguments))
    if habit == "breaks off" and name == "remove":
        breakOff()
    answer(habit, name, arguments)


def progress() -> None:
    say(type="progress", text="Fetching", done=25, total=100)
    say(type="progress", text="Fetching", done=50, total=None)
    say(type="progress", text="Überprüfen", done=100, total=100)


def workForever() -> None:
    say(type="progress", text="Working", done=None, total=None)
    time.sleep(FOREVER)


def fail() -> None:
    say(type="error", code="download", message="No mirror gave the file. Check the network.")
    sys.exit(4)


def talk() -> None:
    os.write(1, b"Hello, this is no JSON.\n")
    time.sleep(FOREVER)


def sayLines() -> None:
    for line in json.loads(os.environ["ODD_TASK_LINES"]):
        os.write(1, line.encode() + b"\n")


def sayMuch() -> None:
    """As a dry run of 100,000 lesions."""
    lines = [{"do": True, "why": "by its series UID", "patient": n, "lesion_id": f"L{n}"} for n in range(100_000)]
    sys.stdout.write(json.dumps({"type": "result", "lines": lines}) + "\n")
    sys.stdout.flush()
    sys.exit(0)


def asks(name: str, arguments: str) -> None:
    """Whether to replace what is here, and, of a file that nobody knows, what it is."""
    wanted = json.loads(arguments)
    if name != "import":
        return
    if not wanted["id"] and not wanted["own_name"] and "unknown" in wanted["path"]:
        say(type="error", code="unidentified", message="unknown.pth is no published file. Say which.")
        sys.exit(4)
    if not wanted["overwrite"]:
        say(type="error", code="replaces", message="There is another already. Allow it to be replaced.")
        sys.exit(4)


def breakOff() -> None:
    """In the midst of a removal: by a crash, or by whoever waits no longer."""
    say(type="progress", text="half of it is gone", done=1, total=2)
    if os.environ.get("ODD_TASK_CRASHES"):
        while not Path(os.environ["ODD_TASK_CRASHES"]).exists():
            time.sleep(0.01)
        os.abort()
    time.sleep(FOREVER)


def playBatch(name: str, arguments: dict) -> None:
    """A dry run, and a run of three lesions: one is good, one fails, and the third waits for ODD_TASK_GO to exist.

    In the folder of the run `rows.txt` holds what was done, as a run's folder does.
    """
    request = Path(arguments["request"])
    asked = json.loads(request.read_text(encoding="utf-8"))
    request.unlink()
    if "ODD_TASK_REQUESTS" in os.environ:
        with Path(os.environ["ODD_TASK_REQUESTS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, **asked}) + "\n")
    if name == "plan_batch":
        say(type="progress", text="Headers", done=1, total=2)
        say(type="result", **json.loads(Path(os.environ["ODD_TASK_ANSWERS"]).read_text(encoding="utf-8"))["plan_batch"])
        sys.exit(0)
    folder = Path(asked["output"])
    done = folder / "rows.txt"
    if done.exists() and not (asked.get("resume") or asked.get("retry")):
        say(type="error", code="resumes", message=f"There is a run in {folder.name}.")
        sys.exit(4)
    before = done.read_text(encoding="utf-8").split() if done.exists() else []
    rows = json.loads(Path(os.environ["ODD_TASK_ANSWERS"]).read_text(encoding="utf-8"))["rows"]
    for count, row in enumerate(rows, 1):
        kept = str(row["row"]) in before and not (asked.get("retry") and row["status"] == "error")
        if not kept and count == len(rows):
            waitForGo()
        say(**{"type": "row", **row, "kept": kept})
        say(type="progress", text=f"Lesions: {count} of {len(rows)}", done=count, total=len(rows))
        with done.open("a", encoding="utf-8") as file:
            file.write(f"{row['row']}\n")
    answers = json.loads(Path(os.environ["ODD_TASK_ANSWERS"]).read_text(encoding="utf-8"))
    say(type="result", **answers["batch"], table=str(folder / "features.csv"))
    sys.exit(0)


def waitForGo() -> None:
    while not Path(os.environ["ODD_TASK_GO"]).exists():
        time.sleep(0.01)


HABITS = {
    "progress": progress,
    "forever": workForever,
    "deaf": workForever,
    "fails": fail,
    "talks": talk,
    "says lines": sayLines,
    "says much": sayMuch,
    "answers with a list": lambda: os.write(1, b"[1, 2]\n"),
    "half an error": lambda: say(type="error", code="download"),
    "crashes": os.abort,
    "says nothing": lambda: sys.exit(3),
}


def answer(habit: str, name: str, arguments: str) -> None:
    if habit == "crumbs":
        for byte in json.dumps({"type": "result", "text": "é"}, ensure_ascii=False).encode() + b"\n":
            os.write(1, bytes([byte]))
    elif habit in ("tells", "asks", "breaks off"):
        say(type="result", **json.loads(Path(os.environ["ODD_TASK_ANSWERS"]).read_text(encoding="utf-8"))[name])
    else:
        say(type="result", name=name, arguments=json.loads(arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
