"""Fixtures of the engine's tests alone; `../conftest.py` has those that the module's share."""

from __future__ import annotations

import locale
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def comma_locale(tmp_path, monkeypatch):
    """Set a locale with decimal commas, compiled on the spot, for the length of a test."""
    source = Path("/usr/share/i18n/locales/de_DE")
    if shutil.which("localedef") is None or not source.exists():
        pytest.skip("the sources of locales are not installed")
    folder = tmp_path / "locales"
    folder.mkdir()
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"], check=True, capture_output=True)
    monkeypatch.setenv("LOCPATH", str(folder))
    before = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    yield
    locale.setlocale(locale.LC_ALL, before)
