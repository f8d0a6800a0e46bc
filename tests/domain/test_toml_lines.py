"""Where keys stand in a TOML text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.toml_lines import lines

TEXT = '''# [web] in a comment's text
[web]
port = 80  # [[check]]
hosts = [
  "a]", # comment ]
  'b',
]

[[check]]
name = "one"
body = """
[[check]]
name = "no"
"""
headers = { a = "[", b = [1] }
[check.extra]
deep = 1

[[check]]
"na me" = 1
a.b = 2
'''


def test_tables_arrays_and_keys_have_their_lines() -> None:
    found = lines(TEXT)

    assert found[("web",)] == 2
    assert found[("web", "port")] == 3
    assert found[("web", "hosts")] == 4
    assert found[("check", 0)] == 9
    assert found[("check", 0, "name")] == 10
    assert found[("check", 0, "headers")] == 15
    assert found[("check", 0, "extra", "deep")] == 17
    assert found[("check", 1)] == 19
    assert found[("check", 1, "na me")] == 20
    assert found[("check", 1, "a", "b")] == 21
    assert ("check", 2) not in found


@given(st.text(alphabet="[]{}=\"'#\\.\n a1", max_size=60))
def test_any_text_gives_lines_within_it(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in lines(text).values())
