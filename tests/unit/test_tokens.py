"""Bootstrap tokens as values: their form, what they may be asked to be, the Secret that they are in the API."""

from __future__ import annotations

import base64
import random
import re
import secrets
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from bootstrap import tokens
from bootstrap.errors import UsageError
from bootstrap.files import Secret
from bootstrap.tokens import BootstrapToken, Token

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
GROUP = "system:bootstrappers:kubeadm:default-node-token"
TOKEN = Token("abcdef", Secret(b"0123456789abcdef"))


def test_new_tokens_have_the_form_that_the_control_plane_wants_and_are_all_different() -> None:
    made = [tokens.new(secrets.choice) for _ in range(200)]
    assert all(re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", token.reveal()) for token in made)
    assert len({token.id for token in made}) == len({token.secret for token in made}) == 200
    assert {c for token in made for c in token.reveal()} == {*"0123456789abcdefghijklmnopqrstuvwxyz."}


def test_a_token_is_made_of_nothing_but_the_choices() -> None:
    assert tokens.new(random.Random(1).choice) == tokens.new(random.Random(1).choice)
    assert tokens.new(lambda letters: letters[-1]).reveal() == "zzzzzz.zzzzzzzzzzzzzzzz"


def test_a_token_never_shows_its_secret_by_itself() -> None:
    assert f"{TOKEN} {TOKEN!r} {BootstrapToken(TOKEN)}".count("0123456789abcdef") == 0
    assert TOKEN.reveal() == "abcdef.0123456789abcdef"


@pytest.mark.parametrize(
    "content", [b"abcdef.0123456789abcdef", b"abcdef.0123456789abcdef\n", b"  abcdef.0123456789abcdef\r\n\n"]
)
def test_a_token_is_read_from_a_file(content: bytes) -> None:
    assert tokens.parse(content) == TOKEN


@pytest.mark.parametrize(
    "content",
    [b"", b"abcdef", b"abcdef.0123456789abcde", b"abcdef.0123456789abcdef0", b"ABCDEF.0123456789abcdef",
     b"abcdef:0123456789abcdef", b"abcde\xc3\xa9.0123456789abcdef", b"abcdef.0123456789abcdef\nabcdef.0123456789abcdef",
     b"\xff\xfe"],
)  # fmt: skip
def test_what_is_no_token_is_refused_without_being_quoted(content: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        tokens.parse(content)
    said = f"{caught.value} {caught.value.hint} {caught.value.evidence}"
    assert "0123456789abcde" not in said
    assert "is no bootstrap token" in said


def test_tokens_are_named_by_id_or_whole_each_once() -> None:
    assert tokens.ids_of(["abcdef", "ghijkl.0123456789abcdef", "abcdef.0123456789abcdef"]) == ("abcdef", "ghijkl")


@pytest.mark.parametrize(
    "word", ["abcde", "abcdef.", "abcdef.0123456789abcde", "ABCDEF", "bootstrap-token-abcdef", "abcdef\n", ""]
)
def test_what_names_no_token_is_told_by_its_place(word: str) -> None:
    with pytest.raises(UsageError, match="number 2 of the tokens named") as caught:
        tokens.ids_of(["ghijkl", word])
    assert "0123456789" not in str(caught.value)


@pytest.mark.parametrize(
    ("ttl", "seconds"), [("24h0m0s", 86400), ("24h", 86400), ("1h30m", 5400), ("1s", 1), ("90m", 5400), ("8760h", 31536000)]
)
def test_a_token_lives_as_long_as_it_was_told(ttl: str, seconds: int) -> None:
    assert tokens.expiry(ttl, NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("ttl", ["0", "0s", "0h0m0s"])
def test_a_token_that_lives_for_no_time_never_expires_as_with_kubeadm(ttl: str) -> None:
    assert tokens.expiry(ttl, NOW) is None


@pytest.mark.parametrize("ttl", ["", "1", "24", "1d", "-1h", "1h ", "never", "999ms", "1us", "3000000h"])
def test_what_is_no_lifetime_is_refused(ttl: str) -> None:
    with pytest.raises(UsageError, match="--ttl"):
        tokens.expiry(ttl, NOW)


@pytest.mark.parametrize(
    ("given", "usages"),
    [(["signing,authentication"], ("signing", "authentication")), (["signing", "authentication"], ("signing", "authentication")),
     (["authentication,authentication"], ("authentication",))],
)  # fmt: skip
def test_usages_are_a_list_in_either_form(given: list[str], usages: tuple[str, ...]) -> None:
    assert tokens.chosen_usages(given) == usages


@pytest.mark.parametrize("given", [["sign"], ["signing,Authentication"], ["signing authentication"], [""], [","], []])
def test_unknown_usages_are_refused(given: list[str]) -> None:
    with pytest.raises(UsageError, match="usage") as caught:
        tokens.chosen_usages(given)
    assert caught.value.hint == "--usages signing,authentication"


def test_groups_are_kubeadms_unless_they_are_given() -> None:
    both = ("signing", "authentication")
    assert tokens.chosen_groups([], both) == (GROUP,)
    assert tokens.chosen_groups(["system:bootstrappers:a,system:bootstrappers:b:c-1"], both) == (
        "system:bootstrappers:a", "system:bootstrappers:b:c-1"
    )  # fmt: skip
    assert tokens.chosen_groups([], ("signing",)) == ()


@pytest.mark.parametrize(
    "group",
    ["system:masters", "system:bootstrappers", "system:bootstrappers:", "system:bootstrappers:a-", "system:bootstrappers:A",
     "system:bootstrappers:a b", "x:system:bootstrappers:a", f"system:bootstrappers:{'a' * 257}", "system:bootstrappers:a\n"],
)  # fmt: skip
def test_a_group_that_the_api_server_would_refuse_is_refused(group: str) -> None:
    with pytest.raises(UsageError, match="is no group of tokens"):
        tokens.chosen_groups([group], ("authentication",))


def test_the_longest_group_is_none_too_long() -> None:
    longest = f"system:bootstrappers:{'a' * 256}"
    assert tokens.chosen_groups([longest], ("authentication",)) == (longest,)


def test_groups_of_a_token_that_authenticates_nobody_are_refused() -> None:
    with pytest.raises(UsageError, match="only with the usage authentication"):
        tokens.chosen_groups([GROUP], ("signing",))


def decoded(thing: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in thing["data"].items()}


def test_the_secret_of_a_token_has_kubeadms_keys_and_no_other() -> None:
    thing = tokens.secret_object(BootstrapToken(TOKEN, NOW, description="für cp9"))
    assert {key: value for key, value in thing.items() if key != "data"} == {
        "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
    }  # fmt: skip
    assert decoded(thing) == {
        "token-id": "abcdef", "token-secret": "0123456789abcdef", "expiration": "2030-01-02T03:04:05Z", "description": "für cp9",
        "usage-bootstrap-signing": "true", "usage-bootstrap-authentication": "true", "auth-extra-groups": GROUP,
    }  # fmt: skip


def test_what_a_token_does_not_have_has_no_key() -> None:
    thing = tokens.secret_object(BootstrapToken(TOKEN, None, ("signing",), ()))
    assert decoded(thing) == {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true"}


def test_times_of_other_zones_are_written_in_utc() -> None:
    tokyo = datetime(2030, 1, 2, 12, 4, 5, 999999, tzinfo=timezone(timedelta(hours=9)))
    assert tokens.rfc3339(tokyo) == "2030-01-02T03:04:05Z"


@pytest.mark.parametrize(
    "token",
    [BootstrapToken(TOKEN, NOW, description="x"), BootstrapToken(TOKEN, None, ("signing",), ()),
     BootstrapToken(TOKEN, NOW, ("authentication",), ("system:bootstrappers:a", "system:bootstrappers:b"))],
)  # fmt: skip
def test_a_token_is_what_its_secret_says(token: BootstrapToken) -> None:
    read = tokens.from_secret(tokens.secret_object(token))
    assert (read, read.usages) == (BootstrapToken(token.token, token.expires, tuple(sorted(token.usages)), token.groups,
                                                  token.description), tuple(sorted(token.usages)))  # fmt: skip


def broken(**changes: str | None) -> dict[str, Any]:
    """The Secret of a token with other values; None: without that key."""
    thing = tokens.secret_object(BootstrapToken(TOKEN, NOW))
    values = {**decoded(thing), **changes}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items() if value is not None}
    return {**thing, "data": data}


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (broken(**{"token-id": "zzzzzz"}), "its name is not bootstrap-token-zzzzzz"),
        (broken(**{"token-id": None}), "its token-id and token-secret make no token"),
        (broken(**{"token-secret": "short"}), "its token-id and token-secret make no token"),
        (broken(**{"token-secret": None}), "its token-id and token-secret make no token"),
        (broken(expiration="tomorrow"), "its expiration is no time"),
        (broken(expiration="2030-01-02T03:04:05"), "its expiration is a time of no zone"),
        ({**broken(), "data": {"token-id": "%%%"}}, "its data cannot be decoded"),
        ({**broken(), "data": {"token-id": "/w=="}}, "its data cannot be decoded"),
        ({**broken(), "data": None}, "its token-id and token-secret make no token"),
    ],
)
def test_secrets_that_are_no_tokens_say_why_and_show_nothing(thing: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$") as caught:
        tokens.from_secret(thing)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_usage_counts_only_where_it_is_true() -> None:
    assert tokens.from_secret(broken(**{"usage-bootstrap-signing": "false"})).usages == ("authentication",)


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        (BootstrapToken(TOKEN, None), ""),
        (BootstrapToken(TOKEN, NOW + timedelta(seconds=1)), ""),
        (BootstrapToken(TOKEN, NOW), "has expired at 2030-01-02T03:04:05Z"),
        (BootstrapToken(TOKEN, None, ("signing",)), "lacks the usage authentication"),
        (BootstrapToken(TOKEN, None, ()), "lacks the usage signing and authentication"),
        (BootstrapToken(TOKEN, None, groups=("system:bootstrappers:a",)),
         f"lacks the group {GROUP}, which joining nodes get their rights by"),
        (BootstrapToken(TOKEN, None, groups=(GROUP, "admins")), "has a group that API servers refuse: admins"),
    ],
)  # fmt: skip
def test_why_nobody_can_join_with_a_token(token: BootstrapToken, problem: str) -> None:
    assert tokens.problem_to_join(token, NOW) == problem


@pytest.mark.parametrize(
    ("left", "said"),
    [(timedelta(seconds=-1), "<expired>"), (timedelta(0), "<expired>"), (timedelta(milliseconds=500), "0s"),
     (timedelta(seconds=59), "59s"), (timedelta(minutes=1), "1m"), (timedelta(minutes=59, seconds=59), "59m"),
     (timedelta(hours=23, minutes=59), "23h"), (timedelta(days=1), "1d"), (timedelta(days=364, hours=23), "364d"),
     (timedelta(days=730), "2y")],
)  # fmt: skip
def test_time_left_is_said_as_kubeadm_does(left: timedelta, said: str) -> None:
    assert tokens.time_left(NOW + left, NOW) == said
    assert tokens.time_left(None, NOW) == "<forever>"
