"""A DICOMweb server that the user names -> its series, and whole series in a folder. Nothing else is contacted.

`address` (which servers may be named), `credentials` (never from the command line), `session` (one host, patience),
`server` (QIDO-RS and WADO-RS by dicomweb-client), `trouble` (what goes wrong, in sentences), `metadata` (DICOM JSON ->
what a header tells), `source` (what there is -> `worklist.Source`), `folder` (a series whole or not at all),
`fetch` (one series), `download` (those of a list of work).
"""

from __future__ import annotations

from .address import Address, is_address, parse_address
from .credentials import Credentials
from .download import Downloaded, download
from .server import Server
from .source import Listed, read_server

__all__ = [
    "Address",
    "Credentials",
    "Downloaded",
    "Listed",
    "Server",
    "download",
    "is_address",
    "parse_address",
    "read_server",
]
