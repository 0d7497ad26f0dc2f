"""Saliency maps: where in the patch a class, or the embedding itself, comes from.

    targets                what is explained
    scorer, guided         the network and the target as one function, with gradients; guided ReLUs
    gradient, smoothgrad   the methods, one file each
    gradcam, integrated, occlusion
    methods                all of them by name, with parameters, and what must be known of them
    explain                a map that refines while it is looked at
    map, files, picture    the result: its voxels with all facts; to a file and back; to look at
    checks                 whether a map can be believed: random weights, flips, the lesion's mask, deletion

A map says where the network looked, not whether it is right. Guided methods are known to fail a test of sanity, which
each of their maps says; `make saliency-checks` measures every method with the small encoder.
"""
