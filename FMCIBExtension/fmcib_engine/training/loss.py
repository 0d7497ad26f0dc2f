"""NT-Xent, and what the published system does differently: lesions are held against patches away from lesions.

Sources, read and compared number by number in the tests (AIM-Harvard/foundation-cancer-image-biomarker at 1f1c0c8,
lightly at e8d317f):

* `none`: NT-Xent as in SimCLR (Chen et al. 2020, arXiv 2002.05709), as lightly's `NTXentLoss` computes it: a view is to
  be told from both views of every other lesion of the batch;
* `other_scans`: `NegativeMiningInfoNCECriterion`, which upstream's `fmcib_pretrain.yaml` names: a view is to be told
  from both views of the patches away from lesions of every other scan of the batch, and from no lesion;
* `all_scans`: `NTXentNegativeMinedLoss`, which upstream's guide names: the first view is to be told from the first
  views of the patches away from lesions of all scans, its own among them; the second from the second views.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ..encoders.devices import import_torch

if TYPE_CHECKING:
    from torch import Tensor

Gather = Callable[["Tensor"], "Tensor"]
"""(n, …) of this process -> (processes * n, …) in the order of the processes, with gradients."""


class Contrast(NamedTuple):
    """What a step of contrastive training is judged by; tensors of one number."""

    loss: Tensor
    """Mean over this process's views."""
    found: Tensor
    """Share of the views whose fellow is nearer than every negative."""


def nt_xent(embeddings: Tensor, negatives: str, temperature: float, gather: Gather, rank: int = 0) -> Contrast:
    """The loss of one step.

    Args:
        embeddings: (parts, n, numbers) of this process: two views of n lesions; unless `negatives` is none, then two
            views of a patch away from lesions of each one's scan.
        negatives: as above.
        temperature: divides the cosines.
        gather: brings the embeddings of all processes together.
        rank: of this process.
    """
    torch = import_torch()
    mine = torch.nn.functional.normalize(embeddings.float(), dim=-1)
    everyone = gather(mine.transpose(0, 1).contiguous()).transpose(0, 1)
    count, own = mine.shape[1], slice(rank * mine.shape[1], (rank + 1) * mine.shape[1])
    rows = []
    for view in (0, 1):
        fellow = (mine[view] * mine[1 - view]).sum(dim=-1, keepdim=True)
        against = _against(everyone, negatives, view)
        cosines = torch.nn.functional.linear(mine[view], against.flatten(0, 1))
        own_scan = torch.zeros(against.shape[:2], dtype=torch.bool, device=mine.device)
        masks = own_scan.repeat(count, 1, 1)
        if negatives != "all_scans":
            masks[torch.arange(count), :, own] = torch.eye(count, dtype=torch.bool, device=mine.device)[:, None]
        rows.append(torch.cat([fellow, cosines.masked_fill(masks.flatten(1), -torch.inf)], dim=1))
    logits = torch.cat(rows) / temperature
    loss = torch.nn.functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=mine.device))
    found = (logits[:, :1] > logits[:, 1:]).all(dim=1).float().mean()
    return Contrast(loss, found)


def _against(everyone: Tensor, negatives: str, view: int) -> Tensor:
    """(parts, all lesions, numbers): what a view of that number is to be told from, but for its own."""
    if negatives == "none":
        return everyone[:2]
    return everyone[2:] if negatives == "other_scans" else everyone[2 + view : 3 + view]
