// Without scripts: a plain list, whose links work.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { folder, screenshot, visit } from "./browser.mjs";
import { LANTERN, OWL, aged } from "./mirrors.mjs";

const mirror = aged(folder());

test("without scripts there are pictures, words and links, and no controls that do nothing", async (t) => {
  const { page, seen } = await visit(t, mirror, { scripts: false });
  assert.equal(await page.locator("#grid > li").count(), 11);
  assert.equal(await page.isVisible("#controls"), false);
  assert.equal(await page.isVisible("#lightbox"), false);
  assert.ok(await page.isVisible(`[data-id="${OWL}"] .said`));
  const details = page.locator(`[data-id="${LANTERN}"] details`);
  await details.locator("summary").click();
  const said = await details.innerText();
  for (const words of ["LANTERN", LANTERN, "Older versions", "Voice", "manifest.json"].slice(1)) {
    assert.ok(said.toLowerCase().includes(words.toLowerCase()), `${words}: ${said}`);
  }
  await screenshot(page, "plain");
  assert.deepEqual(seen.complaints, []);
});

test("every link leads to a file of the mirror", async (t) => {
  const { page } = await visit(t, mirror, { scripts: false });
  const links = await page.locator("main a").evaluateAll((all) => all.map((one) => one.getAttribute("href")));
  assert.ok(links.length > 60, String(links.length));
  for (const link of links) assert.ok(existsSync(join(dirname(mirror.page), decodeURIComponent(link))), link);
  await page.click(`[data-id="${OWL}"] h2 a`);
  assert.match(page.url(), /cover\.jpg$/);
});
