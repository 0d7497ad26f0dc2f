"""The pictures of the README and the docs: the window in the host, driven by mouse events on the chest phantom.

    make screenshots                 # writes Resources/Screenshots/*.png
    .venv/bin/python Testing/Module/screenshots.py lists   # the list of lesions in all its widths: build/lists-*.png
    .venv/bin/python Testing/Module/screenshots.py predictions   # what heads say: predictions.png, build/predictions-*
    .venv/bin/python Testing/Module/screenshots.py stability   # a seed is moved: stability.png, build/stability-*
    .venv/bin/python Testing/Module/screenshots.py training   # a head is trained: training.png, build/training-*
    .venv/bin/python Testing/Module/screenshots.py batch   # phantoms of a DICOM database: batch.png, build/batch-*
    .venv/bin/python Testing/Module/screenshots.py saliency   # a map over the CT: saliency.png, build/saliency-*

With the small encoder that comes along: every picture says what its weights mean. To be looked at before they are
committed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from window import ROOT, loadCt, openWindow, start

os.environ["XDG_CACHE_HOME"] = "/home/you/.cache"  # no picture shows a folder, or weights, of whoever makes it
os.environ.pop("FMCIB_HOME", None)
start()

import slicer  # noqa: E402
from clicks import chooseItem, click, clickCell, toggleSection, typeText  # noqa: E402
from views import clickAt, showAt  # noqa: E402

FOLDER = ROOT / "Resources" / "Screenshots"
PATIENCE = 300.0
OTHERS = ((-8.0, 30.0, -40.0), (25.0, -40.0, -60.0), (-140.0, 10.0, -20.0), (0.0, 0.0, 78.0))
"""From the nodule to four more places, RAS mm; the last is near the upper border of the scan."""


def spinUntil(condition: Callable[[], bool]) -> None:
    end = monotonic() + PATIENCE
    while not condition():
        slicer.app.processEvents()
        if monotonic() > end:
            msg = "The window did not come to what was waited for."
            raise TimeoutError(msg)


class Photographer:
    """Drives the window and takes pictures of it."""

    def __init__(self) -> None:
        self.desktop = openWindow()
        self.desktop.resize(1440, 1020)  # the panel down to what the model saw
        from fmcib_engine.phantom import PHANTOM_SEED  # found since the module is loaded
        from FMCIBModuleLib.Scene.SceneBridge import pointToRas

        self.nodule = pointToRas(PHANTOM_SEED)
        self.window = slicer.modules.FMCIBModuleWidget.window
        self.setup = self.window.setup

    def take(self, name: str) -> None:
        slicer.app.processEvents()
        self.desktop.savePng(FOLDER / f"{name}.png")
        print(FOLDER.joinpath(f"{name}.png").relative_to(ROOT))

    def takeWidget(self, widget, path: Path) -> None:
        slicer.app.processEvents()
        widget.grab().save(str(path), "PNG")
        print(path.relative_to(ROOT))

    def waitForProbe(self) -> None:
        spinUntil(lambda: not self.setup.requirements.isChecking)

    def analyse(self, ras) -> None:
        """Place a seed by two clicks, and wait for its row."""
        showAt("Red", ras)
        click(self.window._scanPanel.ui.placeButton)
        self.desktop.renderNow()
        clickAt("Red", ras)
        spinUntil(lambda: not self.window.logic.analysis.isBusy)
        self.desktop.renderNow()


@contextmanager
def withoutTorch() -> Iterator[None]:
    """Processes that are started meanwhile find no PyTorch."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "torch.py").write_text(
            "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n", encoding="utf-8"
        )
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, before or ""]))
        yield
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def takeAll() -> Photographer:
    with withoutTorch():
        camera = Photographer()
        window, setup = camera.window, camera.setup
        camera.waitForProbe()
        camera.take("missing-torch")
        setup.requirements.probe()
    camera.waitForProbe()
    setup.requirements.probe()
    camera.waitForProbe()
    window.exit()
    window.enter()  # the room of what was missing is kept until then
    camera.take("empty")
    takeLicence(camera)
    volumeNode = loadCt("")
    choose(window, volumeNode)
    click(window._requirementsPanel.ui.trialButton)
    spinUntil(lambda: window.logic.analysis.worker.state == "ready")
    click(window._requirementsPanel.ui.hideButton)
    for view in ("Red", "Yellow", "Green"):
        showAt(view, camera.nodule)
    camera.analyse(camera.nodule)
    clickCell(window._lesionsPanel.ui.lesionTable, 0, 0)
    camera.take("one-lesion")
    camera.takeWidget(window.ui.patchSection, FOLDER / "what-the-model-saw.png")
    for offset in OTHERS:
        camera.analyse([a + b for a, b in zip(camera.nodule, offset, strict=True)])
    clickCell(window._lesionsPanel.ui.lesionTable, 4, 0)
    camera.take("five-lesions")
    takeDark(camera)
    takeError(camera)
    return camera


