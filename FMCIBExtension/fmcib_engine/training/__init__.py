"""Training: contrastive pretraining of an encoder, and fine-tuning of one with a head. The extra `[train]`.

    run file        settings, pretrain_settings, finetune_settings   a YAML file -> checked values; the other way round
    lesions         sources, table_source, phantom_source, prepare   a table or phantoms -> patches, cut once, on disk
    ahead           what is made ahead by processes beside this one
    views, batches  patch -> tensors: augmented, in an order that follows from the seed
    networks, loss, optimizer                                        what is trained, on what, by which rule
    loop, steps     steps, with checkpoint, metrics, folder          one step after another; nothing lost
    pretrain, finetune, split, scores                                the two commands

**Everything random follows from the run's seed and a place: epoch, lesion, view.** No state of a generator is carried
from step to step, so a run that was killed and one on several processes draw what an uninterrupted one draws.

Several processes, started by `torchrun`, are joined by Lightning Fabric. It was chosen over Accelerate because its
gather hands gradients back in one documented call, which NT-Xent needs, and because it brings no client of a model hub.
"""
