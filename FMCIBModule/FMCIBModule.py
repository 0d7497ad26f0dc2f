"""The module's door: the four classes that Slicer looks for. FMCIBModuleLib does the work, imported at first use."""

import unittest

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class FMCIBModule(ScriptedLoadableModule):
    """What the module selector and the help panel show."""

    def __init__(self, parent) -> None:
        super().__init__(parent)
        parent.title = _("FMCIB lesion biomarkers")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        parent.contributors = ["First Last (Organization)"]
        parent.helpText = _(
            "Deep-learning biomarkers of a lesion in a CT: the 50 mm around a point become the features of FMCIB, the "
            "Foundation Model for Cancer Imaging Biomarkers. <b>For research use only. Not a medical device.</b> "
            "The published weights are licensed CC BY-NC 4.0: non-commercial use only."
            "<ol>"
            "<li><b>Get ready.</b> The top of the panel says what is missing, with a button for each. To try it "
            "without the published weights, press <i>Try it without the published weights</i>.</li>"
            "<li><b>Load a CT</b>, or one of the module Sample Data: <i>FMCIBPhantom</i> is computed at once, "
            "<i>FMCIB-LIDC-IDRI-0001</i> is a public CT, fetched after you agree. Choose it in the panel.</li>"
            "<li><b>Press <i>Place seed</i></b> (Ctrl+Shift+L) and click on the middle of a lesion in a slice view. "
            "Its row appears, with a box around the 50 mm that were read. Click the row to see what the model saw.</li>"
            "<li><b>Train a head</b>, if you know what the lesions are: the section of that name learns it, and says "
            "what that is worth.</li>"
            "<li><b>Batch</b> computes the lesions of many scans of the DICOM database, in a folder that loses "
            "nothing.</li>"
            "</ol>"
            '<p><a href="https://github.com/OWNER_TO_BE_NAMED/SlicerFMCIB/blob/main/'
            'Resources/Docs/tutorial.md">Tutorial with pictures</a>, '
            '<a href="https://github.com/OWNER_TO_BE_NAMED/SlicerFMCIB">'
            "documentation and source</a></p>"
        )
        parent.acknowledgementText = _(
            "FMCIB: Pai et al., Foundation model for cancer imaging biomarkers, Nature Machine Intelligence 6, 354-367 "
            '(2024), <a href="https://doi.org/10.1038/s42256-024-00807-9">doi:10.1038/s42256-024-00807-9</a>.'
            "<br>Samples: FMCIBPhantom is computed here, under this extension's licence. FMCIB-LIDC-IDRI-0001: "
            "Armato III S.G. et al., Data From LIDC-IDRI, The Cancer Imaging Archive 2015, "
            '<a href="https://doi.org/10.7937/K9/TCIA.2015.LO9QL9SX">doi:10.7937/K9/TCIA.2015.LO9QL9SX</a>, '
            'through NCI Imaging Data Commons, licensed <a href="https://creativecommons.org/licenses/by/3.0/">'
            "CC BY 3.0</a>."
        )
        slicer.app.connect("startupCompleted()", self.registerSampleScans)

    def registerSampleScans(self) -> None:
        """Two entries of the module Sample Data, once all modules are loaded."""
        if slicer.util.mainWindow() is None:  # headless: there is no such module's panel
            return
        from FMCIBModuleLib.Window.SampleScans import registerSampleScans

        registerSampleScans(lambda name: self.resourcePath(f"Icons/{name}.png"))


class FMCIBModuleWidget(ScriptedLoadableModuleWidget):
    """The module's panel: a `Window`, or, where the engine is not the one that belongs to it, a sentence."""

    def setup(self) -> None:
        super().setup()
        self.window = None
        from FMCIBModuleLib.Engine import EngineError

        try:
            logic = self.logic = FMCIBModuleLogic()  # also what `slicer.util.getModuleLogic` gives
        except EngineError as error:
            label = qt.QLabel(str(error))
            label.wordWrap = True
            label.margin = 6  # Slicer takes the margins of a module's own layout away
            self.layout.addWidget(label)
            return
        from FMCIBModuleLib.Window.Window import Window

        self.window = Window(logic, lambda name: self.resourcePath(f"UI/{name}.ui"))
        self.layout.addWidget(self.window.widget)
        if getattr(self.parent, "isEntered", False):  # after *Reload*, which calls no `enter`
            self.enter()

    def enter(self) -> None:
        """The user comes to the module."""
        if self.window is not None:
            self.window.enter()

    def exit(self) -> None:
        """The user goes to another module."""
        if self.window is not None:
            self.window.exit()

    def cleanup(self) -> None:
        """The module is reloaded, or Slicer ends."""
        if self.window is not None:
            self.window.close()
            self.window = self.logic = None


