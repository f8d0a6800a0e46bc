// Lists that come a page at a time are read whole.

import assert from "node:assert/strict";
import { test } from "node:test";

import { whole } from "../../../assets/modules/wholelist.mjs";

const pages = (bodies) => {
  const asked = [];
  const ask = async (path) => {
    asked.push(path);
    const body = bodies[asked.length - 1];
    return { status: body.detail ? 503 : 200, body };
  };
  return { asked, ask };
};

test("a list is asked for until there is no next page, and tells each entry once", async () => {
  const { asked, ask } = pages([
    { people: [{ name: "ann" }, { name: "bob" }], next: "bob &" },
    { people: [{ name: "bob" }, { name: "cy" }], next: null },
  ]);

  const { status, body } = await whole(ask, "/people", "people");

  assert.equal(status, 200);
  assert.deepEqual(body.people.map((each) => each.name), ["ann", "bob", "cy"]);
  assert.deepEqual(asked, ["/people?limit=500", "/people?limit=500&cursor=bob+%26"]);
});

test("a page that is refused is the answer", async () => {
  const { ask } = pages([{ people: [{ name: "ann" }], next: "ann" }, { detail: "away" }]);

  const { status, body } = await whole(ask, "/people", "people");

  assert.equal(status, 503);
  assert.equal(body.detail, "away");
});

test("entries are told apart by what makes a text of them, and a path keeps its own query", async () => {
  const [here, there] = [{ metric: "cpu", labels: { host: "a" } }, { metric: "cpu", labels: { host: "b" } }];
  const { ask, asked } = pages([{ series: [here, there], next: "7" }, { series: [there], next: null }]);

  const { body } = await whole(ask, "/series?rule=x", "series", (each) => JSON.stringify(each));

  assert.deepEqual(body.series, [here, there]);
  assert.deepEqual(asked, ["/series?rule=x&limit=500", "/series?rule=x&limit=500&cursor=7"]);
});
