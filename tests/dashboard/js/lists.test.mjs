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
