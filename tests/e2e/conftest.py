"""Fixtures of the end-to-end tests: real programs, real TLS on loopback, certificates made when the test runs.

The build folder comes from PANNIER_BUILD (default: build). Nothing sleeps: programs say READY, sockets say the rest.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from real_store import RealStore  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="also what takes long")


@pytest.fixture
def full(request):
    return request.config.getoption("--full")


@pytest.fixture
def make_store(tmp_path):
    """make_store(name="store", **init options) -> RealStore that is made, not yet serving; stopped at the end."""
    stores = []

    def make(name="store", **options):
        store = RealStore(tmp_path / name, **options)
        stores.append(store)
        return store

    yield make
    for store in stores:
        store.stop()


@pytest.fixture
def store(make_store):
    """A store with one empty locality that serves."""
    store = make_store()
    store.serve()
    return store


@pytest.fixture
def make_locality(tmp_path):
    """make_locality(people=…) -> Locality that serves; ended with its devices."""
    from locality import Locality

    made = []

    def make(**options):
        folder = tmp_path / f"l{len(made)}"
        folder.mkdir()
        made.append(Locality(folder, **options))
        return made[-1]

    yield make
    for locality in made:
        locality.close()


@pytest.fixture
def locality(make_locality):
    return make_locality()
