"""Which series can be the CT of a lesion at all, one rule a line. The rules are sentences, and shown before a run."""

from __future__ import annotations

from dataclasses import dataclass

from ..readers.dicom.header import CT_IMAGES
from .series import Found

FEWEST_SLICES = 10
NO_CT = "it is no CT"
"""How reasons begin that say so."""
_OTHERS = {
    "1.2.840.10008.5.1.4.1.1.7": "a secondary capture, a picture of a screen",
    "1.2.840.10008.5.1.4.1.1.7.4": "a secondary capture, a picture of a screen",
    "1.2.840.10008.5.1.4.1.1.88.67": "a dose report",
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation",
    "1.2.840.10008.5.1.4.1.1.481.3": "a structure set of radiotherapy",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose of radiotherapy",
    "1.2.840.10008.5.1.4.1.1.481.5": "a plan of radiotherapy",
    "1.2.840.10008.5.1.4.1.1.104.1": "a document (PDF)",
    "1.2.840.10008.5.1.4.1.1.11.1": "a presentation state",
}
_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class Suitable:
    """What a series must be."""

    fewest_slices: int = FEWEST_SLICES
    any_plane: bool = False

    @property
    def sentences(self) -> tuple[str, ...]:
        """The rules, in the order in which they are asked."""
        planes = "Slices in any plane." if self.any_plane else "Axial slices, up to 45° of tilt."
        return (
            "CT images only (DICOM's classes CT, Enhanced CT, Legacy Converted Enhanced CT), no other objects.",
            "Slices, not localizers (scouts) or pages of text alone.",
            f"At least {self.fewest_slices} slices.",
            planes,
        )

    def why_not(self, found: Found) -> str:
        """The first rule that a series breaks, as a clause; empty where it breaks none that can be known yet."""
        if found.is_listed and not found.has_headers:
            return found.problem
        return _no_ct(found) or found.problem or (self._by_headers(found) if found.has_headers else "")

    def _by_headers(self, found: Found) -> str:
        if not found.slices:
            what = "localizers (scouts)" if found.localizers else "pages of text or pictures"
            return f"it holds {what} only"
        if found.slices < self.fewest_slices:
            slices = "1 slice" if found.slices == 1 else f"{found.slices} slices"
            return f"it has {slices}, fewer than {self.fewest_slices}"
        if self.any_plane or found.plane == "axial":
            return ""
        return f"its slices are {found.plane}, not axial" if found.plane else "it does not say which way it lies"


def _no_ct(found: Found) -> str:
    """Why a series is no CT; its class decides, and its modality where the class is not known or is left out."""
    if found.sop_class in CT_IMAGES and found.modality in {"CT", ""}:
        return ""
    if found.sop_class and found.sop_class not in CT_IMAGES:
        what = _OTHERS.get(found.sop_class)
        if what is None and found.sop_class.startswith(_CAPTURES):
            what = "a secondary capture, a picture of a screen"
        if what is None and found.sop_class.startswith(_REPORTS):
            what = "a report"
        return f"{NO_CT}: {what or f'modality {found.modality}' if found.modality or what else 'another object'}"
    if found.modality != "CT":
        return f"{NO_CT}: modality {found.modality or 'not told'}"
    return ""
