"""Whether features are those that a head was made of: another encoder's would give numbers that look right."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..errors import HeadError
from .head import Head, Origin


def require_fit(head: Head, given: Origin) -> None:
    """Refuse features of another encoder, weights, recipe, number or order of columns.

    What the head, or the table, does not say cannot be compared: such a head is `encoder unverified` (`Origin`).

    Args:
        head: the head.
        given: where the features come from; its `columns` are the user's that are there, in any order.

    Raises:
        HeadError: what the head was made of, and what came.
    """
    made = head.origin
    _require_same(head, "encoder", made.encoder_id, given.encoder_id)
    _require_same(head, "weights", made.weights_sha256, given.weights_sha256)
    _require_same(head, "recipe", made.recipe_id, given.recipe_id)
    if len(made.features) != len(given.features):
        raise _other(head, f"{len(made.features)} features", f"{len(given.features)}")
    if made.features != given.features:
        place = next(n for n, pair in enumerate(zip(made.features, given.features, strict=True)) if pair[0] != pair[1])
        raise _other(head, f"the feature {made.features[place]} in place {place + 1}", given.features[place])
    if missing := missing_columns(head, given.columns):
        msg = (
            f"The head {head.id} needs your {missing} beside the features. Give a table of seeds that has what is "
            "missing (in the window: this can be done at the command line alone; or --table)."
        )
        raise HeadError(msg)


def misfit(head: Head, given: Origin) -> str:
    """Why a head does not fit, as a sentence; empty where it does."""
    try:
        require_fit(head, given)
    except HeadError as error:
        return str(error)
    return ""


def missing_columns(head: Head, names: Collection[str]) -> str:
    """Which of the user's columns a head takes and these are not, such as `columns age, stage`; empty of none."""
    missing = [name for name in head.origin.columns if name not in names]
    return f"column{'s' if len(missing) > 1 else ''} {', '.join(missing)}" if missing else ""


def columns_of(head: Head, names: Sequence[str]) -> list[int]:
    """Places of the user's columns that a head takes, in its order."""
    return [names.index(name) for name in head.origin.columns]


def _require_same(head: Head, what: str, made: str, given: str) -> None:
    if made and given and made != given:
        raise _other(head, f"features of the {what} {made}", given)


def _other(head: Head, wanted: str, came: str) -> HeadError:
    return HeadError(
        f"The head {head.id} was made of {wanted}, these are of {came}. Choose a head of these features, or the "
        "features of this head."
    )
