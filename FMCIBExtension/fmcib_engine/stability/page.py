"""The report of a cohort as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping

from .. import __version__
from ..results.page import document, figure, paragraph, section, table_of
from .cohort import BOUNDS, Agreement, Cohort, summary, text_of

TITLE = "Agreement of repeated measurements"
_MOST = 200
"""Numbers of a group that are listed one by one; agreement.csv has all."""


def as_html(cohort: Cohort, pictures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        cohort: what it tells.
        pictures: SVG by caption.
    """
    measured = cohort.measured
    warnings = [*filter(None, [measured.provenance.caution]), *measured.warnings]
    parts = [
        f"<h1>{TITLE}</h1>",
        paragraph(_subtitle(cohort), "small"),
        paragraph(" ".join(cohort.sentences), "first"),
        f'<div class="caution">{"".join(paragraph(each) for each in warnings)}</div>' if warnings else "",
        *(section(_heading(each), _table(each, cohort)) for each in cohort.agreements),
        _limits(cohort),
        section("Pictures", "\n".join(figure(caption, svg) for caption, svg in pictures.items())),
        _left_out(cohort),
        section("How it was made", paragraph(_METHODS)),
    ]
    return document(TITLE, parts)


_METHODS = (
    "ICC(A,1) and ICC(C,1) of McGraw and Wong (1996): two-way model, single measurement, absolute agreement and "
    "consistency, over all conditions, with their F intervals of 95 %. CCC of Lin (1989, variance of 2000) of each "
    "later condition against the first, intervals by the z-transform. Bland and Altman (1986): mean difference and "
    f"mean ± 1.96 standard deviations of the differences. Bounds of the shares: {BOUNDS[0]:g} and {BOUNDS[1]:g}. "
    "Lesions count as independent: several of one patient make the intervals too narrow."
)


def _subtitle(cohort: Cohort) -> str:
    source = cohort.measured.provenance
    encoder = f"{source.encoder_id}, weights {source.weights_sha256[:12]}…" if source.is_known else "encoder unverified"
    return f"Features of {encoder}. fmcib-engine {__version__}. For research use only."


def _heading(each: Agreement) -> str:
    count = len(each.group.names)
    return f"{each.group.title[:1].upper()}{each.group.title[1:]} ({count})"


def _table(each: Agreement, cohort: Cohort) -> str:
    named = each.coefficients(cohort.measured.conditions)
    whole = table_of(("coefficient", "over all"), [(name, summary(one)) for name, one in named])
    if len(each.group.names) > _MOST:
        return whole + paragraph("Each number's coefficients are in agreement.csv.", "small")
    rows = [(name, *(text_of(one, index) for _, one in named)) for index, name in enumerate(each.group.names)]
    return whole + "<p></p>" + table_of(("number", *(name for name, _ in named)), rows)


def _limits(cohort: Cohort) -> str:
    rows = [
        (name, later, f"{one.bias:z.4f}", f"{one.low:z.4f} to {one.high:z.4f}", str(one.pairs))
        for (name, later), one in cohort.limits().items()
    ]
    if not rows:
        return ""
    header = ("prediction", "condition", "mean difference", "95 % limits of agreement", "pairs")
    return section("Bland-Altman of the predictions", table_of(header, rows))


def _left_out(cohort: Cohort) -> str:
    rows = [each.rpartition(": ")[::2] for each in cohort.measured.left_out]
    return section("Left out", table_of(("lesion", "why"), rows)) if rows else ""
