"""The module's window in the host, for people without Slicer at hand. It is not Slicer, and says so.

make window                      # a chest phantom
make window CT=ct.nii.gz         # a scan of yours
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOOR = ROOT / "FMCIBModule" / "FMCIBModule.py"


def start() -> None:
    """Become the host, on the display if there is one; call this before anything of Slicer is imported."""
    sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "Testing" / "Module")]
    if sys.platform.startswith("linux") and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb" if os.environ.get("DISPLAY") else "wayland")
    import SlicerHost

    SlicerHost.start(testing=False)


def openWindow(style: str = "light"):
    """The host's desktop with the module in it."""
    from SlicerHost.Desktop import openDesktop, useStyle

    useStyle(style)
    return openDesktop(DOOR, "FMCIB")


def loadCt(path: str):
    """A scan from a file, or the phantom with its nodule in view."""
    import slicer

    if path:
        volumeNode = slicer.util.loadVolume(path)
        slicer.util.setSliceViewerLayers(background=volumeNode, fit=True)
        return volumeNode
    from FMCIBModuleLib.Window.SampleScans import loadPhantom

    return loadPhantom()


def main() -> int:
    start()
    import slicer

    if slicer.app.platformName == "offscreen":
        print("There is no display to open a window on. `make screenshots` writes pictures of it instead.")
        return 1
    desktop = openWindow()
    loadCt(sys.argv[1] if len(sys.argv) > 1 else "")
    desktop.renderNow()
    print("A stand-in for 3D Slicer with the FMCIB module. Close its window to end.")
    code = slicer.app.exec()
    import SlicerHost

    SlicerHost.unloadModule("FMCIBModule")
    return code


if __name__ == "__main__":
    sys.exit(main())
