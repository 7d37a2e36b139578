// The large view: by pointer and keyboard, through views and elements, and back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PHONE, folder, isWithinWidth, screenshot, visit } from "./browser.mjs";
import { FOX, KNIGHT, LANTERN, OWL, ROBOT, aged } from "./mirrors.mjs";

const mirror = aged(folder());

const isOpen = (page) => page.$eval("#lightbox", (dialog) => dialog.open);
const title = (page) => page.textContent("#title");
const caption = (page) => page.textContent("#caption");
const focused = (page) => page.evaluate(() => document.activeElement.closest("#grid > li")?.dataset.id);
const link = (id) => `[data-id="${id}"] h2 a`;

/** The focus is on the card of `id`, or comes to it: the page moves it there once the browser has moved it back. */
const hasFocus = (page, id) =>
  page.waitForFunction((id) => document.activeElement.closest("#grid > li")?.dataset.id === id, id, { timeout: 5000 });

test("a click opens it, and a press of Escape closes it and gives the focus back", async (t) => {
  const { page, seen } = await visit(t, mirror);
  await page.click(`[data-id="${FOX}"]`);
  assert.ok(await isOpen(page));
  assert.equal(await title(page), "AutumnFox 9XWTD");
  assert.match(await page.evaluate(() => location.hash), new RegExp(`id=${FOX}`));
  await page.locator("#figure img").evaluate((image) => image.decode());
  await screenshot(page, "lightbox");
  await page.keyboard.press("Escape");
  assert.ok(!(await isOpen(page)));
  await hasFocus(page, FOX);
  await page.waitForFunction(() => location.hash === "");
  assert.deepEqual(seen.complaints, []);
});

test("the keyboard alone is enough", async (t) => {
  const { page } = await visit(t, mirror, { hash: "#sort=id" });
  await page.focus("#sort");
  for (let presses = 0; !(await focused(page)) && presses < 12; presses += 1) await page.keyboard.press("Tab");
  const first = await focused(page);
  const outline = await page.$eval(link(first), (card) => {
    const { outlineStyle, outlineWidth, outlineOffset } = getComputedStyle(card, "::after");
    return { style: outlineStyle, outside: parseFloat(outlineOffset) + parseFloat(outlineWidth) };
  });
  assert.deepEqual(outline, { style: "solid", outside: 0 }, "the focus is seen: outside of a card nothing is painted");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), ROBOT, "a card is one stop");
  await page.keyboard.press("Enter");
  assert.equal(await title(page), "PipTheRobot K7Q2M");
  assert.equal(await page.$eval("#stage:focus-visible", (stage) => getComputedStyle(stage).outlineStyle), "none");
  const stops = [];
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press("Tab");
    stops.push(await page.evaluate(() => document.activeElement.id || document.activeElement.textContent));
  }
  for (const stop of ["close", "next", "Top view", "manifest.json"]) assert.ok(stops.includes(stop), `${stop}: ${stops}`);
  assert.ok(await page.evaluate(() => document.activeElement === document.body || document.getElementById("lightbox").contains(document.activeElement)));
});

test("arrows go through the views of an element, and on to the next and back", async (t) => {
  const { page } = await visit(t, mirror, { hash: "#q=i&only=favored" });
  await page.click(link(LANTERN));
  const seen = [];
  for (let presses = 0; presses < 6; presses += 1) {
    seen.push(`${await title(page)}: ${(await caption(page)).split(" · ")[0]}`);
    await page.keyboard.press("ArrowRight");
  }
  const [lantern, robot] = ["LumiLantern 8DFAS", "PipTheRobot K7Q2M"];
  assert.deepEqual(seen, [
    `${lantern}: Cover`, `${lantern}: Side`, `${lantern}: Back`, `${lantern}: Top view`, `${lantern}: Voice`, `${robot}: Cover`,
  ]);
  assert.equal(await page.textContent("#place"), "3 of 3");
  for (let presses = 0; presses < 9; presses += 1) await page.keyboard.press("ArrowRight");
  assert.equal(await caption(page), "Voice · 11.8 KiB", "it stays at the end");
  assert.ok(await page.isDisabled("#next"));
  for (let presses = 0; presses < 6; presses += 1) await page.keyboard.press("ArrowLeft");
  assert.equal(`${await title(page)}: ${await caption(page)}`, `${lantern}: Voice · 12.2 KiB`);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Escape");
  await hasFocus(page, ROBOT);
});

