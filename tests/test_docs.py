"""Docs are tests: what the code has stands in the docs, and what the docs name is in the code."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

import app
from dashboard.access import ROUTES
from domain import rulefields, ruletable, windowtable
from domain.checktable import COMMON
from domain.settings import Settings
from domain.settingtables import PLAIN, TABLES, parse_settings
from domain.units import unit_of
from domain.version import VERSION
from launch import commands
from launch.orphan import VARIABLE as SUPERVISOR
from monitor.checks import Kind, http, kinds, system
from monitor.definitions import build
from monitor.stock import STOCK

ROOT = Path(__file__).parent.parent
CHECKS, API, OPERATING, ALERTING = (
    ROOT / "docs" / f"{name}.md" for name in ("checks", "api", "operating", "alerting")
)
DOCS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "bench/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
)

HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
METRIC = re.compile(rf'"((?:{"|".join({*kinds(), "tls"})})(?:\.[a-z0-9_]+)+)"')
# Screenshots are made by `make screens`: a checkout without them is whole.
SCREENS = ROOT / "docs" / "screens"

# What may stand in no file: paths of a machine on which this was made, hosts of package registries.
MACHINE = re.compile(
    rb"(?<![\w.\-])/(?:work|root)/|/tmp/prep|pypi\.org|pythonhosted\.org|registry\.npmjs\.org"
)
CHECKERS = {"tests/test_docs.py"}


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, up to the next heading of any level."""

    level: int
    title: str
    text: str

    def tables(self) -> Iterator[tuple[str, list[list[str]]]]:
        """Its tables: the first cell of the head, and the rows as cells."""
        for block in re.findall(r"(?:^\|.*\n)+", self.text + "\n", re.MULTILINE):
            head, _, *rows = [cells(line) for line in block.splitlines()]
            yield head[0], rows

    def table(self, head: str) -> dict[str, list[str]]:
        """The rows of its tables with this head, by the code in their first cell."""
        return {
            code: row[1:]
            for first, rows in self.tables()
            if first == head
            for row in rows
            for code in CODE.findall(row[0])
        }


