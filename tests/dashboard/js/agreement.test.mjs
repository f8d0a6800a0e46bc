// What stands in two places must agree: ids in Python and JavaScript, the light theme's two blocks,
// the colours of tokens.css and theme.py, icons and their files.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");

test("every place that the modules fill is laid out by Python", () => {
  const laidOut = new Set([...read("dashboard/ids.py").matchAll(/: Final = "([^"]+)"/g)].map((match) => match[1]));
  const filled = [...read("assets/nocturne.mjs").matchAll(/mount\("([^"]+)"/g)].map((match) => match[1]);

  assert.ok(filled.length > 10);
  assert.deepEqual(filled.filter((id) => !laidOut.has(id)), []);
});

test("light by choice and light by the system are the same", () => {
  const tokens = read("assets/tokens.css");
  const block = (selector) => {
    const start = tokens.indexOf("{", tokens.indexOf(selector));
    return tokens.slice(start + 1, tokens.indexOf("}", start)).split("\n").map((line) => line.trim()).filter(Boolean);
  };

  assert.deepEqual(block(':root:not([data-theme="dark"])'), block(':root[data-theme="light"]'));
});

test("charts have the colours of the page", () => {
  const tokens = read("assets/tokens.css");
  const states = [...read("dashboard/theme.py").matchAll(/"(healthy|warning|degraded|critical|unknown|maintenance|stale)": "(#[0-9a-f]{6})"/g)];

  assert.equal(states.length, 14);
  for (const [, state, colour] of states) assert.ok(tokens.includes(`--${state}: ${colour};`), `${state} ${colour}`);
});

test("every icon named in CSS is a file that ships", () => {
  const css = ["app", "shell", "overview", "problems", "tiles", "tokens", "wall", "walltiles"].map((name) => read(`assets/${name}.css`)).join("");
  const files = [...css.matchAll(/url\("([^"]+)"\)/g)].map((match) => match[1]);

  assert.ok(files.length > 10);
  assert.deepEqual(files.filter((file) => !existsSync(new URL(`assets/${file}`, root))), []);
});

test("colours stand in tokens.css alone, and nothing is forced", () => {
  for (const name of ["app", "shell", "overview", "problems", "tiles", "wall", "walltiles"]) {
    const css = read(`assets/${name}.css`);
    assert.doesNotMatch(css, /#[0-9a-fA-F]{3,8}\b(?![^{]*\{)/, name);
    assert.doesNotMatch(css, /!important/, name);
  }
});
