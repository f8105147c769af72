"""A deed in the API is tried again, and the second try trusts no earlier answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap import deeds
from bootstrap.access import Access
from bootstrap.apiserver import ApiClient
from bootstrap.connection import NoAnswer
from tests.unit.test_waiting import CLUSTER


def test_after_a_failure_it_is_asked_again_which_api_server_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    trusted: list[float] = []
    answers = iter([NoAnswer("cut"), None])

    def any_api(*, ready_within_s: float) -> ApiClient:
        trusted.append(ready_within_s)
        return cast(ApiClient, None)

    def deed(api: Any) -> None:
        if (failure := next(answers)) is not None:
            raise failure

    monkeypatch.setattr(deeds.time, "sleep", lambda seconds: None)
    access = cast(Access, SimpleNamespace(cluster=CLUSTER, any_api=any_api, tell=lambda *told: None))
    deeds.retried(access, deed, "an object", lambda: False, deeds.time.monotonic())
    assert trusted == [deeds.READY_WITHIN_S, 0.0]
