"""The few facts measured in the application that the host is compared with; the whole lies beside the checkout.

python Testing/SlicerHost/Facts.py ../shared/slicer_facts      # writes Testing/Data/slicer_facts.json again
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

EXTRACT = Path(__file__).resolve().parents[1] / "Data" / "slicer_facts.json"

API = (
    "version",
    "DICOMLib.DICOMUtils",
    "ScriptedLoadableModule",
    "parameterNodeWrapper",
    "slicer.app",
    "slicer.app.commandOptions()",
    "slicer.app.layoutManager()",
    "slicer.dicomDatabase",
    "sliceView",
    "sliceWidget",
    "slicer.mrmlScene events",
    "slicer.util",
    "vtkMRMLMarkupsNode events",
)

WIDGETS = (
    "ctk.ctkCollapsibleButton",
    "ctk.ctkDICOMTableManager",
    "ctk.ctkMessageBox",
    "ctk.ctkSearchBox",
    "qt.QCheckBox",
    "qt.QComboBox",
    "qt.QDoubleSpinBox",
    "qt.QLabel",
    "qt.QLineEdit",
    "qt.QProcess",
    "qt.QProgressBar",
    "qt.QPushButton",
    "qt.QSpinBox",
    "qt.QTableWidget",
    "qt.QTextEdit",
    "qt.QTimer",
    "qt.QToolButton",
    "slicer.qMRMLNodeComboBox",
    "slicer.qMRMLWidget",
)
"""Classes that our module or the host's tests use: properties with their defaults, signals, slots."""


def extract(folder: Path) -> dict[str, Any]:
    """From the folder that holds `api.json` and `widgets.json`."""
    api = json.loads((folder / "api.json").read_text(encoding="utf-8"))
    widgets = json.loads((folder / "widgets.json").read_text(encoding="utf-8"))
    return {name: api[name] for name in API} | {name: widgets[name] for name in WIDGETS}


if __name__ == "__main__":
    text = json.dumps(extract(Path(sys.argv[1])), indent=1, sort_keys=True, ensure_ascii=False)
    EXTRACT.write_text(text + "\n", encoding="utf-8")
