"""Which heads a run has: `auto`, `none`, or names.

auto   the head in the weights themselves, and every head that is here and was made of features of these very weights
names  of those; paths of files (.head); and IDs of installed fine-tuned weights, which are encoders of their own: each
       computes every patch once more, and its features go to its own head alone
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..encoders import Encoder, feature_names
from ..errors import DependencyError, FmcibError, HeadError
from ..weights import DEMONSTRATION_SOURCE
from ..weights.store import installed, path_of, resolve
from .chosen import ChosenHeads, Member
from .embedded import embedded_head
from .file import read_head
from .fit import misfit, require_fit
from .folder import SUFFIX
from .head import Origin
from .published import PUBLISHED
from .store import StoredHead, find_head, heads_here

_log = logging.getLogger(__name__)

AUTO, NONE = "auto", "none"

LoadEncoder = Callable[[str], Encoder]
"""An encoder by the ID of its weights, computed as the run's own is."""


@dataclass(frozen=True)
class Features:
    """What a run gives to heads.

    Attributes:
        encoder: the run's.
        source: its weights, as they were asked for.
        recipe_id: of the run's patches.
        columns: names of the user's own; None where there is no table that could have any, as in the window. `auto`
            takes a head that needs some all the same then, so that it says of each lesion which are missing.
    """

    encoder: Encoder
    source: str
    recipe_id: str
    columns: tuple[str, ...] | None = ()

    @property
    def origin(self) -> Origin:
        spec = self.encoder.spec
        names = feature_names(spec.feature_count)
        return Origin(spec.id, self.encoder.weights.sha256, self.recipe_id, names, self.columns or ())


def choose_heads(wanted: str, features: Features, load: LoadEncoder) -> ChosenHeads:
    """The heads of a run.

    Args:
        wanted: auto, none, or names with commas between.
        features: of the run.
        load: for the encoders of fine-tuned weights that are named.

    Raises:
        HeadError: a name of nothing, or a head of other features; twice the same name.
        WeightsError, DeviceError, OutOfMemoryError, …: as `load`.
        DependencyError: safetensors is not installed.
    """
    if wanted == NONE:
        return ChosenHeads(features.encoder)
    own = _own_of(features)
    if wanted == AUTO:
        return _all_that_fit(features, own)
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names:
        msg = f"No head is named in {wanted!r}. Give auto, none, or names with commas between (--heads)."
        raise HeadError(msg)
    members = [_named(name, features, own, load) for name in names]
    ids = [member.head.id for member in members]
    if twice := [name for name in ids if ids.count(name) > 1]:
        msg = (
            f"Two heads are called {twice[0]}, as their columns would be. Leave one out, or import it by another name."
        )
        raise HeadError(msg)
    return ChosenHeads(features.encoder, members)


def _own_of(features: Features) -> Member | FmcibError | None:
    """The head in the weights of the run, if there is one, or why it cannot be used."""
    if features.source == DEMONSTRATION_SOURCE:
        return None
    encoder = features.encoder
    try:
        head = embedded_head(resolve(features.source), encoder.spec, encoder.weights)
        if head is None:
            return None
        require_fit(head, features.origin)
    except FmcibError as error:
        return error
    return Member(head, encoder.weights.sha256, "in the weights")


def _all_that_fit(features: Features, own: Member | FmcibError | None) -> ChosenHeads:
    members = [own] if isinstance(own, Member) else []
    problems = [str(own)] if isinstance(own, FmcibError) else []
    good: list[StoredHead] = []
    try:
        good, damaged = heads_here()
        problems += [one.problem for one in damaged]
    except DependencyError as error:  # the features need no safetensors
        problems.append(str(error))
    given = features.origin
    for stored in good:
        made = stored.head.origin
        if not made.is_verified or misfit(stored.head, replace(given, columns=made.columns)):
            continue
        if stored.head.id in {member.head.id for member in members}:
            problems.append(f"Of two heads that are called {stored.head.id} only the first is used.")
        elif problem := misfit(stored.head, given):
            problems.append(problem)
            if features.columns is None:
                members.append(_member(stored))
        else:
            members.append(_member(stored))
    return ChosenHeads(features.encoder, members, problems)


def _named(name: str, features: Features, own: Member | FmcibError | None, load: LoadEncoder) -> Member:
    if isinstance(own, Member) and name in {own.head.id, features.source}:
        return own
    if isinstance(own, FmcibError) and name == features.source:
        raise own
    if name.endswith(SUFFIX) or Path(name).name != name:
        read = read_head(Path(name))
        if read.head.id in PUBLISHED:
            msg = (
                f"{Path(name).name} calls its head {read.head.id}, as one that was published and lies in its own "
                "weights. Import it by another name (`fmcib-engine heads import FILE --as NAME`)."
            )
            raise HeadError(msg)
        return _fitting(Member(read.head, read.sha256, Path(name).name), features, own)
    if stored := find_head(name):
        return _fitting(_member(stored), features, own)
    if installed(name):
        return _companion(name, features, load)
    here = ", ".join(sorted({one.head.id for one in heads_here()[0]})) or "none at all"
    msg = (
        f"There is no head {name!r}. It should be the ID of a head (here: {here}), a file that ends in {SUFFIX}, or "
        "the ID of installed weights with a head of their own."
    )
    raise HeadError(msg)


def _fitting(member: Member, features: Features, own: Member | FmcibError | None) -> Member:
    require_fit(member.head, features.origin)
    if own is not None and not member.head.origin.is_verified:
        msg = (
            f"The head {member.head.id} does not say of which features it was made, and those of fine-tuned weights go "
            "to their own head alone. Choose another head, or the weights that it was made of."
        )
        raise HeadError(msg)
    return member


def _companion(name: str, features: Features, load: LoadEncoder) -> Member:
    """A fine-tuned encoder beside the run's, with its head."""
    encoder = load(name)
    head = embedded_head(path_of(name), encoder.spec, encoder.weights)
    if head is None:
        msg = f"The weights {name} have no head of their own. Give heads of the run's weights, or compute with {name}."
        raise HeadError(msg)
    require_fit(head, Features(encoder, name, features.recipe_id).origin)
    _log.info("The head %s has an encoder of its own, which computes every lesion once more.", head.id)
    return Member(head, encoder.weights.sha256, f"in the weights {name}", encoder)


def _member(stored: StoredHead) -> Member:
    return Member(stored.head, stored.sha256, "came with the engine" if stored.is_shipped else "imported")
