"""Share links: what a token says, what is not believed, and the list of them."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_devices_nb import registration
from dash_devices_nb.errors import RegistrationError, ShareError
from dash_devices_nb.registration import ShareList, stable_secret
from dash_devices_nb.registration.tokens import Claim, sign, verify

NOW = 1_790_000_000.0
PLACE = "/user/x/dash-devices/bench/"
KEY = "k" * 43


@pytest.fixture(autouse=True)
def directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jupyter's runtime and data directories of this test's own."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def shares() -> ShareList:
    """The links of an app."""
    return ShareList("bench", PLACE)


def test_a_link_lets_in_until_its_time(shares: ShareList) -> None:
    """Its token stands for the record; a second after its time it has ended."""
    record = shares.issue("control", 1, "Ada", NOW)
    token = shares.token(record)
    assert shares.admit(token, NOW) == record
    assert (record.role, record.name, record.expires) == ("control", "Ada", NOW + 3600)
    assert shares.admit(token, NOW + 3599.9) == record
    with pytest.raises(ShareError, match="This share link has ended"):
        shares.admit(token, NOW + 3600)
    assert shares.records(NOW) == [record]
    assert shares.records(NOW + 3600) == []


def test_a_link_counts_for_one_app_at_one_place(shares: ShareList) -> None:
    """Another app, another base URL and another port refuse it, and list it not."""
    token = shares.token(shares.issue("view", 1, "", NOW))
    for other in (ShareList("bench-2", PLACE), ShareList("bench", "/user/y/dash-devices/bench/")):
        with pytest.raises(ShareError, match="not valid for this app"):
            other.admit(token, NOW)
        assert other.records(NOW) == []
    assert ShareList("bench", PLACE.replace("x", "%78")).admit(token, NOW)


def test_a_revoked_link_is_refused_by_who_looked_before(shares: ShareList) -> None:
    """Another process sees the change, and a kernel that restarts has the list."""
    record = shares.issue("view", 1, "", NOW)
    token = shares.token(record)
    server = ShareList("bench", PLACE)
    assert server.admit(token, NOW)
    ShareList("bench", PLACE).revoke(record.id, NOW)
    for each in (server, shares):
        with pytest.raises(ShareError, match="was revoked"):
            each.admit(token, NOW)
        assert "was revoked" in each.why_ended(record.id, NOW)
        assert each.records(NOW) == []


def test_without_its_list_no_link_counts(shares: ShareList, directories: Path) -> None:
    """A right signature is not enough."""
    token = shares.token(shares.issue("view", 1, "", NOW))
    (directories / "runtime/dash-devices/bench.shares").unlink()
    with pytest.raises(ShareError, match="was revoked"):
        shares.admit(token, NOW)


def test_the_list_and_the_key_are_the_users_alone(shares: ShareList, directories: Path) -> None:
    """Mode 0600; a list or key that others could have read or written is refused."""
    token = shares.token(shares.issue("view", 1, "", NOW))
    files = (directories / "runtime/dash-devices/bench.shares", directories / "data/dash_devices_key")
    assert token.rpartition(".")[2] not in files[0].read_text()
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o640)
        with pytest.raises(RegistrationError, match="has mode 0640, expected 0600"):
            ShareList("bench", PLACE).admit(token, NOW)
        file.chmod(0o600)
    assert shares.admit(token, NOW)


def test_a_list_that_others_may_read_since_it_was_read_is_refused(shares: ShareList, directories: Path) -> None:
    """Its content and its time are the same as before."""
    token = shares.token(shares.issue("view", 1, "", NOW))
    file = directories / "runtime/dash-devices/bench.shares"
    os.utime(file, (1e9, 1e9))
    assert shares.admit(token, NOW)
    file.chmod(0o640)
    with pytest.raises(RegistrationError, match="has mode 0640, expected 0600"):
        shares.admit(token, NOW)


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"version": 2, "shares": []}', '{"version": 1, "shares": [{}]}', '{"version": 1, "shares": 5}'],
)
def test_a_list_that_is_none_is_refused(shares: ShareList, directories: Path, content: str) -> None:
    """Nobody enters by a list that cannot be read."""
    token = shares.token(shares.issue("view", 1, "", NOW))
    file = directories / "runtime/dash-devices/bench.shares"
    file.write_text(content)
    with pytest.raises(RegistrationError, match=r"bench\.shares"):
        shares.admit(token, NOW)


def test_a_role_that_was_raised_in_the_list_is_refused(shares: ShareList, directories: Path) -> None:
    """The token and the list must say the same."""
    token = shares.token(shares.issue("view", 1, "", NOW))
    file = directories / "runtime/dash-devices/bench.shares"
    data = json.loads(file.read_text())
    data["shares"][0]["role"] = "control"
    file.write_text(json.dumps(data))
    with pytest.raises(ShareError):
        shares.admit(token, NOW)
    data["shares"][0]["role"] = "owner"
    file.write_text(json.dumps(data))
    with pytest.raises(RegistrationError, match="a role or an id that is not accepted"):
        shares.admit(token, NOW)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("owner", 8, ""), "role='owner'; a link gives 'view' or 'control'"),
        (("view", 0, ""), "hours=0; a link lasts more than 0"),
        (("view", float("nan"), ""), "hours=nan"),
        (("view", 9000, ""), "at most 8784 hours"),
        (("view", 8, "x" * 41), "at most 40 characters"),
        (("view", 8, "a\nb"), "one line"),
    ],
)
def test_what_cannot_be_shared_is_told(shares: ShareList, arguments: tuple[str, float, str], message: str) -> None:
    """The error says what is accepted."""
    with pytest.raises(ShareError, match=message):
        shares.issue(*arguments, NOW)


def test_the_list_does_not_grow_for_ever(shares: ShareList, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a limit for those that count, and those that ended long ago are dropped."""
    monkeypatch.setattr(registration.shares, "MOST", 3)
    for _ in range(3):
        shares.issue("view", 1, "", NOW)
    with pytest.raises(ShareError, match="3 share links, which is the limit"):
        shares.issue("view", 1, "", NOW)
    late = NOW + 8 * 86_400
    record = shares.issue("view", 1, "", late)
    assert shares._records() == [record]