test("arrows are heard wherever the focus was, and when what had it is gone", async (t) => {
  const { page } = await visit(t, mirror, { hash: `#only=favored&id=${ROBOT}&view=4` });
  const goes = async (key, said) => {
    await page.keyboard.press(key);
    assert.equal(`${await title(page)}: ${(await caption(page)).split(" · ")[0]}`, said);
  };
  await goes("ArrowRight", "PipTheRobot K7Q2M: Voice");
  await page.focus("#previous");
  for (let presses = 0; presses < 14; presses += 1) await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "stage", null, { timeout: 5000 });
  await goes("ArrowRight", "AutumnFox 9XWTD: Side");
  for (const gone of ["#details a >> nth=3", "#views button >> nth=3"]) {
    await page.click("#views button >> nth=3");
    await page.focus(gone);
    await goes("ArrowRight", "LumiLantern 8DFAS: Cover");
    await goes("ArrowLeft", "AutumnFox 9XWTD: Top view");
  }
});

test("an arrow that is held down is no flood of addresses, which some browsers refuse", async (t) => {
  const { page } = await visit(t, mirror, { hash: `#id=${ROBOT}` });
  const written = await page.evaluate(() => {
    let written = 0;
    history.replaceState = () => { written += 1; };
    for (let presses = 0; presses < 300; presses += 1) {
      const key = presses % 2 === 0 ? "ArrowRight" : "ArrowLeft";
      document.getElementById("stage").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    }
    return written;
  });
  assert.ok(written < 20, String(written));
});

