// Words that try to be more than words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PHONE, folder, isWithinWidth, screenshot, visit } from "./browser.mjs";
import { HOSTILE, hostile, hostileId } from "./mirrors.mjs";

const mirror = hostile(folder());

/** What a browser makes of control characters, which the page shows as pictures of them. */
const shown = (text) =>
  [...text.replaceAll("\r\n", "\n")].map((c) => {
    const code = c.codePointAt(0);
    if (code < 32 && c !== "\n" && c !== "\t") return String.fromCodePoint(0x2400 + code);
    return code >= 0x7f && code <= 0x9f ? "\ufffd" : c;
  }).join("");

const isHacked = (page) => page.evaluate(() => "hacked" in document.documentElement.dataset);

for (const scripts of [true, false]) {
  test(`hostile words run nothing and stay what they are, ${scripts ? "with" : "without"} scripts`, async (t) => {
    const { page, seen } = await visit(t, mirror, { scripts, hash: "#sort=id" });
    const names = await page.locator("#grid h2 a").evaluateAll((all) => all.map((one) => one.textContent));
    assert.deepEqual(names.sort(), Object.values(HOSTILE).map(shown).sort());
    assert.equal(await page.locator("#grid > li").count(), Object.keys(HOSTILE).length);
    assert.ok(!(await isHacked(page)));
    assert.deepEqual(seen, { ...seen, complaints: [], dialogs: [] });
  });
}

test("in the large view they are whole, and text too", async (t) => {
  const { page, seen } = await visit(t, mirror, { hash: "#sort=id" });
  for (const [name, words] of Object.entries(HOSTILE)) {
    await page.evaluate((id) => { location.hash = `#id=${id}`; }, hostileId(name));
    await page.waitForFunction((title) => document.getElementById("title").textContent === title, shown(words));
    assert.equal(await page.textContent("#text"), shown(words));
    for (let view = 0; view < 2; view += 1) await page.keyboard.press("ArrowRight");
    assert.equal(await page.textContent("#title"), shown(words));
    assert.ok(!(await isHacked(page)), name);
  }
  assert.deepEqual(seen, { ...seen, complaints: [], dialogs: [] });
});

test("they are found, and their types and tags are filters", async (t) => {
  const { page } = await visit(t, mirror);
  await page.fill("#search", HOSTILE.script);
  await page.waitForFunction(() => document.getElementById("count").textContent.includes(" of "));
  for (const choice of ["#type", "#tag"]) {
    for (const { value } of await page.$$eval(`${choice} option`, (all) => all.map(({ value }) => ({ value })))) {
      await page.selectOption(choice, { value });
    }
  }
  assert.ok(!(await isHacked(page)));
});

test("they are clamped, and push nothing out of its place", async (t) => {
  const { page } = await visit(t, mirror, { size: PHONE });
  assert.ok(await isWithinWidth(page));
  await screenshot(page, "hostile");
  const heights = await page.$$eval("#grid > li", (cards) => cards.map((card) => card.querySelector("h2").getBoundingClientRect().height));
  assert.ok(Math.max(...heights) < 60, String(heights));
  // What is written from right to left is so in its own place alone: the date, or the tag, behind it begins at the left.
  const card = page.locator(`[data-id="${hostileId("unclosed")}"]`);
  const { x } = await card.locator(".cover").boundingBox();
  assert.ok((await card.locator(".tags bdi").first().boundingBox()).x - x < 2);
});
