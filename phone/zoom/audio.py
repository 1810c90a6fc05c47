"""The sound of a voicemail, passed on piece by piece as Zoom sends it, with the app's token to Zoom alone.

Reference: https://developers.zoom.us/docs/api/phone/#tag/voicemails/get/phone/voice_mails/download/{fileId}
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import requests

from integrations.errors import Gone, Refused, Unexpected, Unreachable
from integrations.providers.http import Answer
from integrations.zoom.client import ZoomClient
from integrations.zoom.responses import WORDS, is_token_refused
from phone.systems import Audio
from phone.zoom.responses import judge_voicemail
from safety import outbound

PIECE_BYTES = 64 * 1024
MOST_REDIRECTS = 5
MOST_REFUSAL_BYTES = 64 * 1024
parse_range = re.compile(r"bytes=(\d{1,12})-(\d{0,12})", re.ASCII).fullmatch
_is_host = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII).fullmatch
"""Where an address ends for one reader it may go on for another: behind a backslash, to name one."""
NOT_ZOOMS = (
    "This voicemail cannot be played: the address of its sound is not Zoom's. Tell your administrator, if it was left "
    "in the phone system that is set up now."
)


class Doors:
    """Which hosts are Zoom's: those that are set, and below the one that gives tokens (zoom.us, zoomgov.com) all."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._known = (settings["api_root"], settings["token_url"])
        host = (urlsplit(settings["token_url"]).hostname or "").lower()
        self._domain = host if "." in host and not host.rpartition(".")[2].isdigit() else ""

    def are_zooms(self, url: str) -> bool:
        if any(outbound.same_host(url, one) for one in self._known):
            return True
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        host = (parts.hostname or "").lower()
        is_below = bool(self._domain) and f".{host}".endswith(f".{self._domain}") and _is_host(host) is not None
        return is_below and parts.scheme == "https" and port in (None, 443) and "@" not in parts.netloc


@contextmanager
def fetch(
    session: requests.Session, client: ZoomClient, doors: Doors, url: str, *, range_header: str = ""
) -> Iterator[Audio]:
    """Raises Gone, Refused, or any other ProviderError; also while pieces are taken."""
    if not doors.are_zooms(url):
        raise Refused(NOT_ZOOMS, detail="audio elsewhere")
    wanted = range_header if parse_range(range_header) else ""
    response = _ask(session, client, doors, url, wanted)
    try:
        if response.status_code == 416:
            response.close()
            wanted = ""
            response = _ask(session, client, doors, url, wanted)
        if response.status_code not in (200, 206):
            raise judge_voicemail(_read_refusal(response))
        yield _make_audio(response, wanted)
    finally:
        response.close()


def _ask(session: requests.Session, client: ZoomClient, doors: Doors, url: str, wanted: str) -> requests.Response:
    """The last answer of a chain of redirects. A token that Zoom refuses is replaced once. Raises ProviderError."""
    for is_last_try in (False, True):
        token = client.get_token()
        response = _follow(session, doors, url, token.value, wanted)
        if response.status_code not in (400, 401):
            break
        refusal = _read_refusal(response)
        if not is_token_refused(refusal) or is_last_try:
            raise judge_voicemail(refusal)
        client.drop_token(token)
    return response


def _follow(session: requests.Session, doors: Doors, url: str, token: str, wanted: str) -> requests.Response:
    """Raises Refused, Gone, Unreachable, Unexpected."""
    for _ in range(MOST_REDIRECTS + 1):
        # As it is: the bytes that a range names are those of the file.
        headers = {"Accept-Encoding": "identity", "Accept": "audio/*"} | ({"Range": wanted} if wanted else {})
        if doors.are_zooms(url):
            headers["Authorization"] = f"Bearer {token}"
        try:
            response = session.get(url, headers=headers, allow_redirects=False, stream=True)
        except outbound.Blocked as error:
            raise Refused(NOT_ZOOMS, detail=error.sentence) from error
        except (requests.exceptions.RequestException, OSError) as error:
            raise Unreachable(WORDS.unreachable, detail=type(error).__name__) from error
        target = response.headers.get("Location")
        if response.status_code not in (301, 302, 303, 307, 308) or not target:
            return response
        response.close()
        following = urljoin(url, target)
        if urlsplit(url).scheme == "https" and urlsplit(following).scheme != "https":
            raise Refused(NOT_ZOOMS, detail="audio by http")
        url = following
    raise Unexpected(WORDS.not_understood, detail="redirects without an end")


def _read_refusal(response: requests.Response) -> Answer:
    try:
        with response:
            body = next(response.iter_content(MOST_REFUSAL_BYTES), b"")
    except (requests.exceptions.RequestException, OSError):
        body = b""
    if response.status_code == 404 and not body.lstrip().startswith(b"{"):
        # A store of files behind a redirect speaks no language of Zoom's.
        raise Gone(detail="404")
    return Answer(response.status_code, response.headers, body)


def _make_audio(response: requests.Response, wanted: str) -> Audio:
    """Where the server has not heard of ranges, what was asked for is cut out of the whole."""
    length = _read_length(response)
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if response.status_code == 206:
        return Audio(206, kind, length, response.headers.get("Content-Range", ""), _take(response))
    cut = parse_range(wanted)
    first, last = (int(cut[1]), int(cut[2] or 10**12)) if cut else (0, 10**12)
    if not cut or length is None or not first < length or last < first:
        return Audio(200, kind, length, "", _take(response))
    last = min(last, length - 1)
    pieces = _cut(_take(response), first, last + 1 - first)
    return Audio(206, kind, last + 1 - first, f"bytes {first}-{last}/{length}", pieces)


def _read_length(response: requests.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    is_packed = response.headers.get("Content-Encoding", "identity") != "identity"
    return int(text) if text.isascii() and text.isdigit() and not is_packed else None


def _take(response: requests.Response) -> Iterator[bytes]:
    """Raises Unreachable, Unexpected."""
    try:
        yield from response.iter_content(PIECE_BYTES)
    except outbound.TooBig as error:
        raise Unexpected(WORDS.not_understood, detail="audio longer than Portico reads") from error
    except (requests.exceptions.RequestException, OSError) as error:
        raise Unreachable(WORDS.unreachable, detail=type(error).__name__) from error


def _cut(pieces: Iterator[bytes], skip: int, most: int) -> Iterator[bytes]:
    for piece in pieces:
        if skip >= len(piece):
            skip -= len(piece)
            continue
        part = piece[skip : skip + most]
        skip, most = 0, most - len(part)
        yield part
        if not most:
            return
