"""Licence and consent: nothing is downloaded before the user has seen this, ticked and pressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..Signal import Signal

_DIGITS = 12
"""Of a checksum that are shown; all of them in its tool tip."""


class LicenceDialog:
    """What is downloaded, from whom and under which licence. It does not block: `agreed` tells.

    Attributes:
        widget: the dialog.
        agreed: emitted with (ID of the entry, name of the only mirror to ask or an empty text).
        asked: emitted with the ID of the entry whose repositories are to be asked for the licence that they name.
    """

    def __init__(self, uiPath: str, parent: Any = None) -> None:
        self.agreed, self.asked = Signal(), Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        if parent is not None:
            self.widget.setParent(parent, qt.Qt.Dialog)
        self._entries: Sequence[Mapping[str, Any]] = ()
        self._hosts: Mapping[str, Mapping[str, Any]] = {}
        self._isAsking = False
        self._aboutReports = escape(ui.reportedText.toolTip)
        ui.entryCombo.connect("currentIndexChanged(int)", self._showEntry)
        ui.agreeCheckBox.connect("toggled(bool)", self._onToggled)
        ui.agreeButton.connect("clicked(bool)", self._onAgree)
        ui.askLicenceButton.connect("clicked(bool)", self._onAsk)
        ui.declineButton.connect("clicked(bool)", lambda *_values: self.widget.reject())

    def open(self, entries: Sequence[Mapping[str, Any]], hosts: Sequence[Mapping[str, Any]]) -> None:
        """Show the first of these entries; `entries` and `hosts` as the engine's task `catalogue` tells them."""
        self._entries = entries
        self._hosts = {host["name"]: host for host in hosts}
        self.ui.entryCombo.clear()
        for entry in entries:
            self.ui.entryCombo.addItem(f"{entry['id']}: {entry['title']}", entry["id"])
        for widget in (self.ui.entryName, self.ui.entryCombo):
            widget.visible = len(entries) > 1
        self._showEntry(0)
        self.widget.open()

    def close(self) -> None:
        """Nobody is told."""
        self.agreed.disconnectAll()
        self.asked.disconnectAll()
        self.widget.reject()

    def showLicences(self, entryId: str, licences: Sequence[Mapping[str, Any]]) -> None:
        """What the repositories answered; as the engine's task `licences` tells it."""
        if self._entry()["id"] == entryId:
            self.ui.repositoryText.text = "<br>".join(_saidText(each) for each in licences)

    def endAsking(self) -> None:
        """Whatever came of it."""
        if self._isAsking:
            self._isAsking = False
            self.ui.repositoryText.text = _("not asked yet")
            self._enable()

    def _showEntry(self, index: int) -> None:
        """Consent is for one entry: another one wants its own."""
        if not 0 <= index < len(self._entries):
            return
        entry, ui = self._entries[index], self.ui
        licence = entry["licence"]
        ui.agreeCheckBox.checked = False
        title = _("{name}, {title}. Please read this before anything is downloaded.")
        ui.titleText.text = title.format(name=entry["id"], title=entry["title"])
        address = escape(licence["url"])
        ui.licenceText.text = f'{escape(licence["title"])}: <a href="{address}">{address}</a>'
        ui.meaningText.text = escape(licence["meaning"])
        ui.repositoryText.text = escape(entry.get("repository_licence", "")) or _("not asked yet")
        reports = entry.get("reported", ())
        ui.reportedText.text = "<br>".join(_reportText(each, _DIGITS) for each in reports) or _("none")
        ui.reportedText.toolTip = "<br>".join([self._aboutReports, *map(_reportText, reports)])
        ui.sizeText.text = _("{size:.0f} MB").format(size=entry["size"] / 1e6) if entry["size"] else _("not known")
        ui.hostsText.text = "<br>".join(self._hostText(name) for name in entry["hosts"])
        ui.unverifiedText.text = escape(", ".join(entry["unverified"])) or _("nothing")
        ui.citationText.text = escape(entry["citation"])
        ui.partText.text = _partText(entry)
        ui.partText.visible = bool(ui.partText.text)
        ui.mirrorCombo.clear()
        ui.mirrorCombo.addItem(_("Any, one after the other"), "")
        for mirror in entry["mirrors"]:
            ui.mirrorCombo.addItem(f"{mirror['name']} ({mirror['page']})", mirror["name"])

    def _hostText(self, name: str) -> str:
        host = self._hosts.get(name, {"purpose": "", "unverified": True})
        text = _("{name}: {purpose}").format(name=f"<b>{escape(name)}</b>", purpose=escape(host["purpose"]))
        return text + (" " + _("(not checked)") if host["unverified"] else "")

    def _entry(self) -> Mapping[str, Any]:
        return self._entries[max(self.ui.entryCombo.currentIndex, 0)]

    def _onToggled(self, *_values: object) -> None:
        self._enable()

    def _enable(self) -> None:
        """While the repositories are asked, nothing else can begin."""
        self.ui.agreeButton.enabled = self.ui.agreeCheckBox.checked and not self._isAsking
        self.ui.askLicenceButton.enabled = not self._isAsking

    def _onAsk(self, *_values: object) -> None:
        self._isAsking = True
        self.ui.repositoryText.text = _("asking…")
        self._enable()
        self.asked.emit(self._entry()["id"])

    def _onAgree(self, *_values: object) -> None:
        if not self.ui.agreeCheckBox.checked:
            return
        chosen = self._entry()["id"]
        mirror = self.ui.mirrorCombo.itemData(max(self.ui.mirrorCombo.currentIndex, 0)) or ""
        self.widget.accept()
        self.agreed.emit(chosen, mirror)


def _saidText(said: Mapping[str, Any]) -> str:
    """What one repository answered."""
    mirror, licence = escape(said["mirror"]), escape(said["licence"])
    if said["problem"]:
        return _("{mirror}: nobody knows. {problem}").format(mirror=mirror, problem=escape(said["problem"]))
    text = _("{mirror}: <b>{licence}, which is another than the one above: keep to the stricter one</b>")
    if not said["is_another"]:
        text = _("{mirror}: {licence}")
    return text.format(mirror=mirror, licence=licence or _("names none"))


def _reportText(report: Mapping[str, Any], digits: int = 0) -> str:
    """A checksum, whole or only so many digits of it, and who reports it."""
    algorithm, _colon, whole = report["checksum"].partition(":")
    shown = f"{whole[:digits]}…" if digits else whole
    return escape(_("{algorithm} {digits}, by {by}").format(algorithm=algorithm, digits=shown, by=report["by"]))


def _partText(entry: Mapping[str, Any]) -> str:
    """What an earlier download has left."""
    if entry["here"]:
        return _("It is here already, and is fetched again only if it was changed.")
    if not entry.get("part"):
        return ""
    if not entry["size"]:
        return _("{part:.0f} MB are here already; Download goes on.").format(part=entry["part"] / 1e6)
    text = _("{part:.0f} of {size:.0f} MB are here already; Download goes on.")
    return text.format(part=entry["part"] / 1e6, size=entry["size"] / 1e6)
