"""What this Python has of what the engine needs, and what is wrong with it: the task `probe`.

Each package is imported, as only that tells whether it works. One that cannot be imported is a sentence that names the
fix, and stops nothing.
"""

from __future__ import annotations

import logging
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module, metadata
from types import MappingProxyType
from typing import Any

from .. import __version__
from ..cache import cache_folder
from ..errors import DependencyError
from ..quiet import import_openvino

OLDEST: Mapping[str, str] = MappingProxyType(
    {
        "numpy": "1.26",
        "scipy": "1.11",
        "torch": "2.4",
        "monai": "1.4",
        "safetensors": "0.4",
        "platformdirs": "4",
        "filelock": "3.12",
        "requests": "2.31",
        "urllib3": "2.2",
        "openvino": "2026.4",
    }
)
"""The packages that are looked for, and the oldest version that the engine works with; pyproject.toml has the same."""

_MODULES = {"scipy": "scipy.ndimage", "monai": "monai.networks.nets.resnet"}
_TITLES = {"torch": "PyTorch", "numpy": "NumPy", "scipy": "SciPy", "monai": "MONAI", "openvino": "OpenVINO"}
_INSTALL = "(in the window: Install; or with pip)"
_NO_LIBRARY = ("DLL load failed", "cannot open shared object", "Library not loaded", "[WinError")
_PATH = re.compile(r"""(?:[A-Za-z]:)?[^\s'"(]*[\\/]([^\s\\/'"]*)""")
_LONGEST_REASON = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A package as it is here."""

    version: str | None
    problem: str


def probe(say: Callable[[str], None]) -> dict[str, Any]:
    """The answer; `say` is told what is looked at. Takes seconds where torch and MONAI are installed."""
    found = {name: _look(name) for name in OLDEST if name not in {"torch", "monai"}}
    say("Starting PyTorch")
    torch, devices = _look_at_torch(numpy_is_good=not found["numpy"].problem)
    say("Starting MONAI")
    monai = _look("monai") if not torch.problem else _look_without_importing("monai")
    found |= {"torch": torch, "monai": monai}
    folder, problem = _cache()
    return {
        "engine_version": __version__,
        "python": platform.python_version(),
        "packages": {name: asdict(found[name]) for name in OLDEST},
        "torch": asdict(torch),
        "devices": devices,
        "openvino_is_faster": bool(devices) and _openvino_is_faster(),
        "cache_folder": folder,
        "cache_problem": problem,
        "weights": _weights(has_store=bool(folder)) if not found["numpy"].problem else [],
    }


def _look(name: str) -> Found:
    """Import a package."""
    version = _version(name)
    try:
        import_openvino() if name == "openvino" else import_module(_MODULES.get(name, name))
    except Exception as error:  # noqa: BLE001 - whatever a broken package raises is its problem, not the probe's
        _log.debug("%s cannot be imported", name, exc_info=error)
        if _is_missing(name, error):
            return _missing(name)
        return Found(version, _why(name, error))
    return Found(version, _too_old(name, version))


def _look_without_importing(name: str) -> Found:
    version = _version(name)
    return Found(version, _too_old(name, version)) if version else _missing(name)


def _look_at_torch(*, numpy_is_good: bool) -> tuple[Found, list[dict[str, Any]]]:
    """PyTorch, made to compute with NumPy's numbers, and its devices."""
    torch = _look("torch")
    if torch.problem:
        return torch, []
    try:
        _compute(with_numpy=numpy_is_good)
        from ..encoders.devices import try_devices

        told = ("name", "title", "memory_bytes", "problem")
        return torch, [{name: getattr(device, name) for name in told} for device in try_devices()]
    except Exception as error:  # noqa: BLE001 - as above
        _log.debug("PyTorch cannot compute", exc_info=error)
        if "numpy" in str(error).lower():
            problem = (
                f"PyTorch {torch.version} was built for another NumPy than {_version('numpy')}, which is installed. "
                "Reinstall PyTorch, a newer version; leave NumPy as it is."
            )
        else:
            problem = f"PyTorch {torch.version} is damaged ({_reason(error)}). Reinstall it."
        return Found(torch.version, problem), []


def _openvino_is_faster() -> bool:
    from ..encoders.engines import openvino_is_faster

    return openvino_is_faster()


def _compute(*, with_numpy: bool) -> None:
    torch: Any = import_module("torch")
    ones = torch.ones(8, 8)
    if with_numpy:
        numpy: Any = import_module("numpy")
        ones = torch.from_numpy(numpy.ones((8, 8), dtype=numpy.float32))
    total = float((ones @ ones).sum())
    if total != 512.0:
        msg = f"8 x 8 ones, squared, sum to {total} instead of 512"
        raise ArithmeticError(msg)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name) or None
    except Exception:  # noqa: BLE001 - damaged metadata raise many things; the import then tells
        return None


def _title(name: str) -> str:
    return _TITLES.get(name, f"The package {name}")


def _missing(name: str) -> Found:
    return Found(None, f"{_title(name)} is not installed. Install it {_INSTALL}.")


def _is_missing(name: str, error: Exception) -> bool:
    return isinstance(error, ModuleNotFoundError) and error.name == name


def _why(name: str, error: Exception) -> str:
    title, reason = _title(name), _reason(error)
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] != name:
        return f"{title} needs the package {error.name}, which is not installed. Install that {_INSTALL}."
    if any(words in str(error) for words in _NO_LIBRARY):
        visual = " On Windows install Microsoft's Visual C++ Redistributable first." if name == "torch" else ""
        return f"{title} lacks a library of the system ({reason}).{visual} Reinstall it."
    return f"{title} cannot be imported ({reason}). Reinstall it."


def _reason(error: Exception) -> str:
    """The first line of an error, without folders: they may be a user's name."""
    line = (str(error).strip().splitlines() or [""])[0]
    return (_PATH.sub(r"\1", line).rstrip(". ") or type(error).__name__)[:_LONGEST_REASON]


def _too_old(name: str, version: str | None) -> str:
    """A version that cannot be known is not refused."""
    if version is None or _numbers(version) >= _numbers(OLDEST[name]):
        return ""
    return f"{_title(name)} {version} is too old: {OLDEST[name]} or newer is needed. Install a newer one {_INSTALL}."


def _numbers(version: str) -> tuple[int, ...]:
    start = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, start.group().split("."))) if start else (0,)


def _cache() -> tuple[str | None, str]:
    try:
        return str(cache_folder()), ""
    except DependencyError as error:
        return None, str(error)


def _weights(*, has_store: bool) -> list[dict[str, Any]]:
    """What came with the engine also where nobody knows yet where the store is."""
    from ..weights.record import Record
    from ..weights.reports import doubts_of
    from ..weights.shipped import shipped
    from ..weights.store import size_problem_of, weights_here

    told = []
    for record in weights_here() if has_store else filter(None, [shipped()]):
        facts = asdict(record) if isinstance(record, Record) else {"id": record.id, "file": record.file}
        names = ("id", "file", "sha256", "checksum", "licence", "notice", "time", "encoder", "caution")
        told.append(
            {name: facts.get(name, "") for name in names}
            | {"size": facts.get("size"), "problem": size_problem_of(record)}
            | {"doubts": doubts_of(record) if isinstance(record, Record) else []}
        )
    return told
