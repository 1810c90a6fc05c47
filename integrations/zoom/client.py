"""Requests to Zoom's REST API: a token for each, once more with a new one where Zoom refused it, and lists by pages."""

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlencode

import orjson
import requests

from integrations.errors import ProviderError, Unexpected
from integrations.providers.http import Answer, Json, parse_json, send
from integrations.zoom import tokens
from integrations.zoom.responses import WORDS, is_token_refused
from integrations.zoom.tokens import App, Token

PAGE_SIZE = 300
MOST_PAGES = 40

Judge = Callable[[Answer], ProviderError]


class ZoomClient:
    def __init__(self, session: requests.Session, app: App, *, token_url: str, api_root: str, judge: Judge) -> None:
        """`judge`: the error that an answer other than success stands for."""
        self._session = session
        self._app = app
        self._token_url = token_url
        self._root = api_root
        self._judge = judge

    def fetch_token(self) -> Token:
        """A new one, which proves the credentials and tells the scopes. Raises ProviderError."""
        return tokens.fetch_token(self._session, self._app, self._token_url)

    def ask(self, method: str, path: str, *, body: Json | None = None, judge: Judge | None = None) -> Json:
        """One request. Raises ProviderError."""
        answer = self._send(method, path, body)
        if is_token_refused(answer):
            answer = self._send(method, path, body)
        if answer.status == 204:
            return {}
        if answer.status not in (200, 201):
            raise (judge or self._judge)(answer)
        return parse_json(answer.body, WORDS)

    def list(
        self,
        path: str,
        items: str,
        query: Mapping[str, str],
        *,
        page_size: int | None = None,
        judge: Judge | None = None,
    ) -> Iterator[Json]:
        """What stands under `items`, page by page. The same page twice, or pages without end, are an error.

        Raises:
            ProviderError: of the family, also after some pages.
        """
        token, seen = "", set[str]()
        while token not in seen and len(seen) < MOST_PAGES:
            seen.add(token)
            asked = {**query, "page_size": str(page_size or PAGE_SIZE)} | ({"next_page_token": token} if token else {})
            answer = self.ask("GET", f"{path}?{urlencode(asked)}", judge=judge)
            listed = answer.get(items)
            if not isinstance(listed, list):
                raise Unexpected(WORDS.not_understood, detail=f"200, no list of {items}")
            yield from (one for one in listed if isinstance(one, dict))
            following = answer.get("next_page_token")
            if not isinstance(following, str) or not following:
                return
            token = following
        raise Unexpected(WORDS.not_understood, detail="a list without an end")

    def _send(self, method: str, path: str, body: Json | None) -> Answer:
        token = tokens.get_token(self._session, self._app, self._token_url)
        headers = {"Authorization": f"Bearer {token.value}", "Accept": "application/json"}
        data = None if body is None else orjson.dumps(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        answer = send(self._session, method, self._root + path, words=WORDS, headers=headers, data=data)
        if is_token_refused(answer):
            tokens.drop_token(self._app, self._token_url, token)
        return answer
