"""What is asked of a DICOMweb server (QIDO-RS, WADO-RS), by dicomweb-client; what goes wrong is a sentence.

GET studies?…                            which studies there are, page by page
GET studies/S/series                     the series of one
GET studies/S/series/E/instances         the images of one
GET studies/S/series/E/metadata          headers of all its images, or (…/instances/I/metadata) of one
GET studies/S/series/E, …/instances/I    the images themselves, as they are stored
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..downloads import ConnectionBrokenError, Patience
from ..errors import DownloadError, FmcibError
from ..readers.dicom.values import damage, quiet_pydicom, text_of
from .address import Address
from .credentials import Credentials
from .packages import import_package
from .session import Answer, make_session
from .trouble import NotGivenError, Trouble

if TYPE_CHECKING:
    from pydicom import Dataset

PAGE = 1000
"""Results that are asked for at once; a server may give fewer."""
_AS_STORED = (("application/dicom", "*"),)
"""In whichever transfer syntax the server has the images: nothing is unpacked or packed again."""
_LIBRARIES = ("dicomweb_client", "urllib3")
"""Their messages quote addresses, and these UIDs and patients."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Sent:
    """One image as it came."""

    study_uid: str
    series_uid: str
    uid: str
    content: bytes
    """A whole DICOM file."""


class Server:
    """A context manager; within it libraries say nothing."""

    def __init__(
        self,
        address: Address,
        credentials: Credentials,
        *,
        patience: Patience | None = None,
        authority: Path | None = None,
    ) -> None:
        """Contacts nobody yet.

        Raises:
            SourceError: `authority` is no file.
            DependencyError: dicomweb-client is not installed.
        """
        self.address = address
        self.patience = patience or Patience()
        self._trouble = Trouble(address.host, address.port, self.patience.silence, credentials.source)
        self._answer = Answer()
        self._session = make_session(address, credentials, self.patience, authority, self._answer)
        self._client = import_package("dicomweb_client").DICOMwebClient(
            address.url,
            session=self._session,
            permissive_uid=True,
            timeout=(self.patience.connect, self.patience.silence),
        )
        self._client.set_http_retry_params(retry=False)  # the session has its own patience
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(quiet_pydicom())
        for name in _LIBRARIES:
            logger = logging.getLogger(name)
            self._stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL + 1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.close()
        self._stack.close()

    def studies(self, filters: Mapping[str, str]) -> list[Dataset]:
        """The studies that meet filters, by keyword; what the server says of each.

        Raises:
            DownloadError: as of all methods here.
        """
        search = partial(self._client.search_for_studies, search_filters=dict(filters))
        return self._all(search, "StudyInstanceUID", "studies")

    def series(self, study: str, count: int | None, fields: Sequence[str] = ()) -> list[Dataset]:
        """The series of a study, of which there are `count`, if that is told; with further fields, if it has them."""
        search = partial(self._client.search_for_series, study, fields=list(fields) or None)
        return self._all(search, "SeriesInstanceUID", "series of a study", count)

    def instances(self, study: str, series: str, count: int | None) -> list[Dataset]:
        """The images of a series, of which there are `count`, if that is told."""
        search = partial(self._client.search_for_instances, study, series)
        try:
            return self._all(search, "SOPInstanceUID", "images of a series", count)
        except NotGivenError:  # some servers list no images, and tell of each
            return self.metadata(study, series)

    def metadata(self, study: str, series: str, instance: str = "") -> list[Dataset]:
        """The headers of a series, or of one of its images, without what is long."""
        if instance:
            return self._list(lambda: [self._client.retrieve_instance_metadata(study, series, instance)])
        return self._list(partial(self._client.retrieve_series_metadata, study, series))

    def images(self, study: str, series: str) -> Generator[Sent, None, None]:
        """The images of a series, as they come; each of them whole.

        Raises:
            ConnectionBrokenError: the rest did not come.
        """
        with self._asking():
            yield from self._whole(self._client.iter_series(study, series, media_types=_AS_STORED))

    def image(self, study: str, series: str, instance: str) -> Sent:
        """One image, whole."""
        with self._asking():
            dataset = self._client.retrieve_instance(study, series, instance, media_types=_AS_STORED)
            (sent,) = self._whole(iter([dataset]))
            return sent

    def _whole(self, datasets: Iterator[Any]) -> Iterator[Sent]:
        """Each once the next has begun, the last once the answer has ended: half an image is followed by nothing."""
        held = None
        for dataset in datasets:
            if held is not None:
                yield _sent(held)
            held = dataset
        if not self._answer.is_whole:
            raise self._trouble.ended()
        if held is not None:
            yield _sent(held)

    def _all(self, search: Callable[..., Any], keyword: str, what: str, count: int | None = None) -> list[Dataset]:
        """All pages of a search, each result once.

        A server that ignores pages answers the same again; one that gives fewer than it has, and no more, is told.
        """
        found: dict[str, Dataset] = {}
        asked = 0
        while True:
            page = self._list(partial(search, limit=PAGE, offset=asked))
            named = {text_of(each, keyword).strip(" \0"): each for each in page}
            new = {uid: each for uid, each in named.items() if uid and uid not in found}
            found |= new
            asked += len(page)
            if not new or (count is not None and len(found) >= count):
                break
        if page and not new and (self._answer.has_more or len(page) == PAGE or (count or 0) > len(found)):
            msg = (
                f"{self.address.host} gives {len(found)} {what} and says that there are more, but not how to get them: "
                "it knows no pages. Ask for fewer (--patient, --date)."
            )
            raise DownloadError(msg)
        return list(found.values())

    def _list(self, ask: Callable[[], Any]) -> list[Dataset]:
        """What is listed, asked for again where the connection breaks off."""
        from_json = import_package("pydicom").Dataset.from_json
        for attempt in range(self.patience.retries + 1):
            try:
                with self._asking():
                    answer: list[Json] = ask()
                    return [from_json(dict(each)) for each in answer]
            except ConnectionBrokenError:
                if attempt == self.patience.retries:
                    raise
                time.sleep(self.patience.before_retry(attempt + 1))
        raise AssertionError

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Errors of libraries as sentences, without theirs, which quote addresses: patients are named in these."""
        requests = import_package("requests")
        try:
            yield
        except (FmcibError, MemoryError):
            raise
        except requests.HTTPError as error:
            raise self._trouble.refused(error.response.status_code) from None
        except requests.RequestException as error:
            raise self._trouble.failed(error) from None
        except damage():
            is_half = self._answer.is_of_parts and not self._answer.is_whole  # half an image cannot be understood
            raise (self._trouble.ended() if is_half else self._trouble.no_dicomweb()) from None
        finally:
            self._answer.close()


def _sent(dataset: Any) -> Sent:  # noqa: ANN401  pydicom's FileDataset, with the bytes that it was read from
    uids = (text_of(dataset, name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
    study, series, uid = (uid.strip(" \0") for uid in uids)
    return Sent(study, series, uid, dataset.buffer.getvalue())