def test_threads_and_processes_lose_no_link(shares: ShareList) -> None:
    """Changes happen under the directory's lock."""

    def issue() -> None:
        for _ in range(10):
            ShareList("bench", PLACE).issue("view", 1, "", NOW)

    threads = [threading.Thread(target=issue) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shares.records(NOW)) == 40


@given(st.text(max_size=80))
def test_no_text_is_a_token_by_itself(text: str) -> None:
    """Whatever somebody sends is refused with a sentence."""
    with pytest.raises(ShareError, match="This share link"):
        verify(text, lambda role: KEY)


@given(st.integers(0, 45), st.sampled_from("ABCxyz019_-.vc"))
def test_no_character_of_a_token_can_be_changed(place: int, character: str) -> None:
    """Neither id, role, end nor signature."""
    token = sign(Claim("aBcD1234efgh", "view", 1_790_000_000), KEY)
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    if changed == token:
        assert verify(token, lambda role: KEY) == Claim("aBcD1234efgh", "view", 1_790_000_000)
        return
    with pytest.raises(ShareError):
        verify(changed, lambda role: KEY)


def test_a_key_is_made_once_and_is_never_short(directories: Path) -> None:
    """The same for a purpose, another one for another purpose; a file that is no key is refused."""
    assert stable_secret("a") == stable_secret("a") != stable_secret("b")
    assert len(stable_secret("a")) == 43
    key = directories / "data/dash_devices_key"
    key.unlink()
    descriptor = os.open(key, os.O_CREAT | os.O_WRONLY, 0o600)
    os.close(descriptor)
    with pytest.raises(RegistrationError, match="has 0 bytes, expected 32"):
        stable_secret("a")