def choose(window, volumeNode) -> None:
    from clicks import chooseNode

    if window._scan.volumeNode is not volumeNode:
        chooseNode(window._scanPanel.ui.volumeSelector, volumeNode)


def takeLicence(camera: Photographer) -> None:
    click(camera.window._requirementsPanel.ui.downloadButton)
    dialogs: list = []
    spinUntil(lambda: dialogs.extend(visibleDialogs()) or bool(dialogs))
    camera.takeWidget(dialogs[0], FOLDER / "licence.png")
    dialogs[0].reject()


def takePredictions() -> None:
    """What heads say of a lesion: those that come with the small encoder."""
    from SlicerHost.Desktop import useStyle

    with tempfile.TemporaryDirectory() as home:
        os.environ["FMCIB_HOME"] = home
        camera = Photographer()
        camera.waitForProbe()
        choose(camera.window, loadCt(""))
        click(camera.window._requirementsPanel.ui.trialButton)
        spinUntil(lambda: camera.window.logic.analysis.worker.state == "ready")
        click(camera.window._requirementsPanel.ui.hideButton)
        camera.analyse(camera.nodule)
        clickCell(camera.window._lesionsPanel.ui.lesionTable, 0, 0)
        takePanels(camera)
        useStyle("dark")
        takePanels(camera, "-dark")
        camera.window.logic.analysis.worker.close()
    del os.environ["FMCIB_HOME"]
    camera.desktop.close()


def takePanels(camera: Photographer, suffix: str = "") -> None:
    """The predictions alone, as narrow as the panel gets and as it mostly is, with a threshold and the heads."""
    panel, section = camera.window._predictionsPanel, camera.window.ui.predictionsSection
    panel.cards["phantom-density"].ui.thresholdSpin.value = 0.5
    if panel.ui.headsSection.collapsed:
        toggleSection(panel.ui.headsSection)
        spinUntil(lambda: panel.ui.headsTable.rowCount >= 2)
    panel.ui.headsTable.selectRow(panel.ui.headsTable.rowCount - 1)
    takeSection(camera, section, "predictions", suffix)


def takeSection(camera: Photographer, section, name: str, suffix: str) -> None:
    """A section alone, as narrow as the panel gets and as it mostly is; that one is for the documents."""
    for width in (420, 560):
        section.setFixedWidth(width)
        for _ in range(20):
            slicer.app.processEvents()
        isForDocuments = width == 560 and not suffix
        path = FOLDER / f"{name}.png" if isForDocuments else ROOT / "build" / f"{name}-{width}{suffix}.png"
        path.parent.mkdir(exist_ok=True)
        camera.takeWidget(section, path)


def takeSaliency() -> None:
    """A map of a class over the CT in all views, and the panel that made it."""
    from SlicerHost.Desktop import useStyle

    with tempfile.TemporaryDirectory() as home:
        os.environ["FMCIB_HOME"] = home
        camera = Photographer()
        camera.waitForProbe()
        window, ui = camera.window, camera.window._saliencyPanel.ui
        choose(window, loadCt(""))
        click(window._requirementsPanel.ui.trialButton)
        spinUntil(lambda: window.logic.analysis.worker.state == "ready")
        click(window._requirementsPanel.ui.hideButton)
        camera.analyse(camera.nodule)
        clickCell(window._lesionsPanel.ui.lesionTable, 0, 0)
        for section in (window.ui.scanSection, window.ui.patchSection, window.ui.predictionsSection):
            toggleSection(section)
        toggleSection(window.ui.saliencySection)
        chooseItem(ui.targetCombo, "phantom-site: lung")
        chooseItem(ui.methodCombo, "SmoothGrad")
        click(ui.makeMapButton)
        spinUntil(lambda: window._saliency.explaining.lesion is None)
        for view in ("Red", "Yellow", "Green"):
            showAt(view, camera.nodule)
            zoom(view, 0.35)
        camera.desktop.renderNow()
        camera.take("saliency")
        takeSection(camera, window.ui.saliencySection, "saliency-panel", "-light")
        useStyle("dark")
        takeSection(camera, window.ui.saliencySection, "saliency-panel", "-dark")
        window.logic.analysis.worker.close()
    del os.environ["FMCIB_HOME"]
    camera.desktop.close()


