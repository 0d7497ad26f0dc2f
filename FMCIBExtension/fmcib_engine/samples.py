"""Public CTs to try the engine on: fetched only after consent, checked, kept in the cache folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from .cache import cache_folder
from .downloads import Bucket, Mirror, Patience, Progress, Wanted, fetch_folder, host_is_listed, only_one
from .downloads import fetch as fetch_file
from .errors import DownloadError, ImageError, InputError
from .readers import read_volume

HOSTS = {
    "github.com": "public sample scans",
    "*.githubusercontent.com": "public sample scans: where github.com redirects to",
    "storage.googleapis.com": "a public sample CT with a nodule (Imaging Data Commons), asked for in the window",
}
"""Host, and what it is contacted for."""


@dataclass(frozen=True)
class Sample:
    """A public scan."""

    file_name: str
    url: str
    sha256: str
    about: str


@dataclass(frozen=True)
class Series:
    """A public DICOM series with a lesion at a known place."""

    id: str
    title: str
    licence: str
    licence_url: str
    citation: str
    series_uid: str
    seed_lps: tuple[float, float, float]
    """Of the lesion, in mm."""
    bucket: Bucket
    unverified: tuple[str, ...]
    """What nobody could check."""

    @property
    def size(self) -> int:
        """Bytes that are fetched."""
        return self.bucket.size


CT_CHEST = Sample(
    file_name="CTChest.nrrd",
    url="https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/"
    "4507b664690840abb6cb9af2d919377ffc4ef75b167cb6fd0f747befdb12e38e",
    sha256="4507b664690840abb6cb9af2d919377ffc4ef75b167cb6fd0f747befdb12e38e",
    about="CTChest, a sample scan of 3D Slicer (from github.com)",
)

LIDC_0001 = Series(
    id="lidc-idri-0001",
    title="LIDC-IDRI-0001: chest CT with a lung nodule of 27 mm",
    licence="CC BY 3.0",
    licence_url="https://creativecommons.org/licenses/by/3.0/",
    citation="Armato III S.G. et al., Data From LIDC-IDRI, The Cancer Imaging Archive 2015, "
    "doi 10.7937/K9/TCIA.2015.LO9QL9SX; through NCI Imaging Data Commons",
    series_uid="1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192",
    seed_lps=(58.296875, 85.643753, -115.0),
    bucket=Bucket(  # folder, number and bytes: index of Imaging Data Commons, version 25
        base="https://storage.googleapis.com",
        name="idc-open-data",
        folder="37cf5cd8-d103-4cd0-a446-960bc0ed92a3",
        files=133,
        size=70_018_838,
    ),
    unverified=("that the bucket answers as its documentation says",),
)

SAMPLES: tuple[Sample, ...] = (CT_CHEST,)
SERIES: Mapping[str, Series] = MappingProxyType({LIDC_0001.id: LIDC_0001})


def cached(sample: Sample) -> Path | None:
    """The sample's file, if an earlier run fetched it."""
    path = samples_folder() / sample.file_name
    return path if path.is_file() else None


def fetch(sample: Sample) -> Path:
    """Download the sample, check its SHA-256, and keep it. **Call this only after the user agreed.**

    Raises:
        DownloadError: it cannot be fetched, or is not what it should be.
        OutputError: it cannot be written into the cache folder.
        DependencyError: requests, filelock or platformdirs is not installed.
    """
    mirror = Mirror("github", "url", sample.url, file=sample.file_name, sha256=sample.sha256)
    wanted = Wanted(sample.about, (mirror,), tuple(HOSTS), by_hand="Check the network, or give your own scan.")
    with only_one(samples_folder()):
        return cached(sample) or fetch_file(wanted, samples_folder()).path


def find_series(series_id: str) -> Series:
    """The series of an ID.

    Raises:
        InputError: there is none.
    """
    if series_id not in SERIES:
        msg = f"There is no sample {series_id!r}. Choose one of {', '.join(SERIES)}."
        raise InputError(msg)
    return SERIES[series_id]


def cached_series(series: Series) -> Path | None:
    """The folder of the series, if all its images are here, by their number: each has its name only when it is whole.

    Raises:
        DependencyError: as `cache_folder`.
    """
    folder = samples_folder() / series.id
    return folder if len(list(folder.glob("*.dcm"))) == series.bucket.files else None


def fetch_series(series: Series, *, patience: Patience | None = None, progress: Progress = lambda _, __: None) -> Path:
    """The folder of the series: download what is not here yet, and read it. **Call this only after the user agreed.**

    Raises:
        DownloadError: it cannot be fetched, or what came is not the whole series; what came is kept.
        OutputError: it cannot be written into the cache folder.
        DependencyError: requests, filelock or platformdirs, or SimpleITK or pydicom, is not installed.
    """
    if not host_is_listed(series.bucket.host, HOSTS):
        msg = f"{series.bucket.host} is not among the hosts of samples."
        raise DownloadError(msg)
    with only_one(samples_folder()):
        folder = cached_series(series)
        if folder and not _problem_of(series, folder):
            return folder
        folder = samples_folder() / series.id
        try:
            fetch_folder(series.bucket, folder, patience=patience, progress=progress)
        except DownloadError as error:
            where = f"Bucket {series.bucket.name}: {error}"
            msg = f"{series.title} could not be fetched. {where} Check the network, and try again."
            raise DownloadError(msg) from error
        if problem := _problem_of(series, folder):
            msg = f"What came of {series.title} is not the series that is known: {problem} Use a scan of your own."
            raise DownloadError(msg)
        return folder


def _problem_of(series: Series, folder: Path) -> str:
    """What is wrong with the series by our own reader: one CT, each image in its place, none beside it."""
    try:
        volume = read_volume(folder, series_uid=series.series_uid)
    except ImageError as error:
        return str(error)
    used = volume.source.files
    if used != series.bucket.files or volume.source.files_left_out:
        return f"{used} of {series.bucket.files} images can be used."
    return f"it has a fault ({volume.faults[0].reason})." if volume.faults else ""


def samples_folder() -> Path:
    """Where they lie; it may not exist yet.

    Raises:
        DependencyError: as `cache_folder`.
    """
    return cache_folder() / "samples"
