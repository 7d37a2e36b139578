// What axe-core has against the page: nothing, whichever way it is looked at.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PHONE, WIDE, barriers, folder, visit } from "./browser.mjs";
import { OWL, ROBOT, aged, hostile } from "./mirrors.mjs";

const mirror = aged(folder());
const odd = hostile(folder());

for (const dark of [false, true]) {
  for (const size of [WIDE, PHONE]) {
    const how = `${dark ? "dark" : "light"}, ${size.width} pixels wide`;
    test(`no barriers: ${how}`, async (t) => {
      const { page } = await visit(t, mirror, { dark, size });
      assert.deepEqual(await barriers(page), []);
      await page.click("#marks [data-mark=favored]");
      assert.deepEqual(await barriers(page), []);
    });
    test(`no barriers in the large view: ${how}`, async (t) => {
      for (const hash of [`#id=${OWL}`, `#id=${ROBOT}&view=4`, `#id=${ROBOT}&view=5`]) {
        const { page } = await visit(t, mirror, { dark, size, hash });
        assert.deepEqual(await barriers(page), [], hash);
      }
    });
  }
}

test("no barriers where nothing is found, and where all words are hostile", async (t) => {
  const { page } = await visit(t, mirror, { hash: "#q=nothing-of-the-kind" });
  assert.deepEqual(await barriers(page), []);
  const { page: other } = await visit(t, odd);
  assert.deepEqual(await barriers(other), []);
});
