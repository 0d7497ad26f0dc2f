"""The module's door: the four classes that Slicer looks for. FMCIBModuleLib does the work, imported at first use."""

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
        parent.contributors = ["The contributors of the FMCIB extension"]
        parent.helpText = _(
            "Deep-learning biomarkers of a lesion in a CT: the 50 mm around a point become the features of FMCIB, the "
            "Foundation Model for Cancer Imaging Biomarkers. <b>For research use only. Not a medical device.</b> "
            "The published weights are licensed CC BY-NC 4.0: non-commercial use only."
        )
        parent.acknowledgementText = _(
            "FMCIB: Pai et al., Foundation model for cancer imaging biomarkers, Nature Machine Intelligence 6, 354-367 "
            '(2024), <a href="https://doi.org/10.1038/s42256-024-00807-9">doi:10.1038/s42256-024-00807-9</a>.'
        )


class FMCIBModuleWidget(ScriptedLoadableModuleWidget):
    """What the module selector opens. It says how the module is used without its window, which is still to come."""

    def setup(self) -> None:
        super().setup()
        label = qt.QLabel(
            _(
                "This version has no window yet. In the Python console:\n\n"
                "from FMCIBModule import FMCIBModuleLogic\n"
                "logic = FMCIBModuleLogic()\n"
                "table = logic.analyse(getNode('CT'), getNode('F'))\n\n"
                "analyses each point of the markups F on the volume CT.\n\n"
                "For research use only."
            )
        )
        label.wordWrap = True
        label.textInteractionFlags = qt.Qt.TextSelectableByMouse
        self.layout.addWidget(label)
        self.layout.addStretch(1)


class FMCIBModuleLogic(ScriptedLoadableModuleLogic):
    """For the window, scripts and the Python console. Ends with `close`, or with Slicer.

    Attributes:
        analysis: the `AnalysisLogic` that does everything.
    """

    def __init__(self) -> None:
        super().__init__()
        from FMCIBModuleLib.Engine import importEngine

        importEngine()
        from FMCIBModuleLib.AnalysisLogic import AnalysisLogic

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
        from FMCIBModuleLib.WorkerProcess import EncoderSettings

        chosen = self.getParameterNode()
        self.analysis.settings = EncoderSettings(chosen.weights, chosen.device, chosen.precision)
        return self.analysis.analyse(volumeNode, seeds, wait=wait, timeoutSeconds=timeoutSeconds)


class FMCIBModuleTest(ScriptedLoadableModuleTest):
    """A short end-to-end test for the real application; the whole suite is in Testing/Module."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        self.setUp()
        self.test_aPhantomIsAnalysed()

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
        from FMCIBModuleLib.AnalysisLogic import AnalysisError
        from FMCIBModuleLib.LesionTable import LesionTable
        from FMCIBModuleLib.SceneBridge import nodeFromVolume, pointToRas

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
