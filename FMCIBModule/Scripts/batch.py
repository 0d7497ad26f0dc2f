"""Features of the lesions of many scans, without a window:

Slicer --no-splash --no-main-window --python-script batch.py --seeds seeds.csv --output FOLDER

takes the scans of Slicer's own DICOM database; `--source` names another, or a folder. `-- --help` after batch.py tells
the rest; without `--`, Slicer and its launcher tell of themselves. Ends Slicer with an exit code: 0 all lesions have
features, 2 wrong arguments, 3 some lesions have none (errors.csv says why), 4 there is no table, 130 interrupted, and
what was done is kept, 1 a fault of ours.
"""

import sys
import traceback
from pathlib import Path

import slicer.util

_UNFORESEEN = 1

sys.path.insert(0, str(Path(sys.argv[0]).resolve().parents[1]))  # the module's folder, also in a checkout
try:
    from FMCIBModuleLib.Engine import importEngine

    importEngine()
    from FMCIBModuleLib.Analysis.HeadlessBatch import main

    code = main(sys.argv[1:])
except SystemExit as ended:  # of the argument parser: passed on, Slicer would not hear of its code
    code = ended.code if isinstance(ended.code, int) else _UNFORESEEN
except BaseException:  # noqa: BLE001  whatever it is, Slicer would stay open without a window
    traceback.print_exc()
    code = _UNFORESEEN
slicer.util.exit(code)
