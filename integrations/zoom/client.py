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
    def __init__(
        self,
        session: requests.Session,
        app: App,
        *,
        token_url: str,
        api_root: str,
        judge: Judge,
        pace: Callable[[], None] = lambda: None,
    ) -> None:
        """`judge`: the error that an answer other than success stands for. `pace` is called before each request, to
        wait where Zoom takes only so many a second."""
        self._session = session
        self._app = app
        self._token_url = token_url
        self._root = api_root
        self._judge = judge
        self._pace = pace

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
        items: str | tuple[str, ...],
        query: Mapping[str, str],
        *,
        page_size: int | None = None,
        most_pages: int | None = None,
        judge: Judge | None = None,
    ) -> Iterator[Json]:
        """What stands under `items`, page by page; of several names, under the first that is there. The same page
        twice, or pages without end, are an error.

        Raises:
            ProviderError: of the family, also after some pages.
        """
        names = (items,) if isinstance(items, str) else items
        token, seen = "", set[str]()
        while token not in seen and len(seen) < (most_pages or MOST_PAGES):
            seen.add(token)
            asked = {**query, "page_size": str(page_size or PAGE_SIZE)} | ({"next_page_token": token} if token else {})
            answer = self.ask("GET", f"{path}?{urlencode(asked)}", judge=judge)
            listed = next((answer[name] for name in names if isinstance(answer.get(name), list)), None)
            if listed is None:
                raise Unexpected(WORDS.not_understood, detail=f"200, no list of {names[0]}")
            yield from (one for one in listed if isinstance(one, dict))
            following = answer.get("next_page_token")
            if not isinstance(following, str) or not following:
                return
            token = following
        raise Unexpected(WORDS.not_understood, detail="a list without an end")

    def get_token(self) -> Token:
        """One that is still good. Raises ProviderError."""
        return tokens.get_token(self._session, self._app, self._token_url)

    def drop_token(self, token: Token) -> None:
        """Zoom does not take it any more."""
        tokens.drop_token(self._app, self._token_url, token)

    def _send(self, method: str, path: str, body: Json | None) -> Answer:
        token = self.get_token()
        headers = {"Authorization": f"Bearer {token.value}", "Accept": "application/json"}
        data = None if body is None else orjson.dumps(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        self._pace()
        answer = send(self._session, method, self._root + path, words=WORDS, headers=headers, data=data)
        if is_token_refused(answer):
            self.drop_token(token)
        return answer
