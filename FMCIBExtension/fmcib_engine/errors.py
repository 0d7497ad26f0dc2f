"""The exceptions of the engine, each with a message that says what was wanted, what came, and what to do.

    FmcibError
    |-- InputError              what the user gave
    |   |-- ImageError          a file or folder that cannot be read as a CT
    |   |   `-- SeriesError     DICOM slices that do not make one regular series
    |   |-- SeedError           a seed that is not a point inside the scan
    |   |-- TableError          a seed table with missing columns or rows
    |   |   `-- NamesScansError a seed table that names its scans, where another scan is given
    |   `-- SourceError         a source of series that cannot be read, or a filter with a wrong value
    |-- WeightsError            a checkpoint that is not the network's, strictly
    |   |-- UnidentifiedError   a file that may be several things: the user must say which
    |   `-- ReplacesError       a file in whose place another is: the user must allow it
    |-- HeadError               a file that is no head, or a head of other features
    |-- FeatureError            a network that gives no numbers
    |-- DeviceError             a device or precision that this machine does not have, or that does not work
    |-- LibraryError            a library beside PyTorch that does not compute the network, or computes other features
    |-- OutOfMemoryError        neither the device nor the CPU has room
    |-- OutputError             a result that cannot be written, or would overwrite one
    |   `-- ResumesError        a run that is there: the user must say whether to go on with it
    |-- DownloadError           no mirror gave the file, or no server the series, whole and right
    |-- TrainingError           a training that cannot go on
    |-- ClusterError            a cluster that is not reached, or does not compute what was asked
    |-- DependencyError         an optional package that is not installed
    `-- ProtocolError           bytes between two of our processes that are not a message

Messages name files by their last part only: they end up in tables and logs, and a folder's name may be a patient's.
"""


class FmcibError(Exception):
    """Base of every error that the engine raises on purpose."""


class InputError(FmcibError):
    """Something that the user gave is not usable."""


class ImageError(InputError):
    """A file or folder that cannot be read as a three-dimensional CT in HU."""


class SeriesError(ImageError):
    """DICOM files that do not make one regular series."""


class SeedError(InputError):
    """A seed that is not a finite point inside the scan."""


class TableError(InputError):
    """A seed table that lacks columns or rows, or has a cell that cannot be read."""


class SourceError(InputError):
    """A source of series that cannot be read as one, or a filter whose value cannot be meant."""


class NamesScansError(TableError):
    """A seed table that names its scans, and was given one beside them."""


class WeightsError(FmcibError):
    """A checkpoint that is not, name by name and shape by shape, the network's."""


class UnidentifiedError(WeightsError):
    """A file of weights that does not tell what it is: which published one, or a name of one's own, must be said."""


class ReplacesError(WeightsError):
    """A file of weights in the place of a differing one, which is replaced only where that is allowed."""


class HeadError(FmcibError):
    """A file that is no head, or a head that was made of other features."""


class FeatureError(FmcibError):
    """The network gave features that are not finite numbers."""


class DeviceError(FmcibError):
    """A device or precision that is not available here, or does not work."""


class LibraryError(FmcibError):
    """A library beside PyTorch that does not compute the network, or whose features differ by more than rounding."""


class OutOfMemoryError(FmcibError):
    """The work does not fit into the memory of the device, nor of the CPU."""


class OutputError(FmcibError):
    """A result that cannot be written, or that would overwrite another."""


class ResumesError(OutputError):
    """A run that is in the folder already, with which one may go on."""


class DownloadError(FmcibError):
    """A published file or a series that could not be fetched, or is not what its repository or server says."""


class TrainingError(FmcibError):
    """A training that cannot go on, such as one whose loss is no number any more."""


class ClusterError(FmcibError):
    """A cluster that is not reached, or whose workers do not compute what is asked."""


class DependencyError(FmcibError):
    """An optional package that this step needs is not installed."""


class ProtocolError(FmcibError):
    """Bytes from another process that are not a message of ours."""
