"""`ctk.ctkCollapsibleButton`: a button as wide as the panel, with its contents below, which it shows or hides."""

from __future__ import annotations

import qt
from PySide6 import QtCore, QtGui, QtWidgets

Style = QtWidgets.QStyle
Attribute = QtCore.Qt.WidgetAttribute


class ctkCollapsibleButton(qt.QAbstractButton):  # noqa: N801 - CTK's name
    """`Libs/Widgets/ctkCollapsibleButton.cpp:199` of CTK: `checked` is the contrary of `collapsed`.

    Frames and alignments other than the defaults are not there.
    """

    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, *arguments) -> None:
        """`(parent)`, `(text)` or `(text, parent)`."""
        text = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        super().__init__(arguments[-1] if arguments and not isinstance(arguments[-1], str) else None)
        self._isCollapsed = self._forcing = False
        self._collapsedHeight, self._openHeight = 14, self.maximumHeight
        self._isFlat = False
        self.setText(text)
        self.setCheckable(True)
        self.setChecked(True)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Minimum, policy.Preferred)
        self.setContentsMargins(0, self._headerSize().height(), 0, 0)
        self.setBackgroundRole(QtGui.QPalette.ColorRole.Window)
        self.connect("toggled(bool)", self._onToggled)

    def setCollapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    def setCollapsedHeight(self, height: int) -> None:
        """Pixels below the button that are left while its contents are hidden."""
        self._collapsedHeight = height
        self.updateGeometry()

    def setFlat(self, flat: bool) -> None:
        self._isFlat = flat
        self.update()

    collapsed = QtCore.Property(bool, lambda self: self._isCollapsed, setCollapsed)
    collapsedHeight = QtCore.Property(int, lambda self: self._collapsedHeight, setCollapsedHeight)
    flat = QtCore.Property(bool, lambda self: self._isFlat, setFlat)

    def _onToggled(self, checked: bool) -> None:
        """`collapse(bool)`, `Libs/Widgets/ctkCollapsibleButton.cpp:275`."""
        if self._isCollapsed == (not checked):
            return
        self._isCollapsed = not checked
        if self._isCollapsed:
            self._openHeight = self.maximumHeight
        self.setMaximumHeight(self.sizeHint().height() if self._isCollapsed else self._openHeight)
        for child in self.children():
            self._showOrHide(child)
        self.updateGeometry()
        self.contentsCollapsed.emit(self._isCollapsed)

    def _showOrHide(self, child: QtCore.QObject) -> None:
        """What was hidden by somebody else stays hidden. Nothing is done before the button itself is shown."""
        if not child.isWidgetType() or child.isWindow() or not self.testAttribute(Attribute.WA_WState_Created):
            return
        self._forcing = True
        isHidden = child.property("visibilityToParent") is False
        child.setVisible(not self._isCollapsed and not isHidden)
        if not isHidden:
            child.setAttribute(Attribute.WA_WState_ExplicitShowHide, False)
        self._forcing = False

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        child = event.child()
        if event.type() == QtCore.QEvent.Type.ChildAdded and child.isWidgetType():
            if child.testAttribute(Attribute.WA_WState_ExplicitShowHide) and child.isHidden():
                child.setProperty("visibilityToParent", False)
            child.installEventFilter(self)
            self._showOrHide(child)
        super().childEvent(event)

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """A child that is shown while the contents are hidden appears when they do."""
        if not self._forcing and event.type() == QtCore.QEvent.Type.ShowToParent:
            child.setProperty("visibilityToParent", True)
            self._showOrHide(child)
        elif not self._forcing and event.type() == QtCore.QEvent.Type.HideToParent:
            child.setProperty("visibilityToParent", False)
        return False

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        if self._isCollapsed:
            for child in self.children():
                self._showOrHide(child)

    def changeEvent(self, event: QtCore.QEvent) -> None:
        if event.type() in {QtCore.QEvent.Type.StyleChange, QtCore.QEvent.Type.FontChange}:
            self.setContentsMargins(0, self._headerSize().height(), 0, 0)
            if self._isCollapsed:
                self.setMaximumHeight(self.sizeHint().height())
        super().changeEvent(event)

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return 0 <= position.y() < self._headerSize().height()

    def sizeHint(self) -> QtCore.QSize:
        closed = self._headerSize() + QtCore.QSize(0, self._collapsedHeight)
        return closed if self._isCollapsed else super().sizeHint().expandedTo(closed)

    def minimumSizeHint(self) -> QtCore.QSize:
        if self._isCollapsed:
            return self._headerSize() + QtCore.QSize(0, self._collapsedHeight)
        return super().minimumSizeHint().expandedTo(self._headerSize()) if self.layout() else self._headerSize()

    def _headerSize(self) -> QtCore.QSize:
        """`Libs/Widgets/ctkCollapsibleButton.cpp:418`."""
        option, style = self._option(), self.style()
        indicator = style.pixelMetric(Style.PixelMetric.PM_IndicatorHeight, option, self)
        spacing = style.pixelMetric(Style.PixelMetric.PM_CheckBoxLabelSpacing, option, self)
        text = self.fontMetrics().size(QtCore.Qt.TextFlag.TextShowMnemonic, self.text or "XXXX")
        contents = QtCore.QSize(indicator + spacing + text.width(), max(indicator, text.height()))
        return style.sizeFromContents(Style.ContentsType.CT_PushButton, option, contents, self)

    def _option(self) -> QtWidgets.QStyleOptionButton:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.state |= Style.StateFlag.State_Sunken if self.down else Style.StateFlag.State_Raised
        if self._isFlat:
            option.features |= QtWidgets.QStyleOptionButton.ButtonFeature.Flat
        return option

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        """The button with an arrow at its left, in the style and palette of the application."""
        painter, style, option = QtGui.QPainter(self), self.style(), self._option()
        height = self._headerSize().height()
        option.rect = QtCore.QRect(0, 0, option.rect.width(), height)
        style.drawControl(Style.ControlElement.CE_PushButtonBevel, option, painter, self)
        size = style.pixelMetric(Style.PixelMetric.PM_IndicatorHeight, option, self)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect((height - size) // 2, (height - size) // 2, size, size)
        kind = Style.PrimitiveElement
        style.drawPrimitive(
            kind.PE_IndicatorArrowRight if self._isCollapsed else kind.PE_IndicatorArrowDown, arrow, painter, self
        )
        flags = QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter
        spacing = style.pixelMetric(Style.PixelMetric.PM_CheckBoxLabelSpacing, option, self)
        text = option.rect.adjusted(arrow.rect.right() + spacing, 0, 0, 0)
        role = QtGui.QPalette.ColorRole.ButtonText
        mnemonic = QtCore.Qt.TextFlag.TextShowMnemonic.value
        style.drawItemText(painter, text, flags.value | mnemonic, self.palette, self.enabled, self.text, role)
        painter.end()
