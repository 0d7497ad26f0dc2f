"""Results: what came of a seed, the columns that describe it, and the files it is written to."""
