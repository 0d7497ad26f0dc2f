"""From a CT and a seed to deep-learning biomarkers of a lesion, every number traceable. For research use only.

Importing this package loads neither torch nor MONAI; see CONTRIBUTING.md for what each file is for.
"""

__version__ = "0.1.0"
