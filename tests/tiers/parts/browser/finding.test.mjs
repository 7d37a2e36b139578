// Search, filters, sorting, and that the address remembers them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { folder, names, visit } from "./browser.mjs";
import { aged, hostile, many } from "./mirrors.mjs";

const mirror = aged(folder());
const few = many(folder(), 40);

/** What is shown once the search is for `words`. */
async function found(page, words) {
  await page.fill("#search", words);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  return names(page);
}

test("search finds names, IDs, tags and descriptions, whatever their case, and says how many", async (t) => {
  const { page, seen } = await visit(t, mirror);
  assert.deepEqual(await found(page, "FOX"), ["AutumnFox 9XWTD"]);
  assert.equal(await page.textContent("#count"), "1 of 11 elements");
  assert.equal(await page.getAttribute("#count", "role"), "status");
  assert.deepEqual(await found(page, "u_303118460275593"), ["ProfessorOwl B4HRZ"]);
  assert.equal((await found(page, "vehicle")).length, 2);
  assert.deepEqual(await found(page, "brass face"), ["LumiLantern 8DFAS"], "words in any order, of the description");
  assert.deepEqual(await found(page, "voice"), ["LumiLantern 8DFAS", "PipTheRobot K7Q2M"], "what there is of it");
  assert.deepEqual(await found(page, "video"), ["PipTheRobot K7Q2M", "ProfessorOwl B4HRZ"]);
  assert.deepEqual(await found(page, "nothing of the kind"), []);
  assert.ok(await page.isVisible("#none"));
  await page.click("#none button");
  assert.equal((await names(page)).length, 11);
  assert.deepEqual(seen.complaints, []);
});

test("search passes over accents, in what is looked for and in what there is", async (t) => {
  const { page } = await visit(t, few);
  const plain = await found(page, "elan");
  assert.equal(plain.length, 4);
  assert.deepEqual(await found(page, "ÉLÀN"), plain);
});

test("filters and search narrow one another", async (t) => {
  const { page } = await visit(t, mirror);
  const shown = async (mark) => {
    await page.click(`#marks [data-mark=${mark}]`);
    return names(page);
  };
  assert.deepEqual(await shown("favored"), ["AutumnFox 9XWTD", "LumiLantern 8DFAS", "PipTheRobot K7Q2M"]);
  assert.deepEqual(await shown("gone"), ["AutumnFox 9XWTD"]);
  assert.equal(await page.getAttribute("#marks [data-mark=gone]", "aria-pressed"), "true");
  await shown("favored");
  await shown("gone");
  assert.deepEqual(await shown("incomplete"), ["ProfessorOwl B4HRZ"]);
  await shown("incomplete");
  assert.deepEqual(await shown("warnings"), ["SirRoundhelm T6YLE"]);
  await shown("warnings");
  assert.deepEqual(await shown("official"), ["ProfessorOwl B4HRZ"]);
  await shown("official");
  await page.selectOption("#type", "Video");
  assert.deepEqual(await names(page), ["PipTheRobot K7Q2M", "ProfessorOwl B4HRZ"]);
  await page.selectOption("#tag", "Animal");
  assert.deepEqual(await names(page), ["ProfessorOwl B4HRZ"]);
  assert.deepEqual(await found(page, "robot"), []);
});

test("only those filters are offered that there is something for", async (t) => {
  const { page } = await visit(t, few);
  const offered = await page.$$eval("#marks button:not([hidden])", (marks) => marks.map((mark) => mark.textContent));
  assert.deepEqual(offered, ["Favored 4"]);
  const { page: alike } = await visit(t, hostile(folder()));
  const marks = await alike.$eval("#marks", (marks) => getComputedStyle(marks).display);
  assert.equal(marks, "none", "all are incomplete, and all have warnings");
  assert.ok(await alike.isVisible("#search"));
  const { page: alone } = await visit(t, many(folder(), 1));
  assert.equal(await alone.isVisible("#controls"), false);
});

test("elements are sorted by name, dates, size and ID", async (t) => {
  const { page } = await visit(t, few);
  const sorted = async (by) => {
    await page.selectOption("#sort", by);
    return page.$$eval("#grid > li", (cards) => cards.map((card) => ({ ...card.dataset, name: card.querySelector("a").textContent })));
  };
  const name = (await sorted("name")).map((card) => card.name);
  assert.deepEqual(name, [...name].sort(new Intl.Collator("en", { numeric: true }).compare));
  for (const by of ["updated", "mirrored", "size"]) {
    const values = (await sorted(by)).map((card) => +card[by]);
    assert.deepEqual(values, [...values].sort((a, b) => b - a), by);
    assert.ok(new Set(values).size > 10, by);
  }
  const ids = (await sorted("id")).map((card) => card.id);
  assert.deepEqual(ids, [...ids].sort());
});

test("the address remembers what is shown, for a reload, a link, and the way back", async (t) => {
  const { page } = await visit(t, mirror);
  await page.click("#marks [data-mark=favored]");
  await page.selectOption("#sort", "updated");
  await found(page, "i");
  await page.waitForFunction(() => location.hash.includes("q=i"));
  const shown = await names(page);
  assert.deepEqual(shown, ["LumiLantern 8DFAS", "PipTheRobot K7Q2M", "AutumnFox 9XWTD"]);
  await page.reload();
  assert.deepEqual(await names(page), shown);
  assert.equal(await page.inputValue("#search"), "i");
  await page.evaluate(() => { location.hash = "#type=Video"; });
  await page.waitForFunction(() => document.getElementById("count").textContent === "2 of 11 elements");
  await page.goBack();
  await page.waitForFunction(() => document.getElementById("search").value === "i");
  assert.deepEqual(await names(page), shown);
});

test("an address that says nonsense shows all", async (t) => {
  const { page, seen } = await visit(t, mirror, { hash: "#type=<b>&sort=constructor&only=x&id=none&view=-1&tag=%E0%A4%A" });
  assert.equal((await names(page)).length, 11);
  assert.deepEqual(seen.complaints, []);
});

test("a slash goes to the search, but not out of it", async (t) => {
  const { page } = await visit(t, mirror);
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "search");
  await page.keyboard.type("a/b");
  assert.equal(await page.inputValue("#search"), "a/b");
});
