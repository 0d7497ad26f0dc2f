"""What stands wherever features appear whose weights mean less than their numbers seem to say."""

from __future__ import annotations

DEMONSTRATION = "DEMONSTRATION WEIGHTS"
DEMONSTRATION_MEANING = f"{DEMONSTRATION} (random numbers, not trained): the features mean nothing"
COMPUTER_MADE = "TRAINED ON COMPUTER-MADE LESIONS: shows how it works, says nothing about patients"

_LONGEST = 200


def caution_of(weights_name: str, said: str) -> str:
    """The caution of a row of a table.

    Args:
        weights_name: its cell `weights`.
        said: its cell `weights_caution`, which tables before schema 1.5 lack.
    """
    return said or (DEMONSTRATION_MEANING if weights_name.startswith(DEMONSTRATION) else "")


def readable(text: str) -> str:
    """A caution that a file brings, as one short sentence: semicolons separate sentences in a table.

    Letters that command a terminal or turn the direction of writing become spaces; those with which a spreadsheet would
    take it for a formula go.
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in text.replace(";", ","))
    return " ".join(shown.split()).lstrip("=+-@ ")[:_LONGEST].rstrip()