# How a placeholder in an address looks in its example.
EXAMPLES = {"{name}": r"\w+", "{command_id}": r"\d+", "{incident_id}": r"INC-\d{8}-\d{4}"}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def sections(path: Path) -> list[Section]:
    # A comment in an example is no heading.
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    found = list(HEADING.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    return [
        Section(len(each[1]), each[2], text[each.end() : end])
        for each, end in zip(found, ends, strict=True)
    ]


def below(path: Path, title: str) -> list[Section]:
    """The sections one level below the one of this title."""
    found = sections(path)
    at = next(index for index, each in enumerate(found) if each.title == title)
    inside: list[Section] = []
    for each in found[at + 1 :]:
        if each.level <= found[at].level:
            break
        inside.append(each)
    return [each for each in inside if each.level == found[at].level + 1]


def section(path: Path, title: str) -> Section:
    return next(each for each in sections(path) if each.title == title)


def named(found: Sequence[Section]) -> dict[str, Section]:
    """The sections whose title is code, by that code."""
    return {each.title.strip("`"): each for each in found if each.title.startswith("`")}


def toml(cell: str) -> Any:
    """The value of a default's cell."""
    return tomllib.loads(f"value = {cell.strip('`')}")["value"]


# ── Configuration ───────────────────────────────────────────────────────────────────────────────


def test_the_docs_have_every_plain_table_and_no_other() -> None:
    documented = named(below(CHECKS, "Tables")).keys()

    assert documented == {f"[{name}]" for name in TABLES}


@pytest.mark.parametrize("table", sorted(TABLES))
def test_the_docs_have_every_key_of_a_table_with_its_default(table: str) -> None:
    model, fields = TABLES[table]
    rows = named(below(CHECKS, "Tables"))[f"[{table}]"].table("key")

    documented = {key: fields[key].read(toml(row[1])) for key, row in rows.items() if key in fields}

    assert rows.keys() == fields.keys()
    assert documented == {
        key: getattr(model(), field.attribute or key) for key, field in fields.items()
    }


def test_the_docs_have_every_plain_name_and_what_it_means() -> None:
    rows = section(CHECKS, "Environment").table("variable")

    assert {name: row[0].strip("`") for name, row in rows.items()} == {
        name: f"{table}.{key}" for name, (table, key, _) in PLAIN.items()
    }


def test_the_variables_that_the_docs_name_exist() -> None:
    known = {f"NOCTURNE_{name}__{key}".upper() for name in TABLES for key in TABLES[name][1]}
    known |= {"NOCTURNE_CONFIG", SUPERVISOR}

    mentioned = {
        name for path in DOCS for name in re.findall(r"NOCTURNE_[A-Z_]*[A-Z]", path.read_text())
    }

    assert "NOCTURNE_WEB__PORT" in mentioned
    assert mentioned <= known


def test_the_docs_have_every_field_that_all_checks_share_and_no_other() -> None:
    rows = section(CHECKS, "Fields of every check").table("field")

    assert rows.keys() == COMMON.keys()
    assert {key for key, row in rows.items() if row[1] == "required"} == {"name", "kind"}


# ── Alerting ────────────────────────────────────────────────────────────────────────────────────


def test_the_docs_have_every_key_of_a_rule_and_no_other() -> None:
    assert section(ALERTING, "Rules").table("key").keys() == rulefields.KEYS.keys()


def test_the_docs_have_every_key_of_a_maintenance_window_and_no_other() -> None:
    assert section(ALERTING, "Maintenance").table("key").keys() == windowtable.READERS.keys()


def test_the_docs_have_every_shipped_rule_with_its_levels() -> None:
    rows = section(ALERTING, "Stock rules").table("id")

    assert rows.keys() == STOCK.keys()
    for name, (metric, levels, held) in rows.items():
        rule = STOCK[name]
        at = [level(rule.get(key)) for key in ("warning", "critical")]  # type: ignore[arg-type]
        told = f"`{rule['operator']}` {' / '.join(at)} "
        assert levels.startswith(told), name
        assert (metric, held) == (
            f"`{rule['metric']}`",
            f"`{rule['for']}`" if "for" in rule else "at once",
        )


def test_the_rules_and_windows_in_the_docs_can_be() -> None:
    for language, text in FENCED.findall(ALERTING.read_text(encoding="utf-8")):
        document = tomllib.loads(text) if language == "toml" else {}
        assert ruletable.examine(document.get("rule", []))[1] == ()
        assert windowtable.examine(document.get("maintenance", []))[1] == ()


# ── Kinds ───────────────────────────────────────────────────────────────────────────────────────


def test_the_docs_have_every_kind_and_no_other() -> None:
    assert named(below(CHECKS, "Kinds")).keys() == kinds().keys()


@pytest.fixture(params=sorted(kinds()))
def kind(request: pytest.FixtureRequest) -> Kind:
    return kinds()[request.param]


@pytest.fixture
def documented(kind: Kind) -> Section:
    return named(below(CHECKS, "Kinds"))[kind.name]


def test_the_docs_have_every_field_of_a_kind_with_its_default(
    kind: Kind, documented: Section
) -> None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind.model)}
    rows = documented.table("field")

    assert rows.keys() == fields.keys()
    for key, field in fields.items():
        assert default_of(field) == default_in(rows[key][1]), key


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    if field.required:
        return "required"
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return list(field.default) if isinstance(field.default, tuple) else field.default


def default_in(cell: str) -> Any:
    if cell in ("required", "none"):
        return {"required": "required", "none": None}[cell]
    return toml(cell)


def metrics_in_code(kind: Kind) -> set[str]:
    """The names of metrics that stand in the files of a kind."""
    files = [ROOT / f"{kind.model.__module__.replace('.', '/')}.py"]
    if kind.name == "system":
        files.append(ROOT / "monitor" / "sampling.py")
        files.append(ROOT / "monitor" / "machine" / "metrics.py")
    found = {name for file in files for name in METRIC.findall(file.read_text(encoding="utf-8"))}
    found |= {rule.metric for rule in kind.rules}
    if kind.name == "http":  # these names are put together there
        found |= {f"http.{phase}_ms" for phase in (*http.PHASES, "dns")}
    return found


def test_the_docs_have_every_metric_of_a_kind_with_its_unit(
    kind: Kind, documented: Section
) -> None:
    rows = documented.table("metric")

    assert rows.keys() == metrics_in_code(kind)
    words = {"d": "days"}
    assert {name: row[0] for name, row in rows.items()} == {
        name: words.get(unit_of(name), unit_of(name)) for name in rows
    }


def test_the_headline_of_a_kind_is_where_the_docs_say(kind: Kind, documented: Section) -> None:
    first = next(iter(documented.table("metric")))

    assert first == kind.headline


