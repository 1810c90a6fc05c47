"""Exit with 0 when the database or broker at this URL lets us in."""

import sys


def check(url: str) -> None:
    scheme = url.partition(":")[0]
    if scheme.startswith("postgres"):
        import psycopg

        psycopg.connect(url, connect_timeout=3).close()
    else:
        from kombu import Connection

        with Connection(url, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)


if __name__ == "__main__":
    try:
        check(sys.argv[1])
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
