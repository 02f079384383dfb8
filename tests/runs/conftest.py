"""What tests of runs share."""

import pytest


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of records that were read whole."""
    from offline_bench.runs import store

    seen: list[str] = []
    read = store.from_text
    monkeypatch.setattr(store, "from_text", lambda text, where: (seen.append(text), read(text, where))[1])
    return seen