@pytest.mark.parametrize("resource", sorted(system.HEADLINES))
def test_the_headline_of_a_resource_is_where_the_docs_say(resource: str) -> None:
    text = named(below(CHECKS, "Kinds"))["system"]
    names = [name for name in text.table("metric") if name.startswith(f"system.{resource}.")]
    exceptions = re.findall(r"`(system\.[a-z0-9_.]+)`", text.text.split("| metric |")[0])

    expected = next((name for name in exceptions if name in names), names[0])

    assert system.HEADLINES[resource] == expected


def test_the_docs_have_every_stock_rule_with_its_levels(kind: Kind, documented: Section) -> None:
    stock = kind.rules
    if kind.name == "system":
        stock = tuple(
            rule
            for resource in system.HEADLINES
            for rule in system.SystemCheck(resource=resource).stock_rules()  # type: ignore[arg-type]
        )

    rows = documented.table("rule on")

    assert rows == {
        rule.metric: [f"`{rule.operator.value}`", level(rule.warning), level(rule.critical)]
        for rule in stock
    }


def level(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


# ── Examples ────────────────────────────────────────────────────────────────────────────────────


def examples() -> Iterator[tuple[str, str]]:
    for path in DOCS:
        for language, text in FENCED.findall(path.read_text(encoding="utf-8")):
            if language == "toml" and "[[check]]" in text:
                yield path.name, text
    yield "config.toml", commented((ROOT / "config.toml").read_text(encoding="utf-8"))


def commented(text: str) -> str:
    """The example checks in the comments of a configuration."""
    blocks = re.findall(r"^# \[\[check\]\]\n(?:# .*\n)+", text, re.MULTILINE)
    return "".join(re.sub(r"^# ?", "", block, flags=re.MULTILINE) for block in blocks)


@pytest.mark.parametrize(("place", "text"), list(examples()))
def test_an_example_is_a_valid_configuration(place: str, text: str) -> None:
    document = tomllib.loads(text)
    given: list[dict[str, Any]] = document["check"]
    environ = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", text), "12345")

    settings, mistakes = parse_settings(document, {})
    watched = build([*given, *missing_parents(given)], settings, environ, read_file=lambda _: "s3")

    assert mistakes == ()
    assert {each["name"] for each in given} <= {each.definition.name for each in watched}


def missing_parents(tables: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    entries = [entry for table in tables for entry in table.get("depends_on", [])]
    wanted = {name for entry in entries for name in ([entry] if isinstance(entry, str) else entry)}
    extra = {"kind": "tcp", "host": "localhost", "port": 1}
    return [{"name": name, **extra} for name in wanted - {table["name"] for table in tables}]


def test_every_kind_has_an_example() -> None:
    shown = {
        table["kind"]
        for place, text in examples()
        if place == CHECKS.name
        for table in tomllib.loads(text)["check"]
    }

    assert shown == kinds().keys()


def test_the_shipped_configuration_is_valid_and_holds_the_defaults() -> None:
    document = tomllib.loads((ROOT / "config.toml").read_text(encoding="utf-8"))

    settings, mistakes = parse_settings(document, {})

    assert mistakes == ()
    assert settings == Settings()
    assert build(document["check"], settings, {})


# ── Routes and sub-commands ─────────────────────────────────────────────────────────────────────


def is_dashs_own(rule: str) -> bool:
    return rule in ("/", "/<path:path>") or rule.startswith(("/_", "/assets/"))


def in_braces(rule: str) -> str:
    """A rule as the docs write it: `/checks/{name}`."""
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule)


def test_the_docs_have_every_route_with_its_role_and_an_example() -> None:
    expected = {
        f"{method} {in_braces(rule)}": role
        for (rule, method), role in ROUTES.items()
        if not is_dashs_own(rule)
    }
    words = {"NOBODY": "none"}
    routes = {
        title: each
        for title, each in named(sections(API)).items()
        if title.split()[0].isupper() and " " in title
    }

    assert routes.keys() == expected.keys()
    for title, each in routes.items():
        role = expected[title].name
        assert f"Role: `{words.get(role, role.lower())}`" in each.text, title
    assert_each_has_an_example(API.read_text(encoding="utf-8"), list(routes))


def assert_each_has_an_example(text: str, routes: Sequence[str]) -> None:
    for title in routes:
        own = re.split(r"^#", text.split(f"### `{title}`\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
        method, address = title.split()
        pattern = (
            re.escape(address)
            .replace(r"\{name\}", r"[\w-]+")
            .replace(r"\{silence_id\}", r"\d+")
            .replace(r"\{key_id\}", r"\d+")
            .replace(r"\{token\}", r"noc_…")
            .replace(r"\{what\}", r"(?:start|fail|log|\d+)")
            .replace(r"\{command_id\}", r"\d+")
            .replace(r"\{incident_id\}", r"INC-\d{8}-\d{4}")
        )
        [example] = [code for language, code in FENCED.findall(own) if language == "sh"]
        assert "curl " in example, title
        assert re.findall(r"-X (\w+)", example) == ([] if method == "GET" else [method]), title
        assert re.search(rf"http://127\.0\.0\.1:8050{pattern}(?![\w/])", example), title


def test_the_routes_that_any_doc_names_exist() -> None:
    rules = [re.sub(r"<[^>]+>", "[^/ ]+", rule) for rule, _ in ROUTES if not is_dashs_own(rule)]
    pattern = re.compile("|".join(f"(?:{rule})" for rule in rules))

    mentioned = {
        found
        for path in DOCS
        for code in CODE.findall(path.read_text(encoding="utf-8"))
        for found in re.findall(r"(?:^|[ }])(/(?:health|live|api)\b[^ ?`]*)", code)
    }

    assert mentioned
    assert [name for name in mentioned if not pattern.fullmatch(name)] == []


def test_the_docs_have_every_sub_command_and_no_other() -> None:
    rows = section(OPERATING, "Sub-commands").table("command")

    assert {row.split()[0]: "NAME" in row for row in rows} == {
        name: name in app.WITH_NAME for name in app.COMMANDS
    }


def test_the_docs_have_the_exit_codes() -> None:
    rows = next(
        rows for head, rows in section(OPERATING, "Sub-commands").tables() if head == "exit code"
    )

    codes = (
        commands.OK,
        commands.REFUSED,
        commands.BAD_CONFIG,
        commands.CANNOT_START,
        commands.STORE_LOST,
    )
    assert [int(row[0]) for row in rows] == list(codes)


def code_of(path: Path) -> str:
    """Everything in a doc that is written as code; of a configuration, its comments' examples."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        return "\n".join(re.findall(r"^#   (\S.*)$", text, re.MULTILINE))
    fenced = "\n".join(code for _, code in FENCED.findall(text))
    return "\n".join([fenced, *CODE.findall(FENCED.sub("", text))])


@pytest.mark.parametrize("path", [*DOCS, ROOT / "config.toml"], ids=lambda path: path.name)
def test_the_sub_commands_and_make_targets_that_a_doc_names_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    text = code_of(path)

    used = set(re.findall(r"\bapp\.py(?: --config \S+)? +([a-z][a-z-]*)", text))
    made = set(re.findall(r"(?:^|[ (])make +([a-z][a-z-]*)", text, re.MULTILINE))

    assert used <= app.COMMANDS.keys()
    assert made <= targets


# ── Everything ──────────────────────────────────────────────────────────────────────────────────


def test_the_docs_need_nothing_from_outside_the_project() -> None:
    for path in DOCS:
        text = path.read_text(encoding="utf-8")

        assert "../shared" not in text, path.name


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_the_links_of_a_doc_lead_somewhere(path: Path) -> None:
    dead = []
    for link in LINK.findall(FENCED.sub("", path.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        file, _, fragment = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.is_relative_to(ROOT), link
        if target.is_relative_to(SCREENS) and not SCREENS.exists():
            continue
        anchors = {anchor(each.title) for each in sections(target)} if fragment else set()
        if not target.exists() or (fragment and fragment not in anchors):
            dead.append(link)

    assert dead == []


def own_files() -> list[Path]:
    """All files of the project: those git knows, and those it would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in ROOT.rglob("*") if not is_hidden(path.relative_to(ROOT))]


def is_hidden(path: Path) -> bool:
    made = ("__pycache__", "data", "build")
    return any(part.startswith(".") or part in made for part in path.parts)


def test_no_file_names_the_machine_it_was_made_on_or_a_package_registry() -> None:
    files = [path for path in own_files() if path.is_file()]

    found = {
        str(path.relative_to(ROOT)): match[0]
        for path in files
        if str(path.relative_to(ROOT)) not in CHECKERS
        and (match := MACHINE.search(path.read_bytes()))
    }

    assert len(files) > 100
    assert found == {}


def test_the_package_has_the_version_of_the_program() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == VERSION
