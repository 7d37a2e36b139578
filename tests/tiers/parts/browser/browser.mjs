// The browser, watched: whatever it asks for, and whatever it complains of.

import { createReadStream, mkdtempSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";

const packages = createRequire(`${process.env.NODE_PACKAGES}/`);
const { chromium } = packages("playwright-core");
export const AXE = packages.resolve("axe-core/axe.min.js");

export const WIDE = { width: 1280, height: 860 };
export const PHONE = { width: 390, height: 844 };

// As root there is no sandbox; the rest keeps it from asking its maker for anything.
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"];

const launch = async (how) => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS, ...how });
  after(() => browser.close());
  return browser;
};
const browser = await launch();
// One whose scrollbars take room, as on most desks.
let desk;

/** A folder that is gone when the tier ends. */
export const folder = () => mkdtempSync(join(process.env.SCRATCH, "mirror-"));

export const screenshot = (page, name) => page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });

/** The address of a web server for what is in `folder`, which knows files, and no lists of them; and an icon. */
export async function served(test, folder) {
  const server = createServer((request, response) => {
    const path = join(folder, decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile();
    const type = { html: "text/html", json: "application/json" }[path.split(".").pop()] ?? "";
    response.writeHead(isFile ? 200 : request.url === "/favicon.ico" ? 204 : 404, { "Content-Type": type });
    if (isFile) createReadStream(path).pipe(response);
    else response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

/**
 * Opens a page from the disk, or what is at `url`. `seen` gathers what it asks for and complains of; a context with a
 * fresh profile is closed when the test ends. With `bars` its scrollbars take room. `wishes` are what else the reader's
 * system asks for.
 */
export async function visit(test, { page: path, url }, looking = {}) {
  const { hash = "", scripts = true, size = WIDE, dark = false, bars = false, ...wishes } = looking;
  const chosen = bars ? await (desk ??= launch({ ignoreDefaultArgs: ["--hide-scrollbars"] })) : browser;
  const context = await chosen.newContext({
    viewport: size, javaScriptEnabled: scripts, colorScheme: dark ? "dark" : "light", reducedMotion: "reduce",
    hasTouch: size === PHONE, isMobile: size === PHONE, ...wishes,
  });
  test.after(() => context.close());
  const page = await context.newPage();
  const seen = { complaints: [], asked: [], dialogs: [] };
  page.on("console", (message) => seen.complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.complaints.push(String(error)));
  page.on("requestfailed", (request) => {
    // A picture or sound that is not needed any more.
    const why = request.failure()?.errorText;
    if (why !== "net::ERR_ABORTED") seen.complaints.push(`${request.url()}: ${why}`);
  });
  page.on("request", (request) => seen.asked.push(request.url()));
  page.on("dialog", (dialog) => { seen.dialogs.push(dialog.message()); dialog.dismiss(); });
  await page.goto((url ?? pathToFileURL(path).href) + hash);
  return { page, seen };
}

/** Names of the elements that are shown, in their order. */
export const names = (page) =>
  page.$$eval("#grid > li:not([hidden]) a:first-of-type", (links) => links.map((link) => link.textContent));

/** Scrolls to the end, so that every picture has been near the window, and waits until they are there. */
export async function scrollThrough(page) {
  await page.evaluate(async () => {
    for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight / 2) {
      scrollTo(0, y);
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    }
  });
  await page.waitForFunction(() => [...document.images].every((image) => image.complete));
}

/** What has its whole width in the window. */
export const isWithinWidth = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);

/** What axe-core has against the page as it is. */
export async function barriers(page) {
  if (!(await page.evaluate(() => "axe" in globalThis))) {
    // The page's own policy keeps scripts out that are not its own.
    const session = await page.context().newCDPSession(page);
    const { readFileSync } = await import("node:fs");
    await session.send("Runtime.evaluate", { expression: readFileSync(AXE, "utf8") });
  }
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(" | ")}`);
}
