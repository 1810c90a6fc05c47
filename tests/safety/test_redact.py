import io
import json
import logging
import time
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.redact import REDACTED, JsonFormatter, RedactingFilter, format_exception, redact, redact_text, request_id

SECRET = "s3cr3t-Value.42"
NAMES = [
    "access_token",
    "refresh_token",
    "id_token",
    "code",
    "client_secret",
    "password",
    "state",
    "code_verifier",
    "assertion",
    "client_assertion",
    "csrfmiddlewaretoken",
    "sessionid",
    "SECRETS_KEYS",
    "SECRET_KEY",
    "api_key",
    "pwd",
    "tk",
    "zak",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "shape",
    [
        '{{"{name}": "{secret}", "kept": "kept"}}',
        '{{"{name}":"{secret}","kept":"kept"}}',
        "{{'{name}': '{secret}', 'kept': 'kept'}}",
        "{{'{name}': b'{secret}', 'kept': 'kept'}}",
        '{{\\"{name}\\": \\"{secret}\\", \\"kept\\": 1}}',
        "GET /x?{name}={secret}&kept=1 HTTP/1.1",
        "kept=1&{name}={secret}",
        "{name}={secret}&kept=1",
        "next=%2Fx%3F{name}%3D{secret}%26kept%3D1",
        "next=%252Fx%253F{name}%253D{secret}%2526kept%253D1",
        '"/x?a=1\\u0026{name}={secret}\\u0026kept=1"',
        "kept: {name}: {secret}",
        "kept {name} = {secret}",
        "kept ('{name}', '{secret}')",
        '<input name="kept" {name}="{secret}">',
    ],
)
def test_a_value_behind_a_telling_name_is_hidden_and_its_neighbors_kept(name: str, shape: str) -> None:
    text = redact_text(shape.format(name=name, secret=SECRET))
    assert SECRET not in text
    assert "s3cr3t" not in text
    assert REDACTED in text
    assert "kept" in text
    assert name in text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def", "abc.def"),
        ("Authorization: Basic bWU6cHc=", "bWU6cHc="),
        ("authorization: Negotiate YII", "YII"),
        ("{'Authorization': 'Bearer abc def'}", "abc"),
        ("Proxy-Authorization: Basic bWU6cHc=", "bWU6cHc="),
        ("Cookie: sessionid=abc; csrftoken=def", "def"),
        ("Set-Cookie: sessionid=abc; Path=/; HttpOnly", "abc"),
        ("sent Bearer Ab3defghij to it", "Ab3defghij"),
        ("ya29.a0AfH6SM-x_y was refused", "a0AfH6SM"),
        ("refresh 1//0gAbCdEfGhIjK-x failed", "0gAbCdEfGhIjK"),
        ("refresh 1%2F%2F0gAbCdEfGhIjK-x failed", "0gAbCdEfGhIjK"),
        ("the code 4/0AbCdEfGhIjKlMn was used", "AbCdEfGhIjKlMn"),
        ("the client GOCSPX-abcdefg", "abcdefg"),
        ("eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl rejected", "c2lnbmF0dXJl"),
        ("cannot connect to postgresql://portico:hunter2@db/portico", "hunter2"),
        ("redis://:hunter2@cache:6379/0", "hunter2"),
        ("https://zoom.us/j/123?pwd=Abc.1 and https://zoom.us/w/1?tk=Def#x", "Abc"),
        ("https://zoom.us/w/1?a=b&amp;tk=Defghi", "Defghi"),
        ('{"password": "with \\"quotes\\" and \\\\"}', "quotes"),
        (r"{\"password\": \"with \\\"quotes\\\" in it\"}", "quotes"),
        ('"password": "never closed', "never closed"),
        ("password=<odd>", "odd"),
        ("X-Goog-Channel-Token: abc", "abc"),
    ],
)
def test_other_shapes_of_secrets_are_hidden(text: str, secret: str) -> None:
    assert secret not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "status_code=404 and code=404",
        '{"error": {"code": 403, "errors": [{"reason": "quotaExceeded"}]}}',
        "sync failed code=rate_limited",
        '{"token_type": "Bearer", "expires_in": 3599}',
        "Basic authentication is off",
        "https://calendar.google.com:443/calendar/u/0/r?mail=alice@northwind.example",
        "alice@northwind.example reads 3 calendars in 12:30 minutes",
        "the state of Ohio, the code of conduct",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


token_text = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=", min_size=12, max_size=60
).map(lambda text: f"Z9{text}")


@given(
    name=st.sampled_from(NAMES),
    secret=st.text(min_size=8, max_size=60).map(lambda text: f"Z9{text}"),
    deep=st.booleans(),
)
def test_a_secret_of_any_characters_never_survives_json(name: str, secret: str, deep: bool) -> None:
    document = json.dumps({"before": 1, name: secret, "after": [1]}, ensure_ascii=False)
    if deep:
        document = json.dumps({"body": document}, ensure_ascii=False)
    clean = redact_text(document)
    assert "Z9" not in clean
    assert "before" in clean and "after" in clean


@given(name=st.sampled_from(NAMES), secret=st.text(min_size=8, max_size=60).map(lambda text: f"Z9{text}"))
def test_a_secret_of_any_characters_never_survives_a_form_or_a_url(name: str, secret: str) -> None:
    form = urlencode({"before": "1", name: secret, "after": "2"})
    for text in (form, f"https://x.test/?{form}", f"/?next={quote_plus('/cb?' + form)}", quote(quote(form))):
        clean = redact_text(text)
        assert "Z9" not in clean
        assert "before" in clean and "after" in clean