test("a finger that goes sideways turns the page, one that goes down does not", async (t) => {
  const { page } = await visit(t, mirror, { size: PHONE, hash: `#id=${ROBOT}` });
  const session = await page.context().newCDPSession(page);
  const touch = (type, ...points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  const swipe = async ([fromX, fromY], [x, y]) => {
    await touch("touchStart", { x: fromX, y: fromY });
    for (let part = 1; part <= 4; part += 1) {
      await touch("touchMove", { x: fromX + ((x - fromX) * part) / 4, y: fromY + ((y - fromY) * part) / 4 });
    }
    await touch("touchEnd");
    return (await caption(page)).split(" · ")[0];
  };
  assert.equal(await swipe([300, 250], [120, 260]), "Side");
  assert.equal(await swipe([300, 250], [120, 260]), "Back");
  assert.equal(await swipe([120, 250], [300, 240]), "Side");
  assert.equal(await swipe([200, 400], [260, 100]), "Side");
});

/** It is closed, and the address is that of the cards. */
const isBack = (page, hash) =>
  page.waitForFunction(
    (hash) => !document.getElementById("lightbox").open && location.hash === hash, hash, { timeout: 5000 },
  );

/** The page is left with the next step back: to the empty one that a window begins with. */
async function assertLeaves(page) {
  await page.goBack();
  assert.equal(page.url(), "about:blank");
}

test("the way back leads from it to the cards, and forward to it again", async (t) => {
  const { page, seen } = await visit(t, mirror, { hash: "#only=favored" });
  await page.click(link(LANTERN));
  for (let presses = 0; presses < 5; presses += 1) await page.keyboard.press("ArrowRight");
  await page.waitForFunction((id) => location.hash.includes(id), ROBOT);
  await page.goBack();
  await isBack(page, "#only=favored");
  await hasFocus(page, ROBOT);
  await page.goForward();
  await page.waitForFunction(() => document.getElementById("lightbox").open);
  assert.equal(await title(page), "PipTheRobot K7Q2M");
  await page.goBack();
  await isBack(page, "#only=favored");
  await assertLeaves(page);
  assert.deepEqual(seen.complaints, []);
});

test("once it is closed the way back is as if it had never been open", async (t) => {
  const closings = { escape: (page) => page.keyboard.press("Escape"), button: (page) => page.click("#close") };
  for (const [name, close] of Object.entries(closings)) {
    const { page } = await visit(t, mirror);
    for (const id of [FOX, OWL]) {
      await page.click(link(id));
      await page.keyboard.press("ArrowRight");
      if (id === OWL) await page.reload();
      assert.ok(await isOpen(page), name);
      await close(page);
      await isBack(page, "");
    }
    await assertLeaves(page);
    const { page: linked } = await visit(t, mirror, { hash: `#id=${ROBOT}` });
    await linked.keyboard.press("ArrowRight");
    await close(linked);
    await isBack(linked, "");
    await assertLeaves(linked);
  }
});

test("the words that were looked for are there when it is closed, however late they were typed", async (t) => {
  const { page } = await visit(t, mirror);
  await page.evaluate(async (id) => {
    const search = document.getElementById("search");
    search.value = "fox";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise(requestAnimationFrame);
    document.querySelector(`[data-id="${id}"] h2 a`).click();
  }, FOX);
  await page.keyboard.press("Escape");
  await isBack(page, "#q=fox");
  assert.equal(await page.inputValue("#search"), "fox");
  assert.equal(await page.textContent("#count"), "1 of 11 elements");
});

test("what was looked at last is in sight when it is closed", async (t) => {
  const { page } = await visit(t, mirror, { size: { width: 500, height: 500 } });
  await page.click("#grid h2 a >> nth=0");
  while (await page.isEnabled("#next")) await page.keyboard.press("ArrowRight");
  const last = await title(page);
  await page.keyboard.press("Escape");
  await page.waitForFunction((name) => document.activeElement.textContent === name, last);
  const { top, bottom } = await page.evaluate(() => document.activeElement.getBoundingClientRect());
  assert.ok(top >= 0 && bottom <= 500, `${top} to ${bottom}`);
});

test("the page behind stays where it is, and nothing is under a scrollbar", async (t) => {
  for (const width of [1280, 800]) {
    const { page } = await visit(t, mirror, { bars: true, size: { width, height: 700 } });
    const places = () => page.$$eval("h1, #grid > li", (all) => all.map((one) => {
      const { x, y, width } = one.getBoundingClientRect();
      return [x, y, width];
    }));
    await page.locator(link(ROBOT)).scrollIntoViewIfNeeded();
    const before = await places();
    const room = await page.evaluate(() => innerWidth - document.documentElement.clientWidth);
    assert.ok(room > 0, "the scrollbar takes room");
    await page.click(link(ROBOT));
    assert.deepEqual(await places(), before);
    const [inside, close] = await page.$eval("#lightbox", (dialog) =>
      [dialog.clientWidth, document.getElementById("close").getBoundingClientRect().right]);
    assert.equal(inside, width < 860 ? width - room : width, "no room for a scrollbar beside the one there is");
    assert.ok(close <= inside - 10, `${close} of ${inside}`);
  }
});

test("in a low window what there is to say is beside the picture", async (t) => {
  const { page } = await visit(t, mirror, { size: { width: 740, height: 360 }, hash: `#id=${ROBOT}` });
  const [stage, title, facts] = await Promise.all(["#stage", "#title", "#details dl"].map((part) => page.locator(part).boundingBox()));
  assert.ok(title.x > stage.x + stage.width && facts.y < 300, JSON.stringify({ stage, title, facts }));
  assert.ok(await isWithinWidth(page));
});

test("its buttons and small views do the same", async (t) => {
  const { page } = await visit(t, mirror, { hash: `#id=${ROBOT}` });
  await page.click("#next");
  assert.match(await caption(page), /^Side · 480 × 640 · /);
  await page.click("#views button >> nth=4");
  assert.equal(await page.locator("#figure video").count(), 1);
  assert.equal(await page.getAttribute("#views button >> nth=4", "aria-current"), "true");
  await page.click("#previous");
  assert.match(await caption(page), /^Top view/);
  await page.click("#close");
  assert.ok(!(await isOpen(page)));
  assert.equal(await page.locator("#figure *").count(), 0, "nothing goes on playing");
});

test("arrows in a player are the player's", async (t) => {
  const { page } = await visit(t, mirror, { hash: `#id=${ROBOT}&view=4` });
  await page.focus("#figure video");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.locator("#figure video").count(), 1);
});

