"""Is this repository ready for Slicer's extensions catalogue, and where is it published?

    make catalogue-check                    # `check`: what the catalogue wants, and what of it is not so
    make publish-as OWNER/SlicerFMCIB       # `publish`: every address that names the repository, changed at once

Nothing here contacts anybody. The rules are facts from the sources that `rules` names, said in our own words.
"""

# ruff: noqa: N999  named as the folders beside it
