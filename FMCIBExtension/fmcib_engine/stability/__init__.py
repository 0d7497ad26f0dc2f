"""How far predictions and features move when what should not matter changes a little.

    jitter      where the seed may lie as well: drawn around it, on a grid, in the lesion's mask
    perturb     the same patch, made noisier, smoother, thicker, flipped
    one         one lesion: patches, features, predictions of all of these
    numbers     what is said of them: spreads, cosines, ranks
    cheap       a few draws for each row of a feature table
    document, picture   one lesion as JSON, and as a strip plot
    agreement   ICC(A,1), ICC(C,1), CCC with intervals; Bland-Altman
    pairs, cohort       lesions measured twice or more often, from tables; what agrees
    radiomics   PyRadiomics' features of the same lesions, where it is installed
    figures, page, files    the report of a cohort

The patches are the network's own input: nothing here changes what `extract` computes.
"""