test("nothing is under the arrows, and nothing is cut off where the window is small", async (t) => {
  const voice = `#id=${LANTERN}&view=4`;
  for (const size of [PHONE, { width: 640, height: 430 }]) {
    const { page } = await visit(t, mirror, { size, hash: voice });
    const [previous, player, next] = await Promise.all(
      ["#previous", "#figure audio", "#next"].map((selector) => page.locator(selector).boundingBox()),
    );
    const width = await page.evaluate(() => document.documentElement.clientWidth);
    const edges = [previous.x, previous.x + previous.width, player.x, player.x + player.width, next.x, next.x + next.width];
    assert.deepEqual([0, ...edges, width], [0, ...edges, width].sort((a, b) => a - b), `${size.width} pixels`);
  }
});

test("a link to an element opens it, and a reload too", async (t) => {
  const { page } = await visit(t, mirror, { hash: `#id=${ROBOT}&view=5` });
  assert.equal(await caption(page), "Voice · 11.8 KiB");
  await page.reload();
  assert.equal(`${await title(page)}: ${await caption(page)}`, "PipTheRobot K7Q2M: Voice · 11.8 KiB");
});

test("it says all there is to say of an element, and links to its files", async (t) => {
  const { page } = await visit(t, mirror, { hash: `#id=${OWL}` });
  const said = await page.innerText("#panel");
  for (const words of ["2 missing", "Official", "Animal", "A violet owl", OWL, "Left: http_404", "Voice: too_large"]) {
    assert.ok(said.includes(words), `${words}: ${said}`);
  }
  const links = await page.$$eval("#details a", (all) => all.map((one) => one.getAttribute("href")));
  for (const file of ["cover.jpg", "video.mp4", "manifest.json", "element.json"]) assert.ok(links.includes(`${OWL}/${file}`), file);
  await page.goto(`${page.url().split("#")[0]}#id=${KNIGHT}`);
  await page.waitForFunction(() => document.getElementById("title").textContent.startsWith("Sir"));
  assert.ok((await page.innerText("#panel")).includes("side.jpg: declared 768x1365, is 480x640"));
  await page.goto(`${page.url().split("#")[0]}#id=${LANTERN}`);
  await page.waitForFunction(() => document.getElementById("title").textContent.startsWith("Lumi"));
  const older = await page.$$eval("#details a[href*=history][href$='/']", (all) => all.map((one) => one.href));
  assert.equal(older.length, 2);
  await page.goto(older[0]);
  assert.ok((await page.content()).includes("manifest.json"), "the folder of the older version is there");
});

test("a click with Control is left to the browser", async (t) => {
  const { page } = await visit(t, mirror);
  const opened = page.context().waitForEvent("page");
  await page.click(link(FOX), { modifiers: ["ControlOrMeta"] });
  assert.match((await opened).url(), /cover\.jpg$/);
  assert.ok(!(await isOpen(page)));
});

test("on a phone it is as wide as the window, and all of it can be reached", async (t) => {
  const { page } = await visit(t, mirror, { size: PHONE });
  await page.tap(link(KNIGHT));
  assert.ok(await isWithinWidth(page));
  assert.ok(await page.$eval("#lightbox", (dialog) => dialog.scrollWidth <= innerWidth));
  await page.locator("#figure img").evaluate((image) => image.decode());
  await screenshot(page, "phone-lightbox");
  await page.locator("#details a", { hasText: "element.json" }).scrollIntoViewIfNeeded();
  await page.tap("#close");
  assert.ok(!(await isOpen(page)));
});

test("in the dark it is dark", async (t) => {
  const { page } = await visit(t, mirror, { dark: true });
  const brightness = (selector) => page.$eval(selector, (node) => Math.max(...getComputedStyle(node).backgroundColor.match(/\d+/g).slice(0, 3)));
  assert.ok((await brightness("body")) < 40);
  await screenshot(page, "dark");
  await page.click(link(ROBOT));
  assert.ok((await brightness("#stage")) < 40);
  await page.locator("#figure img").evaluate((image) => image.decode());
  await screenshot(page, "dark-lightbox");
});
