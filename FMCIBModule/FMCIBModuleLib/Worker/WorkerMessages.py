"""What is asked of the worker, and what the user reads when it does not answer with a result."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fmcib_engine.preprocessing import Patch
from slicer.i18n import tr as _

_KILLED = 9
_DIGITS = 12


@dataclass(frozen=True)
class EncoderSettings:
    """The network that computes the features, as the worker's request `load` names it.

    Attributes:
        weights: a file, the ID of installed weights, or "demonstration".
        device: auto, cpu, cuda, cuda:N or mps.
        precision: float32, tf32, bfloat16 or float16.
        encoder: the ID of the encoder, or auto: the one that the weights are of.
        engine: auto, pytorch or openvino, the library that computes.
        heads: auto, none, or names with commas between: what is predicted from the features.
    """

    weights: str
    device: str = "auto"
    precision: str = "float32"
    encoder: str = "auto"
    engine: str = "auto"
    heads: str = "auto"


@dataclass(frozen=True)
class WorkerFailure:
    """Why a request has no result.

    Attributes:
        code: one of the worker's own (bad_request, weights, device, dependency, out_of_memory, internal, protocol), or
            start        its program could not be started, or ended before it was ready
            version      it is of another version than this module
            killed       it was ended from outside, which is what a computer without memory does
            crashed      it ended by itself
            unresponsive it gives no sign of life
            mismatch     it answered for other weights, or another precision or patch, than it was asked for
            cancelled    the user did not want it any more
        message: what happened and what to do, for a radiologist.
    """

    code: str
    message: str


CANCELLED = WorkerFailure("cancelled", _("Cancelled."))

CHANGED_WEIGHTS = WorkerFailure(
    "weights",
    _(
        "The weights were replaced while the analysis ran: what is left would not be comparable with what is done. "
        "Start the analysis again."
    ),
)


def cannotStart(program: str, reason: str) -> WorkerFailure:
    text = _(
        "The program that computes the features could not be started ({program}: {reason}). "
        "Install the FMCIB extension again, or ask your administrator whether starting programs is blocked."
    )
    return WorkerFailure("start", text.format(program=program, reason=reason))


def otherVersion(got: str, wanted: str) -> WorkerFailure:
    text = _(
        "The analysis process is of version {got}, this module of {wanted}: their numbers must not be mixed. "
        "Install the FMCIB extension again, and restart Slicer."
    )
    return WorkerFailure("version", text.format(got=got, wanted=wanted))


def notUnderstood() -> WorkerFailure:
    return WorkerFailure(
        "protocol",
        _(
            "The analysis process sent something that is no answer, and was stopped. Try again; if it happens again, "
            "please report it with the log."
        ),
    )


_OTHERS = {
    "weights_sha256": _("other weights"),
    "precision": _("another precision"),
    "patch_sha256": _("another patch"),
}


def mismatch(loaded: Mapping[str, Any], patchSha: str, got: Mapping[str, Any]) -> WorkerFailure | None:
    """Why features are not those that were asked for; None if they are.

    Args:
        loaded: the worker's reply to `load`.
        patchSha: SHA-256 of the patch that was sent.
        got: the header of the features.

    Raises:
        KeyError: they do not tell.
    """
    for name, others in _OTHERS.items():
        wanted = {**loaded, "patch_sha256": patchSha}[name]
        if got[name] != wanted:
            text = _(
                "The analysis process answered with features of {others} (wanted {wanted}, got {got}), which are not "
                "used. Analyse the lesion again; if that does not help, restart Slicer, and report it with the log."
            )
            texts = {"others": others, "wanted": str(wanted)[:_DIGITS], "got": str(got[name])[:_DIGITS]}
            return WorkerFailure("mismatch", text.format(**texts))
    return None


def mismatchOfAll(loaded: Mapping[str, Any], patches: Iterable[Patch], got: Mapping[str, Any]) -> WorkerFailure | None:
    """The same for features of several patches.

    Raises:
        KeyError, ValueError: they do not tell, or of another number of patches.
    """
    for patch, answer in zip(patches, got["answers"], strict=True):
        if (failure := mismatch(loaded, patch.sha256, {**got, **answer})) is not None:
            return failure
    return None


def noSignOfLife(seconds: float) -> WorkerFailure:
    text = _(
        "The analysis process gave no sign of life for {seconds:.0f} seconds and was stopped. Close other programs, "
        "and try again."
    )
    return WorkerFailure("unresponsive", text.format(seconds=seconds))


def endedByItself(exitCode: int, *, crashed: bool, wasReady: bool) -> WorkerFailure:
    """Why a process is gone that nobody here has ended.

    Args:
        exitCode: its exit code; on POSIX, if it crashed, the number of the signal.
        crashed: as Qt has it: it did not end by an exit of its own.
        wasReady: whether it had reported for work.
    """
    if crashed and exitCode == _KILLED and os.name == "posix":
        return WorkerFailure(
            "killed",
            _(
                "The analysis process was ended from outside, most likely because the computer ran out of memory. "
                "Close other programs, and try again."
            ),
        )
    if not crashed:
        how = _("ended ({code})")
    elif os.name == "posix":
        how = _("crashed (signal {code})")
    else:
        how = _("crashed (code {code})")
    how = how.format(code=exitCode)
    if not wasReady:
        text = _(
            "The analysis process {how} before it was ready. Install the FMCIB extension again; "
            "if that does not help, please report it with the log."
        )
        return WorkerFailure("start", text.format(how=how))
    text = _(
        "The analysis process {how} unexpectedly. Try again; if it happens again, close other programs or choose "
        "the CPU as device, and please report it with the log."
    )
    return WorkerFailure("crashed", text.format(how=how))


LAUNCHERS_WORDS = "exit abnormally"
"""What the launcher PythonSlicer logs when Python has crashed or was killed, before it ends with a code of its own
(AppLauncher, ctkAppLauncher.cpp)."""


def endedBehindLauncher() -> WorkerFailure:
    """Python is gone, and its launcher does not tell how."""
    return WorkerFailure(
        "crashed",
        _(
            "The analysis process crashed, or was ended from outside, which happens where the computer runs out of "
            "memory. Close other programs, and try again; if it happens again, choose the CPU as device, and please "
            "report it with the log."
        ),
    )


def givenUp(failure: WorkerFailure, times: int) -> WorkerFailure:
    """The same failure, for what was not even tried any more."""
    text = _("{message} This happened {times} times in a row, so what was left was not tried.")
    return WorkerFailure(failure.code, text.format(message=failure.message, times=times))
