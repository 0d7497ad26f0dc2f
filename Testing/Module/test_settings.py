"""The cache folder as a setting of this computer."""

from __future__ import annotations

import pytest
import slicer
from FMCIBModuleLib.Setup.Settings import Settings
from setup_support import Heard, Store
from worker_support import spinUntil


def test_without_a_choice_nothing_is_set():
    environment = {}
    settings = Settings(Store(), environment)
    settings.apply()
    assert environment == {}
    assert (settings.cacheFolder, settings.whyFixed) == ("", "")


def test_a_chosen_folder_holds_now_and_in_the_next_slicer(tmp_path):
    store, environment = Store(), {}
    Settings(store, environment).chooseCacheFolder(str(tmp_path / "large disk"))
    assert environment["FMCIB_HOME"] == str(tmp_path / "large disk")
    assert (tmp_path / "large disk").is_dir()
    fresh = {}
    settings = Settings(store, fresh)
    settings.apply()
    assert fresh["FMCIB_HOME"] == settings.cacheFolder == str(tmp_path / "large disk")
    assert not settings.isFixed


def test_the_choice_can_be_changed_and_taken_back(tmp_path):
    store, environment = Store(), {}
    settings = Settings(store, environment)
    settings.chooseCacheFolder(str(tmp_path / "a"))
    settings.chooseCacheFolder(str(tmp_path / "b"))
    assert environment["FMCIB_HOME"] == str(tmp_path / "b")
    settings.chooseCacheFolder("")
    assert environment == {}
    assert store == {}


def test_a_folder_that_an_administrator_has_set_is_fixed(tmp_path):
    store, environment = Store({"FMCIB/CacheFolder": str(tmp_path)}), {"FMCIB_HOME": "/hospital/fmcib"}
    settings = Settings(store, environment)
    settings.apply()
    assert environment == {"FMCIB_HOME": "/hospital/fmcib"}
    assert settings.cacheFolder == "/hospital/fmcib"
    assert "FMCIB_HOME" in settings.whyFixed
    with pytest.raises(ValueError, match="before Slicer started"):
        settings.chooseCacheFolder(str(tmp_path))


def test_a_slicer_that_this_one_starts_can_still_choose(tmp_path):
    """It inherits the variable that we have set."""
    store, environment = Store(), {}
    Settings(store, environment).chooseCacheFolder(str(tmp_path))
    inherited = dict(environment)
    assert not Settings(store, inherited).isFixed
    Settings(store, inherited).chooseCacheFolder(str(tmp_path / "other"))
    assert inherited["FMCIB_HOME"] == str(tmp_path / "other")


def test_a_folder_that_cannot_be_written_is_refused_and_the_former_stays(tmp_path):
    (tmp_path / "file").touch()
    store, environment = Store(), {}
    settings = Settings(store, environment)
    settings.chooseCacheFolder(str(tmp_path))
    with pytest.raises(ValueError, match="Choose another"):
        settings.chooseCacheFolder(str(tmp_path / "file" / "below"))
    assert environment["FMCIB_HOME"] == settings.cacheFolder == str(tmp_path)


def test_slicers_own_settings_keep_it(tmp_path):
    settings = Settings(environment={})
    settings.chooseCacheFolder(str(tmp_path))
    assert slicer.app.settings().value("FMCIB/CacheFolder") == str(tmp_path)
    settings.chooseCacheFolder("")
    assert not slicer.app.settings().contains("FMCIB/CacheFolder")


def test_the_engines_processes_use_the_folder(tmp_path, monkeypatch):
    from FMCIBModuleLib.Worker.TaskProcess import TaskProcess

    monkeypatch.delenv("FMCIB_HOME", raising=False)
    monkeypatch.delenv("FMCIB_HOME_OF_SLICER", raising=False)
    settings = Settings(Store())
    settings.chooseCacheFolder(str(tmp_path / "chosen"))
    task = TaskProcess()
    heard = Heard(task, "done", "failed")
    task.start("probe")
    spinUntil(lambda: heard.all)
    assert heard.of("done")[0][0]["cache_folder"] == str(tmp_path / "chosen")
    task.close()
    settings.chooseCacheFolder("")
