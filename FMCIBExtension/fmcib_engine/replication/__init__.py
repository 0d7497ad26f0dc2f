"""What was published of linear heads on FMCIB's features, done again from the feature tables that upstream published.

upstream     the tables' names, their columns, and the numbers that were published
tables       the repository's listing -> files here -> rows with a label, a patient or scan, and a part
again        rows -> a head learned, tuned and tested as upstream did, beside what was published

Nobody could look at these tables when this was written: their names come from upstream's .gitattributes, their columns
from its scripts and annotations (AIM-Harvard/foundation-cancer-image-biomarker, commit 1f1c0c8). What differs is said.
"""