def zoom(view: str, share: float) -> None:
    """Show this share of what is seen, about the same middle."""
    node = slicer.app.layoutManager().sliceWidget(view).mrmlSliceNode()
    width, height, depth = node.GetFieldOfView()
    node.SetFieldOfView(width * share, height * share, depth)


def takeTraining() -> None:
    """Before and after a head is trained, of a table of which it is known how much can be learned."""
    from SlicerHost.Desktop import useStyle

    sys.path.append(str(ROOT / "Testing" / "Engine"))
    from probing_support import two_classes

    with tempfile.TemporaryDirectory() as home:
        os.environ["FMCIB_HOME"] = home
        made = two_classes(120, 64, strength=0.7)
        made.columns["hospital"] = ["north", "south", "south"] * 40
        table = made.write(Path(home) / "made-features.csv")
        camera = Photographer()
        camera.waitForProbe()
        window, ui, section = camera.window, camera.window._trainingPanel.ui, camera.window.ui.trainingSection
        desk = window.setup.training
        toggleSection(window.ui.scanSection)
        toggleSection(window.ui.trainingSection)
        window._training._file, window._training._folder = str(table), home
        chooseItem(ui.sourceCombo, "A table on this computer")
        spinUntil(lambda: not desk.activity.isBusy)
        for combo, text in ((ui.labelCombo, "kind"), (ui.groupCombo, "patient_key"), (ui.siteCombo, "hospital")):
            chooseItem(combo, text)
            spinUntil(lambda: not desk.activity.isBusy)
        window._trainingPanel.showFolder("/home/you/heads")
        typeText(ui.nameEdit, "benign-or-malignant")
        typeText(ui.meaningEdit, "dealt by the tests: these lesions are made up")
        window._training.look()
        spinUntil(lambda: not desk.activity.isBusy)
        takeSection(camera, section, "training", "-before")
        click(ui.trainButton)
        spinUntil(lambda: "Heads fitted: " in ui.statusLabel.text)  # any count: not each is told
        takeSection(camera, section, "training", "-during")
        spinUntil(lambda: not desk.activity.isBusy)
        takeSection(camera, section, "training", "")
        useStyle("dark")
        takeSection(camera, section, "training", "-dark")
    del os.environ["FMCIB_HOME"]
    camera.desktop.close()


PATIENTS = ("Phantom^First", "Phantom^Second", "Phantom^Third")
"""Nobody: they stand in Slicer's tables."""


def makeDatabase(folder: Path) -> tuple[Path, Path]:
    """A DICOM database with three chest phantoms, a CT and a report of each, and a table of seeds: both places."""
    from ctk_database import Database
    from dicom_series import slicesOf, writeSeries
    from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom

    made, volume, lines = Database(folder / "database"), chest_phantom((1.4, 1.4, 2.5)), []
    for number, name in enumerate(PATIENTS, 1):
        uid = f"1.2.826.0.1.3680043.8.498.77.{number}"

        def change(k: int, dataset, uid: str = uid, name: str = name, number: int = number) -> None:
            dataset.PatientName, dataset.PatientID = name, f"PHANTOM-{number}"
            dataset.SeriesInstanceUID, dataset.StudyInstanceUID = uid, f"{uid}.9"
            dataset.SOPInstanceUID, dataset.FrameOfReferenceUID = f"{uid}.{k + 1}", f"{uid}.8"
            dataset.SeriesNumber, dataset.SeriesDescription = number, "THORAX 2.5 MM"
            dataset.StudyDate, dataset.ConvolutionKernel = f"2026010{number}", "B70f"

        made.add_files(writeSeries(folder / str(number), slicesOf(volume, change)))
        x, y, z = PHANTOM_SEED
        lines += [f"Nodule {number},{uid},{x + 2 * number},{y},{z}", f"Beside {number},{uid},{x},{y + 30},{z}"]
    lines.append(f"Outside,{uid},9000,0,0")
    table = folder / "seeds.csv"
    table.write_text("\n".join(["lesion_id,series_uid,coordX,coordY,coordZ", *lines]) + "\n", encoding="utf-8")
    return folder / "database", table


