// What the reader's system asks for: more contrast, colours of its own, paper.

import assert from "node:assert/strict";
import { test } from "node:test";

import { folder, screenshot, visit } from "./browser.mjs";
import { FOX, ROBOT, aged } from "./mirrors.mjs";

const mirror = aged(folder());

/** A colour of what is painted there. */
const colour = (page, selector, property, pseudo) =>
  page.$eval(selector, (node, [property, pseudo]) => getComputedStyle(node, pseudo)[property], [property, pseudo]);

test("who asks for more contrast reads all words in one colour", async (t) => {
  const said = async (wishes) => {
    const { page } = await visit(t, mirror, wishes);
    return Promise.all([".about", "h1"].map((selector) => colour(page, selector, "color")));
  };
  for (const dark of [false, true]) {
    const [soft, ink] = await said({ dark });
    assert.notEqual(soft, ink);
    const [strong, same] = await said({ dark, contrast: "more" });
    assert.deepEqual([strong, same], [ink, ink]);
  }
});

for (const dark of [false, true]) {
  test(`in the system's own colours every sign is seen, ${dark ? "dark" : "light"}`, async (t) => {
    const { page } = await visit(t, mirror, { dark, forcedColors: "active", hash: "#only=favored" });
    const ground = (selector, pseudo) => colour(page, selector, "backgroundColor", pseudo);
    assert.notEqual(await ground("#marks [data-mark=favored]"), await ground("#marks [data-mark=gone]"), "what is pressed");
    for (const sign of [".star", ".kinds .video"]) {
      assert.notEqual(await ground(sign, "::before"), await ground(sign), sign);
    }
    assert.equal(await colour(page, "#sort", "appearance"), "auto", "the arrow is the system's");
    await screenshot(page, dark ? "forced-dark" : "forced");
    await page.click(`[data-id="${ROBOT}"] h2 a`);
    assert.notEqual(await ground("#views .video", "::before"), await ground("#views .video"), "a small view");
    assert.notEqual(await colour(page, "#close", "borderTopColor", "::before"), await ground("#close"), "what closes");
    await page.locator("#figure img").evaluate((image) => image.decode());
    await screenshot(page, dark ? "forced-dark-lightbox" : "forced-lightbox");
  });
}

test("on paper there are the elements, and nothing to click on", async (t) => {
  const { page } = await visit(t, mirror, { hash: `#id=${FOX}` });
  await page.emulateMedia({ media: "print" });
  for (const gone of ["#controls", "#lightbox"]) assert.equal(await page.isVisible(gone), false, gone);
  assert.equal(await colour(page, ".marks .gone", "printColorAdjust"), "exact");
  assert.notEqual(await colour(page, "body", "overflow"), "hidden");
  assert.ok(await page.isVisible(`[data-id="${FOX}"] h2`));
});
