"""Run as a script: shows the whole window with a lesion, and writes what does not fit, as JSON.

QT_SCALE_FACTOR=2 python window_scaled.py WIDTH
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "Engine")]

import SlicerHost  # noqa: E402


def texts(widget) -> list[str]:
    """What does not fit into the widgets that show text."""
    from PySide6 import QtCore, QtWidgets

    found = []
    for each in widget.findChildren(QtWidgets.QWidget):
        name = each.objectName() if callable(each.objectName) else each.objectName
        if not each.isVisible() or not isinstance(each, QtWidgets.QLabel | QtWidgets.QAbstractButton):
            continue
        hint, size = QtWidgets.QWidget.minimumSizeHint(each), QtWidgets.QWidget.size(each)
        if isinstance(each, QtWidgets.QAbstractButton):
            hint = each.sizeHint() if callable(each.sizeHint) else each.sizeHint
            if each.layout() is not None:  # a section: what is in it is looked at by itself, at the width that it has
                hint = QtCore.QSize(hint.width(), 0)
        elif QtWidgets.QLabel.wordWrap(each):
            hint = QtCore.QSize(0, QtWidgets.QLabel.heightForWidth(each, size.width()))
        if hint.width() > size.width() or hint.height() > size.height():
            found.append(f"{name}: {hint.width()} x {hint.height()} in {size.width()} x {size.height()}")
    return found


def fillTraining(window) -> None:
    """All of *Train a head*, as while a second head is trained."""
    from FMCIBModuleLib.Window.Training.TrainingPanel import Facts

    said = "A sentence that is long enough to need more than one line of the panel. " * 2
    panel = window._trainingPanel
    window.ui.trainingSection.collapsed = False
    panel.showSource(labels="labels-of-a-long-study.csv", table="")
    panel.showFolder("/home/somebody/a folder/of-a-long-name/heads")
    panel.showFacts(Facts(said, f"! {said}", said, True, ["scikit-learn", "lifelines", "matplotlib"]))
    panel.showClasses(["benign", "malignant"])
    panel.showResult(said, "AUC: 0.900 [0.800, 1.000]", said)
    panel.showPlots(["my-head: " + said])
    panel.showActivity(said, 0.3, isTraining=True)


def fillSaliency(window) -> None:
    """All of *Why: saliency map*, as while a second map is made."""
    from FMCIBModuleLib.Scene.OverlayInScene import coloursOf
    from FMCIBModuleLib.Window.Saliency.SaliencyPanel import ShownMap

    said = "A sentence that is long enough to need more than one line of the panel. " * 2
    panel = window._saliencyPanel
    window.ui.saliencySection.collapsed = False
    panel.showAbout(said, said, said, canMake=True)
    panel.showWords(said, said, 25)
    colours = coloursOf(isSigned=True, share=0.3)
    panel.showMap(ShownMap(said, said, colours, "-1.23e-05", "1.23e-05", "± 1.23e-05", 0.3, 0.6, True, True))
    panel.showForeground(isTaken=True)
    panel.showActivity(said, 0.3, isBusy=True)


def fillBatch(window, folder: Path) -> None:
    """All of *Batch*, as while a second run goes on over Slicer's database."""
    from ctk_database import Database
    from FMCIBModuleLib.Window.Batch.BatchPanel import PlanShown, ResultShown
    from FMCIBModuleLib.Window.Batch.BatchRows import BatchLine, ListedRow

    said = "A sentence that is long enough to need more than one line of the panel. " * 2
    made, panel = Database(folder), window._batchPanel
    made.add_series("1.2.3", ["a.dcm"])
    SlicerHost.openDicomDatabase(made.path.parent)
    window.ui.batchSection.collapsed = False
    for source in (1, 0):
        panel.ui.sourceCombo.currentIndex = source
    panel.showNames("", "seeds-of-a-long-study-of-many-patients.csv", "a-run-of-a-long-name-in-a-folder")
    panel.showProblem(said)
    panel.showPlan(PlanShown(said, said, said, said))
    panel.addRow(ListedRow(BatchLine("A lesion of a long name", "✗ before", said, said), False, {}))
    panel.showCount(said)
    panel.showDetail(said)
    panel.showCauses(said)
    panel.showResult(ResultShown(said, said, True))
    panel.showActivity(said, 0.3, isRunning=True)


def main(width: int) -> None:
    SlicerHost.start()
    SlicerHost.loadModule(HERE.parent.parent / "FMCIBModule" / "FMCIBModule.py")
    import slicer
    from fmcib_engine.heads.notes import in_one_cell, standing_notes
    from fmcib_engine.phantom import chest_phantom
    from fmcib_engine.worker.predictions import tell_head
    from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume
    from heads_support import linear, network
    from window_support import NODULE, Stage, WindowLogic, goodAnswers, settle

    from FMCIBModule import FMCIBModuleLogic

    node = nodeFromVolume(chest_phantom((2.8, 2.8, 5.0)), "Chest phantom")
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    logic = FMCIBModuleLogic()
    logic.analysis.close()
    logic.analysis = WindowLogic()
    logic.getParameterNode().weights = "demonstration"
    said = {linear(): [0.069, 0.931], linear(id="lump-too"): [0.5, 0.5], network(): [0.1, 0.2, 0.7]}
    facts = {"source": "imported", "weights_sha256": "0" * 64}
    heads = [{**tell_head(head, str(number) * 64), **facts} for number, head in enumerate(said)]
    logic.analysis.hand.heads = heads
    logic.analysis.hand.says = [
        {"head": head.id, "values": values, "note": in_one_cell(standing_notes(head, "A caution of these weights."))}
        for head, values in said.items()
    ]
    logic.getParameterNode().headThresholds = '{"lump:lump": 0.5}'
    known = {"encoder_id": "small", "recipe_id": "fmcib-csv-v1", "columns": [], "removed_as": "heads/lump.head"}
    listed = {"heads": [{**head, **known} for head in heads], "damaged": []}
    answers = {"heads": listed, "check_head": ("input", "A sentence.")}
    stage = Stage(logic, goodAnswers() | answers).show(width)
    stage.analysed(NODULE)
    stage.window.ui.advancedSection.collapsed = False
    stage.predictions.headsSection.collapsed = False
    stage.predictions.headsTable.selectRow(0)
    fillSaliency(stage.window)
    fillTraining(stage.window)
    folder = tempfile.TemporaryDirectory()
    fillBatch(stage.window, Path(folder.name))
    stage.window._scanPanel.showMessage("A sentence that is long enough to need more than one line of the panel. " * 2)
    settle()
    widget = stage.window.widget
    least = widget.minimumSizeHint() if callable(widget.minimumSizeHint) else widget.minimumSizeHint
    widget.resize(width, 9000)
    settle()
    size = type(widget).wrapped.size(widget)
    found = {
        "least": least.width(),
        "width": size.width(),
        "ratio": widget.devicePixelRatioF(),
        "clipped": texts(widget),
    }
    if len(sys.argv) > 2:
        widget.grab().save(sys.argv[2])
    stage.close()
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