def takeBatch() -> None:
    """Chosen, looked at, while it is computed, and what came out, in three widths and both styles."""
    import SlicerHost
    from SlicerHost.Desktop import useStyle

    sys.path.append(str(ROOT / "Testing" / "Engine"))
    with tempfile.TemporaryDirectory() as home:
        os.environ["FMCIB_HOME"] = home
        database, seeds = makeDatabase(Path(home))
        SlicerHost.openDicomDatabase(database)
        camera = Photographer()
        camera.waitForProbe()
        window, ui, section = camera.window, camera.window._batchPanel.ui, camera.window.ui.batchSection
        click(window._requirementsPanel.ui.trialButton)
        click(window._requirementsPanel.ui.hideButton)
        activity, tables = window.setup.batch.activity, window._batchPanel.series
        toggleSection(window.ui.scanSection)
        toggleSection(section)
        chooseItem(ui.rangeCombo, "all series that are shown")
        takeWidths(camera, section, "batch-empty")
        asking = window._batch._asking
        asking._seeds[0], asking.output = str(seeds), str(Path(home) / "lung-run")
        asking.showNames()
        click(ui.dryButton)
        spinUntil(lambda: not activity.isBusy)
        takeWidths(camera, section, "batch-dry")
        ui.drawsSpin.value = 12
        assert tables.shown()
        click(ui.startButton)
        spinUntil(lambda: ui.rowsTable.rowCount >= 2 and "left" in ui.statusLabel.text)
        takeWidths(camera, section, "batch-during")
        spinUntil(lambda: not activity.isBusy)
        clickCell(ui.rowsTable, 1, 0)
        takeWidths(camera, section, "batch-after")
        useStyle("dark")
        takeWidths(camera, section, "batch-after", "-dark")
        useStyle("light")
        takeWidths(camera, section, "batch")
        (ROOT / "build" / "batch-480.png").replace(FOLDER / "batch.png")
        window.logic.analysis.worker.close()
        SlicerHost.leaveDicomDatabase()
    del os.environ["FMCIB_HOME"]
    camera.desktop.close()


def takeWidths(camera: Photographer, section, name: str, suffix: str = "") -> None:
    """A section in a panel from as narrow as it gets to as wide as on a large screen: into build/."""
    from PySide6.QtWidgets import QScrollArea

    (panel,) = camera.desktop.findChildren(QScrollArea)
    for width in (340, 480, 700):
        panel.setFixedWidth(width)
        for _ in range(20):
            slicer.app.processEvents()
        (ROOT / "build").mkdir(exist_ok=True)
        camera.takeWidget(section, ROOT / "build" / f"{name}-{width}{suffix}.png")


def takeStability() -> None:
    """While it is computed, what is found with a rank among other lesions, and a map over the CT."""
    from SlicerHost.Desktop import useStyle

    with tempfile.TemporaryDirectory() as home:
        os.environ["FMCIB_HOME"] = home
        camera = Photographer()
        camera.waitForProbe()
        window, panel, section = camera.window, camera.window._stabilityPanel, camera.window.ui.stabilitySection
        choose(window, loadCt(""))
        click(window._requirementsPanel.ui.trialButton)
        spinUntil(lambda: window.logic.analysis.worker.state == "ready")
        click(window._requirementsPanel.ui.hideButton)
        camera.analyse(camera.nodule)
        for offset in OTHERS:
            camera.analyse([a + b for a, b in zip(camera.nodule, offset, strict=True)])
        clickCell(window._lesionsPanel.ui.lesionTable, 0, 0)
        for each in (window.ui.scanSection, window.ui.patchSection, window.ui.predictionsSection, section):
            toggleSection(each)
        stability = window._stability._stability
        click(panel.ui.runButton)
        spinUntil(lambda: "left" in panel.ui.progressLabel.text)
        takeSection(camera, section, "stability", "-during")
        spinUntil(lambda: stability.running is None)
        takeSection(camera, section, "stability", "")
        useStyle("dark")
        takeSection(camera, section, "stability", "-dark")
        useStyle("light")
        takeMap(camera, stability)
        window.logic.analysis.worker.close()
    del os.environ["FMCIB_HOME"]
    camera.desktop.close()


def takeMap(camera: Photographer, stability) -> None:
    """The likeliest class by the place of the seed, over the CT."""
    panel, section = camera.window._stabilityPanel, camera.window.ui.stabilitySection
    chooseItem(panel.ui.kindCombo, "On a grid around the seed")
    click(panel.ui.perturbCheckBox)
    click(panel.ui.runButton)
    spinUntil(lambda: stability.running is None)
    chooseItem(panel.ui.mapCombo, panel.ui.mapCombo.itemText(0))
    click(panel.ui.mapButton)
    takeSection(camera, section, "stability", "-map")
    section.setMinimumWidth(0)
    section.setMaximumWidth(16777215)
    for view in ("Red", "Yellow", "Green"):
        showAt(view, camera.nodule)
    camera.desktop.renderNow()
    camera.desktop.savePng(ROOT / "build" / "stability-map-views.png")


