"""Saliency maps: where in the patch a class or the embedding comes from, over the CT."""
