// A run's own page: all that is to be seen and heard is there, and nothing leaves the disk.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PHONE, folder, isWithinWidth, names, screenshot, scrollThrough, served, visit } from "./browser.mjs";
import { LANTERN, ROBOT, aged, samples } from "./mirrors.mjs";

const mirror = samples(folder());

/** Nothing was complained of, and nothing asked for but files of the mirror. */
function assertIsCalm({ complaints, asked, dialogs }, { page }) {
  assert.deepEqual({ complaints, dialogs }, { complaints: [], dialogs: [] });
  const own = `file://${page.replace(/index\.html$/, "")}`;
  assert.deepEqual(asked.filter((url) => !url.startsWith(own)), []);
}

test("every cover decodes, and nothing is asked for but the mirror's files", async (t) => {
  const { page, seen } = await visit(t, mirror);
  assert.equal((await names(page)).length, 11);
  await scrollThrough(page);
  const widths = await page.$$eval(".cover img", (images) => images.map((image) => image.naturalWidth));
  assert.equal(widths.length, 11);
  assert.ok(widths.every((width) => width > 0), String(widths));
  assert.match(await page.textContent("#count"), /^11 elements$/);
  await page.evaluate(() => scrollTo(0, 0));
  await screenshot(page, "wide");
  assertIsCalm(seen, mirror);
});

test("every view of every element decodes, and video and voice have a length", async (t) => {
  const { page, seen } = await visit(t, mirror, { hash: "#sort=id" });
  await page.click("#grid h2 a >> nth=0");
  const kinds = { img: 0, video: 0, audio: 0 };
  for (let more = true; more; more = await page.isEnabled("#next")) {
    if (kinds.img + kinds.video + kinds.audio > 0) await page.click("#next");
    const { kind, value } = await page.evaluate(async () => {
      const seen = document.querySelector("#figure :is(video, audio)") ?? document.querySelector("#figure img");
      if (seen.localName === "img") {
        await seen.decode();
        return { kind: "img", value: seen.naturalWidth };
      }
      if (!(seen.readyState > 0)) await new Promise((resolve, reject) => { seen.onloadedmetadata = resolve; seen.onerror = reject; });
      return { kind: seen.localName, value: seen.duration };
    });
    assert.ok(value > 0, `${kind}: ${value}`);
    kinds[kind] += 1;
  }
  assert.deepEqual(kinds, { img: 39, video: 2, audio: 2 });
  assertIsCalm(seen, mirror);
});

test("a video plays", async (t) => {
  const { page } = await visit(t, mirror, { hash: `#id=${ROBOT}&view=4` });
  await page.$eval("#figure video", (video) => { video.muted = true; return video.play(); });
  await page.waitForFunction(() => document.querySelector("#figure video").currentTime > 0.2);
});

test("under the pointer a card shows its views, each of them loaded when it is looked at", async (t) => {
  const { page, seen } = await visit(t, mirror);
  const card = page.locator(`[data-id="${ROBOT}"]`);
  await card.scrollIntoViewIfNeeded();
  const { width } = await card.boundingBox();
  const shown = () => card.locator(".cover > img:not([hidden])").last().getAttribute("src");
  const views = () => seen.asked.filter((url) => url.includes(`${ROBOT}/`) && !url.endsWith("cover.jpg"));
  await card.hover({ position: { x: 5, y: 60 } });
  assert.deepEqual([await shown(), views()], [`${ROBOT}/cover.jpg`, []]);
  await card.hover({ position: { x: width - 5, y: 60 } });
  assert.equal(await shown(), `${ROBOT}/topView.png`);
  assert.equal(views().length, 1);
  assert.equal(await card.locator(".steps i").count(), 4);
  const [{ y: steps }, star, kinds] = await Promise.all(
    [".steps i >> nth=0", ".star", ".kinds"].map((part) => card.locator(part).boundingBox()),
  );
  for (const { y, height } of [star, kinds]) assert.ok(y + height < steps, `${y + height} is not above ${steps}`);
  await page.mouse.move(2, 2);
  assert.equal(await shown(), `${ROBOT}/cover.jpg`);
  assert.equal(await page.locator(".steps").count(), 0);
});

test("on a phone nothing is wider than the window", async (t) => {
  for (const made of [mirror, aged(folder())]) {
    const { page, seen } = await visit(t, made, { size: PHONE });
    await scrollThrough(page);
    assert.ok(await isWithinWidth(page));
    await page.evaluate(() => scrollTo(0, 0));
    await screenshot(page, "phone");
    const rows = await page.$$eval("#marks button:not([hidden])", (all) => all.map((one) => one.getBoundingClientRect().y));
    assert.equal(new Set(rows).size, 1, "the filters are one row");
    const video = page.locator(`[data-id="${ROBOT}"] .video`);
    assert.deepEqual([(await video.boundingBox()).width, await video.textContent()], [26, "Video"], "a sign, and its word");
    assertIsCalm(seen, made);
  }
});

test("a web server that knows nothing but files is enough", async (t) => {
  const made = aged(folder());
  const url = await served(t, made.mirror);
  const { page, seen } = await visit(t, { url: `${url}index.html` }, { hash: `#id=${LANTERN}` });
  await page.locator("#figure img").evaluate((image) => image.decode());
  const older = await page.$$eval("#details a[href*=history]", (all) => all.map((one) => one.href));
  const files = older.filter((link) => !link.endsWith("/"));
  assert.equal(files.length, 2, String(older));
  for (const file of files) assert.equal((await page.request.get(file)).status(), 200, file);
  await page.keyboard.press("Escape");
  await scrollThrough(page);
  const widths = await page.$$eval(".cover img", (images) => images.map((image) => image.naturalWidth));
  assert.ok(widths.every((width) => width > 0), String(widths));
  assert.deepEqual(seen.complaints, []);
});

test("a picture that is damaged or not there leaves its place, and is said to be where it is looked at", async (t) => {
  const made = samples(folder());
  const { rmSync, writeFileSync } = await import("node:fs");
  rmSync(`${made.mirror}/${ROBOT}/cover.jpg`);
  writeFileSync(`${made.mirror}/u_302851774920316/cover.jpg`, "no picture");
  const { page } = await visit(t, made);
  await page.waitForFunction(() => document.querySelectorAll(".cover.bare").length === 2);
  assert.equal(await page.locator(".cover.bare img").first().isVisible(), false);
  await page.click(`[data-id="${ROBOT}"] h2 a`);
  await page.waitForFunction(() => document.querySelector("#figure p")?.textContent === "This picture can't be shown.");
  await page.keyboard.press("ArrowRight");
  await page.locator("#figure img").evaluate((image) => image.decode());
});