def visibleDialogs() -> list:
    from PySide6 import QtWidgets

    windows = QtWidgets.QApplication.topLevelWidgets()
    return [each for each in windows if isinstance(each, QtWidgets.QDialog) and each.isVisible()]


def takeDark(camera: Photographer) -> None:
    from SlicerHost.Desktop import useStyle

    useStyle("dark")
    camera.take("dark")
    toggleSection(camera.window.ui.advancedSection)
    camera.takeWidget(camera.window.ui.advancedSection, FOLDER / "advanced.png")
    toggleSection(camera.window.ui.advancedSection)
    useStyle("light")


def takeError(camera: Photographer) -> None:
    """The process that computes is killed, as a computer without memory does."""
    analysis = camera.window.logic.analysis
    click(camera.window._scanPanel.ui.analyseButton)
    spinUntil(lambda: analysis.worker.state == "computing")
    kill(analysis)
    spinUntil(lambda: camera.window._scanPanel.ui.messageLabel.text != "")
    spinUntil(lambda: not analysis.isBusy)
    camera.take("error")


def kill(analysis) -> None:
    import signal

    from processes import children

    for pid in children():
        os.kill(pid, signal.SIGKILL)


def takeLists() -> None:
    """The list alone: 340, 480 and 700 pixels wide, 1 and 40 lesions, names of 3 and 60 letters; light and dark."""
    import qt
    from SlicerHost.Desktop import useStyle

    openWindow()
    for style in ("light", "dark"):
        useStyle(style)
        panels = [
            [(width, listPicture(width, count, letters)) for width in (340, 480, 700)]
            for count in (1, 40)
            for letters in (3, 60)
        ]
        sheet = qt.QPixmap(1600, sum(max(each.height() for _width, each in row) + 10 for row in panels))
        sheet.fill(qt.QColor("#808080"))
        painter, top = qt.QPainter(sheet), 0
        for row in panels:
            for left, (_width, picture) in zip((10, 370, 870), row, strict=True):
                painter.drawPixmap(left, top + 5, picture)
            top += max(each.height() for _width, each in row) + 10
        painter.end()
        path = ROOT / "build" / f"lists-{style}.png"
        path.parent.mkdir(exist_ok=True)
        sheet.save(str(path), "PNG")
        print(path.relative_to(ROOT))


def listPicture(width: int, count: int, letters: int):
    """A list with every mark in it, and the details of one lesion."""
    from FMCIBModuleLib.Window.Lesions.LesionRows import MARKS, LesionLine, ListedLesion
    from FMCIBModuleLib.Window.Lesions.LesionsPanel import LesionsPanel

    long = "Left upper lobe beside the hilum, seen in March and in July x"
    quality = "22.0% of the patch lies outside the scan"
    lesions = []
    for number in range(count):
        name = f"L{number:02}" if letters == 3 else f"{number:02} {long}"[:letters]
        mark = list(MARKS)[(number + 1) % len(MARKS)]
        line = LesionLine(name, "CT of March" if number % 2 else "CT of July", "demonstration", mark)
        details = f"{name}\n{quality}\nseed R 74.0 A 154.0 I 146.0 mm (LPS -74.00, -154.00, -146.00)"
        settled = mark not in ("stale", "waiting")
        lesions.append(ListedLesion(str(number), line, line, details, isSettled=settled))
    panel = LesionsPanel(str(ROOT / "FMCIBModule" / "Resources" / "UI" / "Lesions.ui"))
    panel.showLesions(lesions)
    panel.choose("0")
    panel.widget.show()
    panel.widget.resize(width, 480)
    for _ in range(3):
        slicer.app.processEvents()
    picture = panel.widget.grab()
    panel.widget.close()
    return picture


def main() -> None:
    if sys.argv[1:] == ["lists"]:
        takeLists()
        return
    if sys.argv[1:] == ["predictions"]:
        takePredictions()
        return
    if sys.argv[1:] == ["saliency"]:
        takeSaliency()
        return
    if sys.argv[1:] == ["stability"]:
        takeStability()
        return
    if sys.argv[1:] == ["training"]:
        takeTraining()
        return
    if sys.argv[1:] == ["batch"]:
        takeBatch()
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    camera = takeAll()
    import SlicerHost

    SlicerHost.unloadModule("FMCIBModule")
    camera.desktop.close()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Qt and VTK need no long good-bye