def test_where_the_directory_is_gone_nobody_enters_and_it_is_told_as_such(shares: ShareList, tmp_path: Path) -> None:
    """What the system says of it would end whoever looks after the open pages, and leave them open."""
    record = shares.issue("view", 1, "", NOW)
    token = shares.token(record)
    (tmp_path / "runtime").rename(tmp_path / "elsewhere")
    (tmp_path / "runtime").write_text("a file")
    with pytest.raises(RegistrationError, match="runtime"):
        shares.admit(token, NOW)
    with pytest.raises(RegistrationError, match="runtime"):
        shares.why_ended(record.id, NOW)


def test_a_list_that_is_nested_too_deeply_is_refused_like_any_other():
    """A file can be read by nobody, and harms nothing but itself."""
    with pytest.raises(RegistrationError, match=r"app\.shares: not JSON"):
        registration.shares._parsed(b"[" * 100_000, "app.shares")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expires", "1" + "0" * 400), ("expires", "true"), ("expires", "-1"), ("expires", "253402300800"),
        ("created", "NaN"), ("created", "Infinity"), ("created", "false"), ("revoked", "NaN"), ("revoked", "1e999"),
        ("name", '"half \\ud83d"'), ("name", '"two\\nlines"'), ("name", f'"{"x" * 41}"'), ("role", '"owner"'),
    ],
)  # fmt: skip
def test_values_that_nothing_writes_are_refused_with_the_file(
    shares: ShareList, directories: Path, field: str, value: str
) -> None:
    """Times that are none and names that cannot be shown: one file harms its own app, with a message, and no other."""
    record = shares.issue("view", 1, "Ada", NOW)
    token = shares.token(record)
    file = directories / "runtime/dash-devices/bench.shares"
    entry = {**json.loads(file.read_text())["shares"][0], field: "VALUE"}
    file.write_text(json.dumps({"version": 1, "shares": [entry]}).replace('"VALUE"', value))
    for attempt in (
        lambda: shares.admit(token, NOW),
        lambda: shares.records(NOW),
        lambda: shares.revoke(record.id, NOW),
    ):
        with pytest.raises(RegistrationError, match=r"bench\.shares"):
            attempt()
    other = ShareList("other", PLACE)
    assert other.admit(other.token(other.issue("view", 1, "", NOW)), NOW)


def test_links_without_end_leave_the_list_readable(shares: ShareList, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who makes and revokes links all day locks nobody out: where the list is full, those that ended first go."""
    monkeypatch.setattr(registration.shares, "LIST_BYTES", 10_000)
    lasting = shares.issue("view", 1000, "of the term", NOW)
    for number in range(100):
        record = shares.issue("view", 8, "", NOW + number * 60)
        shares.revoke(record.id, NOW + number * 60 + 1)
    end = NOW + 100 * 60
    assert (registration.directory() / "bench.shares").stat().st_size <= 10_000
    assert shares.admit(shares.token(lasting), end) == lasting
    with pytest.raises(ShareError, match="was revoked"):
        shares.admit(shares.token(record), end)
    assert shares.find(record.id) is not None


def test_links_that_count_are_never_forgotten_for_room(shares: ShareList, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where links of several places fill the list, who makes one more is told, and the others count on."""
    monkeypatch.setattr(registration.shares, "LIST_BYTES", 10_000)
    places = [ShareList("bench", f"/user/x{number}/dash-devices/bench/") for number in range(3)]
    made: list[tuple[ShareList, registration.ShareRecord]] = []

    def fill() -> None:
        while len(made) < 100:
            of = places[len(made) % 3]
            made.append((of, of.issue("view", 8, "é" * 40, NOW)))

    with pytest.raises(ShareError, match=r"share links of this app.* at most 10000 bytes: revoke some"):
        fill()
    assert len(made) > 20
    for of, record in made:
        assert of.admit(of.token(record), NOW) == record
