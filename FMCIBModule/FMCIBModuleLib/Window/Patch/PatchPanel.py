"""What the model saw: three planes of the very patch that was fed, with pages to turn."""

from __future__ import annotations

from collections.abc import Sequence

import slicer
from slicer.i18n import tr as _

from ...Room import reserve
from ...Signal import Signal

WINDOWS_HU = (("Lung", (-1000, 400)), ("Soft tissue", (-160, 240)), ("Bone", (-500, 1300)))
"""Names and HU shown as black and as white."""


class PatchPanel:
    """Widgets in, signals out.

    Attributes:
        widget: to be put into the window.
        pageTurned: emitted with (which plane, index of the page) when the user moves a slider.
        windowChosen: emitted with the HU shown as black and as white.
        sceneClicked: the patch is wanted as a volume.
    """

    def __init__(self, uiPath: str) -> None:
        self.pageTurned, self.windowChosen, self.sceneClicked = Signal(), Signal(), Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        self._views = (ui.axialView, ui.coronalView, ui.sagittalView)
        self._sliders = (ui.axialSlider, ui.coronalSlider, ui.sagittalSlider)
        self._isUpdating = False
        names = {"Lung": _("Lung"), "Soft tissue": _("Soft tissue"), "Bone": _("Bone")}
        for name, (low, high) in WINDOWS_HU:
            ui.windowCombo.addItem(_("{name}, {low} to {high} HU").format(name=names[name], low=low, high=high))
        ui.windowCombo.connect("currentIndexChanged(int)", lambda _index: self.windowChosen.emit(self.windowHu))
        for number, slider in enumerate(self._sliders):
            slider.connect("valueChanged(int)", lambda page, plane=number: self._onSlider(plane, page))
        ui.sceneButton.connect("clicked(bool)", lambda *_: self.sceneClicked.emit())
        reserve(ui.patchPlace)
        self.showNothing("")

    @property
    def windowHu(self) -> tuple[float, float]:
        """HU shown as black and as white."""
        return WINDOWS_HU[max(self.ui.windowCombo.currentIndex, 0)][1]

    def showNothing(self, text: str) -> None:
        """No patch, and why."""
        self.showCaption(text or _("Choose a lesion that has been analysed to see what the model saw."))
        self.ui.viewsWidget.visible = False
        for widget in (self.ui.windowCombo, self.ui.windowLabel, self.ui.sceneButton):
            widget.visible = False

    def showPatch(self, caption: str, pages: Sequence[int]) -> None:
        """A patch is there; its planes follow by `showPlane`.

        Args:
            caption: what it is of.
            pages: the index of the page that each plane begins with.
        """
        self.showCaption(caption)
        self.ui.viewsWidget.visible = True
        for widget in (self.ui.windowCombo, self.ui.windowLabel, self.ui.sceneButton):
            widget.visible = True
        self._isUpdating = True
        for slider, page in zip(self._sliders, pages, strict=True):
            slider.value = page
        self._isUpdating = False

    def showPlane(self, number: int, pixmap) -> None:
        """The picture of one plane."""
        self._views[number].setPixmap(pixmap)

    def showCaption(self, text: str) -> None:
        """What the pictures are of."""
        self.ui.captionLabel.text = text

    def _onSlider(self, plane: int, page: int) -> None:
        if not self._isUpdating:
            self.pageTurned.emit(plane, page)