class FMCIBModuleLogic(ScriptedLoadableModuleLogic):
    """For the window, scripts and the Python console. Ends with `close`, or with Slicer.

    Attributes:
        analysis: the `AnalysisLogic` that does everything.
    """

    def __init__(self) -> None:
        super().__init__()
        from FMCIBModuleLib.Engine import importEngine

        importEngine()
        from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisLogic
        from FMCIBModuleLib.Setup.Settings import Settings

        Settings().apply()
        self.analysis = AnalysisLogic()
        slicer.app.connect("aboutToQuit()", self.close)

    def close(self) -> None:
        """End the process that computes, and observe nothing any more."""
        slicer.app.disconnect("aboutToQuit()", self.close)
        self.analysis.close()

    def getParameterNode(self):
        """What the user has chosen, saved with the scene: an `FMCIBParameterNode`."""
        from FMCIBModuleLib.ParameterNode import FMCIBParameterNode

        return FMCIBParameterNode(super().getParameterNode())

    def analyse(self, volumeNode, seeds=None, wait=True, timeoutSeconds=None):
        """Analyse lesions of a CT with the weights, device and precision of the parameter node.

        See `AnalysisLogic.analyse`; here `wait` is on, for the Python console.
        """
        from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings

        chosen = self.getParameterNode()
        self.analysis.settings = EncoderSettings(chosen.weights, chosen.device, chosen.precision, engine=chosen.engine)
        return self.analysis.analyse(volumeNode, seeds, wait=wait, timeoutSeconds=timeoutSeconds)


class FMCIBModuleTest(ScriptedLoadableModuleTest):
    """A short end-to-end test for the real application; the whole suite is in Testing/Module."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        self.setUp()
        try:
            self.test_aPhantomIsAnalysed()
        except unittest.SkipTest as reason:  # behind the button Test nobody else catches it
            self.delayDisplay(f"Test skipped: {reason}")

    def test_aPhantomIsAnalysed(self) -> None:
        """A chest phantom and a point in its nodule become a row with features, a box and a patch."""
        logic = FMCIBModuleLogic()
        try:
            self.analysePhantom(logic)
        finally:
            logic.close()
        self.delayDisplay("Test passed")

    def analysePhantom(self, logic: FMCIBModuleLogic) -> None:
        from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
        from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisError
        from FMCIBModuleLib.Scene.LesionTable import LesionTable
        from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas

        self.delayDisplay("A chest phantom, and a point in its nodule")
        volumeNode = nodeFromVolume(chest_phantom((1.4, 1.4, 2.5)), "Phantom")
        seeds = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
        seeds.AddControlPointWorld(vtk.vtkVector3d(*pointToRas(PHANTOM_SEED)), "Nodule")
        logic.getParameterNode().weights = "demonstration"
        self.delayDisplay("Analysing it with demonstration weights")
        try:
            logic.analyse(volumeNode, seeds, timeoutSeconds=600)
        except AnalysisError as error:
            if error.code == "dependency":  # a build machine of the catalogue has no torch
                self.skipTest(str(error))
            raise
        lesions = LesionTable(volumeNode)
        (key,) = lesions.keys()
        row = lesions.row(key)
        self.assertEqual((row["lesion_id"], row["status"], row["error"]), ("Nodule", "ok", ""))
        self.assertIn("DEMONSTRATION WEIGHTS", row["weights"])
        self.assertEqual(lesions.features(key).shape, (4096,))
        patchNode = logic.analysis.showPatch(volumeNode, key)
        self.assertEqual(slicer.util.arrayFromVolume(patchNode).shape, (50, 50, 50))
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode"), 1)
