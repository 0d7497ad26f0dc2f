"""Run these tests inside the real application, the arguments being pytest's:

Slicer --testing --no-splash --additional-module-paths FMCIBModule --python-script run_in_slicer.py [ARGUMENTS]

Without a file among the arguments all of them are run.
"""

import sys
import traceback
from pathlib import Path

import slicer.util

HERE = Path(sys.argv[0]).resolve().parent
try:
    import pytest

    arguments = ["-c", str(HERE.parent / "pytest.ini"), "--continue-on-collection-errors", *sys.argv[1:]]
    hasFiles = any(Path(each.partition("::")[0]).exists() for each in sys.argv[1:])
    code = int(pytest.main(arguments if hasFiles else [str(HERE), *arguments]))
except BaseException:  # noqa: BLE001  whatever it is, the application would stay open
    traceback.print_exc()
    print("If pytest is missing: slicer.util.pip_install('pytest') in the Python console, once.")
    code = 1
slicer.util.exit(code)