@given(secret=token_text)
def test_a_token_never_survives_in_a_header(secret: str) -> None:
    for text in (
        f"Authorization: Bearer {secret}",
        repr({"Authorization": f"Bearer {secret}"}),
        f"sent Bearer {secret}",
    ):
        assert secret not in redact_text(text)


@given(name=st.sampled_from(NAMES), secret=st.text(min_size=5).map(lambda text: f"Z9{text}"))
def test_a_secret_never_survives_a_mapping(name: str, secret: str) -> None:
    clean = redact({"outer": [{name: secret, "kept": "kept"}], name.upper(): {"x": secret}})
    assert "Z9" not in repr(clean)
    assert clean["outer"][0]["kept"] == "kept"


@given(st.text())
def test_redacting_any_text_never_fails_and_doing_it_twice_shows_no_more(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once).count(REDACTED) >= once.count(REDACTED)


@pytest.mark.parametrize(
    "piece",
    [
        'password="',
        'password=\\"',
        "password='",
        "eyJaaaaaa.",
        "-eyJaaaaaa",
        "Bearer ",
        "://a:",
        "code%3D",
        "a",
        '"',
        "\\",
        "token ",
    ],
)
def test_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    def measure(size: int) -> float:
        text = piece * (size // len(piece))
        started = time.process_time()
        redact_text(text)
        return time.process_time() - started

    measure(10_000)
    assert measure(400_000) < 12 * max(measure(100_000), 0.02)


def test_deep_and_odd_values_are_written_without_failing() -> None:
    deep: dict[str, object] = {}
    deep["self"] = deep
    assert "too deep" in repr(redact(deep))
    assert redact({1: (b"password=hunter2", None, True, 1.5)}) == {"1": [f"password={REDACTED}", None, True, 1.5]}


class Log:
    def __init__(self) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(JsonFormatter())
        handler.addFilter(RedactingFilter())
        self.logger = logging.getLogger("portico.test")
        self.logger.setLevel(logging.INFO)
        self.logger.propagate = False
        self.logger.handlers = [handler]

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_line_is_one_json_object_with_the_request_it_belongs_to(log: Log) -> None:
    token = request_id.set("abc123")
    try:
        log.logger.info("Synced %d events", 3, extra={"connection": "42"})
    finally:
        request_id.reset(token)
    log.logger.warning("After")
    first, second = log.lines()
    assert first.pop("time").endswith("+00:00")  # type: ignore[attr-defined]
    assert first == {
        "request_id": "abc123",
        "level": "INFO",
        "logger": "portico.test",
        "message": "Synced 3 events",
        "connection": "42",
    }
    assert "request_id" not in second


def test_arguments_extra_fields_and_mappings_are_redacted(log: Log) -> None:
    log.logger.info("password=%s", SECRET)
    log.logger.info(
        "x", extra={"refresh_token": SECRET, "body": f"code={SECRET}", "headers": {"Authorization": SECRET}}
    )
    log.logger.info({"message": "x", "access_token": SECRET})
    log.logger.info("x", extra={"request": type("R", (), {"__repr__": lambda self: f"<GET /cb?code={SECRET}>"})()})
    assert SECRET not in log.stream.getvalue()
    assert len(log.lines()) == 4


def test_arguments_that_do_not_fit_their_message_are_not_printed(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.logger.info("%d of %d", SECRET)
    captured = capsys.readouterr()
    assert SECRET not in log.stream.getvalue() + captured.out + captured.err
    assert "do not fit" in str(log.lines()[0]["message"])


def test_an_exception_is_written_with_its_cause_and_without_locals_or_secrets(log: Log) -> None:
    def fail() -> None:
        hidden_local = SECRET
        try:
            raise ValueError(f"refused: client_secret={hidden_local}")
        except ValueError as error:
            raise RuntimeError("the sign-in failed") from error

    try:
        fail()
    except RuntimeError as error:
        log.logger.exception("It failed: %s", error)
        assert SECRET not in format_exception(error)
    line = log.lines()[0]
    assert SECRET not in log.stream.getvalue()
    assert "ValueError: refused: client_secret=" in str(line["exception"])
    assert "RuntimeError: the sign-in failed" in str(line["exception"])
    assert "test_redact.py" in str(line["exception"])


@pytest.mark.parametrize("is_filtered", [True, False])
def test_the_filter_alone_and_the_formatter_alone_each_keep_a_secret(is_filtered: bool) -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "password=%s", (SECRET,), None, sinfo=f"code={SECRET}")
    record.refresh_token = SECRET
    try:
        raise ValueError(f"client_secret={SECRET}")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    if is_filtered:
        assert RedactingFilter().filter(record)
        formatted = logging.Formatter("%(message)s %(refresh_token)s").format(record)
    else:
        formatted = JsonFormatter().format(record)
    assert SECRET not in formatted
    assert "ValueError: client_secret=" in formatted


def test_the_log_of_the_project_goes_through_both() -> None:
    from django.conf import settings

    handlers = settings.LOGGING["handlers"].values()
    assert all("redact" in handler["filters"] and handler["formatter"] == "json" for handler in handlers)
    assert settings.LOGGING["filters"]["redact"]["()"] == "safety.redact.RedactingFilter"
    assert settings.LOGGING["formatters"]["json"]["()"] == "safety.redact.JsonFormatter"
