// Ten thousand elements: what is not seen is not loaded, and the page answers.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";

import { folder, names, visit } from "./browser.mjs";
import { many } from "./mirrors.mjs";

const COUNT = 10_000;
const mirror = many(folder(), COUNT);
const { size } = statSync(mirror.page);

test("ten thousand elements are shown, and few of their pictures loaded", async (t) => {
  t.diagnostic(`note: written in ${Math.round(mirror.took)} ms, ${(size / COUNT / 1024).toFixed(2)} KiB an element`);
  assert.ok(size / COUNT < 2048, "an element with three pictures takes less than 2 KiB");
  const { page, seen } = await visit(t, mirror);
  const { domContentLoadedEventEnd: loaded } = (await page.evaluate(() => performance.getEntriesByType("navigation")[0].toJSON()));
  const [{ startTime: painted }] = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint").map((entry) => entry.toJSON()));
  t.diagnostic(`note: first paint after ${Math.round(painted)} ms, all there after ${Math.round(loaded)} ms`);
  assert.equal(await page.textContent("#count"), "10,000 elements");
  await page.waitForTimeout(500);
  const pictures = seen.asked.filter((url) => url.endsWith(".png")).length;
  assert.ok(pictures > 5 && pictures < 200, String(pictures));
  const { nodes } = await page.evaluate(() => ({ nodes: document.querySelectorAll("*").length }));
  assert.ok(nodes / COUNT < 16, `${nodes} nodes`);
  assert.deepEqual(seen.complaints, []);
});

/** What the search shows; `took` until it is drawn. */
const search = (page, words) =>
  page.evaluate(async (words) => {
    const field = document.getElementById("search");
    const before = performance.now();
    field.value = words;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return { took: performance.now() - before, count: document.getElementById("count").textContent };
  }, words);

test("the search answers among ten thousand", async (t) => {
  const { page } = await visit(t, mirror);
  for (const [words, count] of [
    ["f", "10,000 of"], ["fox", "1,900 of"], ["fox élan", "100 of"], ["fox 00a", "4 of"], ["u_300000000079190", "1 of"], ["nowhere", "0 of"], ["", ""],
  ]) {
    const { took, count: shown } = await search(page, words);
    t.diagnostic(`note: "${words}" is answered after ${Math.round(took)} ms: ${shown}`);
    if (words.length > 1) assert.ok(shown.startsWith(count), `${words}: ${shown}`);
  }
  await search(page, "u_300000000079190");
  assert.deepEqual(await names(page), ["AmberBear 0000A"]);
  await page.click("#grid > li:not([hidden])");
  assert.equal(await page.textContent("#place"), "1 of 1");
});

test("ten thousand are sorted, and the first picture of them is loaded then", async (t) => {
  const { page, seen } = await visit(t, mirror);
  await page.selectOption("#sort", "size");
  const last = `u_${300_000_000_000_000 + (COUNT - 1) * 7919}`;
  assert.equal(await page.getAttribute("#grid > li >> nth=0", "data-id"), last);
  await page.waitForFunction(() => document.querySelector("#grid img").naturalWidth > 0);
  assert.ok(seen.asked.some((url) => url.includes(`${last}/`)));
});
