"""`Source`: published files that are looked for here, and downloaded once where they are not."""

from __future__ import annotations

import contextlib
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from deapnets.errors import DataError, RunError
from deapnets.files.locking import locked

TIMEOUT = (5.0, 10.0)
"""Seconds a server may take to accept a connection, and to send the next bytes."""


@final
@dataclass(frozen=True, eq=False)
class Source:
    """Files of a dataset as they were published, with the checksum of each.

    Parameters
    ----------
    title
        What the data are called: "MNIST".
    name
        Of the folder that holds them: in the one that the environment variable ``DEAPNETS_DATA``
        names, and in the user's cache folder.
    files
        Names, and the MD5 of each.
    mirrors
        Base addresses, tried in this order.
    variable
        Environment variable of other mirrors, with blanks between them.
    otherwise
        What to do without these data, a sentence for the message of an error.
    """

    title: str
    name: str
    files: Mapping[str, str]
    mirrors: Sequence[str]
    variable: str
    otherwise: str

    def shared(self) -> Path | None:
        """Return ``$DEAPNETS_DATA/NAME``, or None where the variable is not set."""
        root = os.environ.get("DEAPNETS_DATA")
        return Path(root).expanduser() / self.name if root else None

    def cache(self) -> Path:
        """Return the folder for downloads: ``deapnets/NAME`` in the user's cache folder."""
        import pooch

        return Path(pooch.os_cache("deapnets")) / self.name

    def unusable(self, folder: Path) -> list[str]:
        """Return the names of the files that are not in the folder with the right checksum."""
        return [name for name, md5 in self.files.items() if checksum(folder / name) != md5]

    def download(self, folder: Path, mirrors: Sequence[str] | None = None) -> None:
        """Bring the files into a folder, all from the first mirror that can still give them.

        What is there with the right checksum is not fetched again; a file gets its name only when
        its checksum is right. Hold `sole` meanwhile, so that nobody else does the same.

        Parameters
        ----------
        folder
            Where to put them; it is made.
        mirrors
            Base addresses; none: no download. The default is the environment variable's, else the
            source's own.

        Raises
        ------
        DataError
            When no mirror has all files: it says which to fetch and where to put them.
        """
        failures = []
        for mirror in self.addresses() if mirrors is None else mirrors:
            try:
                for name in self.unusable(folder):
                    _fetch(f"{mirror.rstrip('/')}/{name}", folder / name, self.files[name])
            except (OSError, ValueError) as error:  # of requests, and of pooch: a wrong checksum
                failures.append(f"{mirror}: {_reason(error)}")
            else:
                return
        missing = self.unusable(folder)
        if missing:
            raise DataError(self._how_to_get(folder, missing, failures))

    def addresses(self) -> Sequence[str]:
        """Return the base addresses: those of the environment variable, else the mirrors."""
        return os.environ.get(self.variable, "").split() or self.mirrors

    def _how_to_get(self, folder: Path, files: Sequence[str], failures: Sequence[str]) -> str:
        """Return the message for data that are nowhere: what failed, and every way out."""
        reasons = "; ".join(failures) or "no mirror is given"
        shared = self.shared() or Path("$DEAPNETS_DATA", self.name)
        return (
            f"{self.title} is neither in {shared} nor in {folder}, and the download failed "
            f"({reasons}). Download {', '.join(files)} on another machine and put "
            f"{'it' if len(files) == 1 else 'them'} into {folder}. {self.otherwise}"
        )


@contextlib.contextmanager
def sole(folder: Path) -> Iterator[None]:
    """Make a folder and hold it while the block runs: other processes wait until it is done.

    Raises
    ------
    DataError
        When the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder, wait=True))
        except (OSError, RunError) as error:
            raise DataError(f"Downloads go to {folder}, and that failed: {error}") from error
        yield


def checksum(path: Path) -> str | None:
    """Return the MD5 of a file in hexadecimal digits, or None where there is no file."""
    import pooch

    return str(pooch.file_hash(str(path), alg="md5")) if path.is_file() else None


def _fetch(url: str, target: Path, md5: str) -> None:
    """Download a file; it gets its name only once its checksum is right."""
    import pooch

    # Identity: a server that compresses on the way would change the bytes that are summed.
    downloader = pooch.HTTPDownloader(
        timeout=TIMEOUT, chunk_size=2**16, headers={"Accept-Encoding": "identity"}
    )
    pooch.retrieve(
        url, known_hash=f"md5:{md5}", fname=target.name, path=target.parent, downloader=downloader
    )


def _reason(error: Exception) -> str:
    """Return the part of an error that tells something: requests puts it last."""
    cause = str(error).rpartition("Caused by ")[2]
    return textwrap.shorten(cause, 200, placeholder="...")
