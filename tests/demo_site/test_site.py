"""The whole site, on each of the databases and caches that it may be given."""

from tests.components.mariadb import MariaDB
from tests.components.memcached import Memcached
from tests.components.postgresql import PostgreSQL
from tests.components.redis import Redis

from .conftest import RunPages


def test_pages_on_sqlite(run_pages: RunPages) -> None:
    """Without any setting, every page works on SQLite and the local-memory cache."""
    run_pages()


def test_pages_on_postgresql_and_redis(run_pages: RunPages, postgresql: PostgreSQL, redis: Redis) -> None:
    """DATABASE_URL and CACHE_URL bring the site to PostgreSQL and Redis; every page works there too."""
    run_pages(DATABASE_URL=f"postgres://postgres@127.0.0.1:{postgresql.port}/postgres", CACHE_URL=redis.url)


def test_pages_on_mariadb_and_memcached(run_pages: RunPages, mariadb: MariaDB, memcached: Memcached) -> None:
    """DATABASE_URL and CACHE_URL bring the site to MariaDB and memcached; every page works there too."""
    settings = mariadb.settings
    run_pages(
        DATABASE_URL=f"mysql://{settings['USER']}@127.0.0.1:{mariadb.port}/{settings['NAME']}",
        CACHE_URL=f"pymemcache://127.0.0.1:{memcached.port}",
    )
