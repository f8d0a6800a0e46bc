"""Reading the file: which one, what it may be, and where the store lies."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from domain.mistakes import ConfigError
from launch.config import anchored, chosen_path, read_plain, read_whole

GOOD = '[web]\nport = 81\n[[check]]\nname = "a"\nkind = "tcp"\nhost = "h"\nport = 1\n'


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        read_whole("c.toml", {}, lambda path: text)
    return str(error.value)


def test_a_good_file_gives_settings_and_raw_checks() -> None:
    configuration = read_whole("/etc/n/c.toml", {}, lambda path: GOOD)

    assert configuration.settings.web.port == 81
    assert configuration.settings.storage.url == "sqlite:////etc/n/data/nocturne.db"
    assert configuration.checks == ({"name": "a", "kind": "tcp", "host": "h", "port": 1},)
    assert configuration.source == "/etc/n/c.toml"


def test_a_good_file_gives_raw_channels() -> None:
    text = '[[channel]]\nname = "a"\nkind = "webhook"\nurl = "${URL}"\n'

    configuration = read_whole("c.toml", {"URL": "https://h/"}, lambda path: text)

    assert configuration.channels == ({"name": "a", "kind": "webhook", "url": "${URL}"},)


def test_mistakes_in_tables_and_checks_are_told_together_in_the_order_of_the_file() -> None:
    text = '[[check]]\nname = "a"\nkind = "tpc"\n[web]\nport = 0\n'

    lines = refused(text).splitlines()

    assert [line.split(" ")[0] for line in lines] == ["c.toml:3:", "c.toml:5:"]


def test_reading_plain_tables_only_passes_over_the_checks() -> None:
    text = '[[check]]\nname = "a"\nkind = "tpc"\n'

    assert read_plain("c.toml", {}, lambda path: text).settings.web.port == 8050


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[web\n", "c.toml:1: not valid TOML: "),
        ("a = 1\na = 2\n", "c.toml:2: not valid TOML: "),
        ("a = 1\nb = [1,\n\n", "c.toml:2: not valid TOML: Invalid value"),
        ("a =", "c.toml:1: not valid TOML: Invalid value"),
        ("a = " + "[" * 5000, "c.toml: not valid TOML: it is nested too deeply"),
        ("a = " + "9" * 5000, "c.toml: not valid TOML: "),
        ("[check]\nname = 'a'\n", "c.toml:1: check: checks are a list of tables: write [[check]]"),
        ("check = 5\n", "c.toml:1: check = 5: checks are a list of tables"),
        ("[channel]\n", "c.toml:1: channel: channels are a list of tables: write [[channel]]"),
        ("channel = 5\n", "c.toml:1: channel = 5: channels are a list of tables"),
        ("[[channel]]\nname = 'a'\n", 'c.toml:1: channel "a": kind is missing'),
    ],
)
def test_a_file_of_the_wrong_form_is_refused(text: str, expected: str) -> None:
    assert refused(text).startswith(expected)


def test_a_file_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path) -> None:
    binary = tmp_path / "c.toml"
    binary.write_bytes(b"\xff\xfe")

    for path, reason in (
        (tmp_path / "none", "no such file"),
        (binary, "not UTF-8"),
        (tmp_path, ""),
    ):
        with pytest.raises(ConfigError, match="cannot be read") as error:
            read_plain(str(path), {})
        assert str(error.value).startswith(f"{path}: cannot be read: ")
        assert reason in str(error.value)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xef\xbb\xbf[web]\nport = 82\n")

    assert read_plain(str(path), {}).settings.web.port == 82


def test_the_file_is_the_argument_else_the_variable_else_beside_the_program() -> None:
    here = Path("/srv/nocturne")

    assert chosen_path("a.toml", {"NOCTURNE_CONFIG": "b.toml"}, here) == "a.toml"
    assert chosen_path(None, {"NOCTURNE_CONFIG": "b.toml"}, here) == "b.toml"
    assert chosen_path(None, {}, here) == "/srv/nocturne/config.toml"
    assert chosen_path(None, {}, Path.cwd()) == "config.toml"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///data/n.db", "sqlite:////etc/n/data/n.db"),
        ("sqlite:////var/n.db", "sqlite:////var/n.db"),
        ("postgresql://h/n", "postgresql://h/n"),
    ],
)
def test_a_relative_store_lies_beside_the_file(url: str, expected: str) -> None:
    assert anchored(url, PurePath("/etc/n")) == expected


@pytest.mark.parametrize(
    ("folder", "expected"), [("b", "{here}/b"), ("/mnt/disk", "/mnt/disk"), ("", "")]
)
def test_a_relative_folder_for_backups_lies_beside_the_file(
    tmp_path: Path, folder: str, expected: str
) -> None:
    path = tmp_path / "c.toml"
    path.write_text("")

    storage = read_plain(str(path), {"NOCTURNE_STORAGE__BACKUP_FOLDER": folder}).settings.storage

    assert storage.backup_folder == expected.format(here=tmp_path)
