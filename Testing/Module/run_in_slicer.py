"""Run these tests inside the real application, the arguments being pytest's:

Slicer --testing --no-splash --python-script run_in_slicer.py [ARGUMENTS]
"""

import sys
import traceback
from pathlib import Path

import slicer.util

HERE = Path(sys.argv[0]).resolve().parent
try:
    import pytest

    code = int(pytest.main([str(HERE), "-c", str(HERE.parent / "pytest.ini"), *sys.argv[1:]]))
except BaseException:  # noqa: BLE001  whatever it is, the application would stay open
    traceback.print_exc()
    print("If pytest is missing: slicer.util.pip_install('pytest') in the Python console, once.")
    code = 1
slicer.util.exit(code)
