// Mirrors to look at: the samples, the samples after a year, one of hostile words, one of ten thousand elements.

import { execFileSync } from "node:child_process";
import { cpSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { deflateSync } from "node:zlib";

const PROJECT = resolve(import.meta.dirname, "../../../..");
const PROGRAM = process.env.PROGRAM;

/** Runs the program to its end; gives what it said. */
function program(...args) {
  return execFileSync(PROGRAM, args, { env: {}, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}

/** The page of a mirror, written anew, and how long that took. */
function paged(mirror) {
  const before = performance.now();
  program("gallery", mirror, "-q");
  const took = performance.now() - before;
  return { mirror, page: join(mirror, "index.html"), took };
}

/** The samples, by a run. */
export function samples(here) {
  const mirror = join(here, "mirror");
  program("run", "--demo", join(PROJECT, "sample-ids.txt"), "-o", mirror, "--gallery", "-q");
  return { mirror, page: join(mirror, "index.html") };
}

export const FOX = "u_302851774920316", OWL = "u_303118460275593", ROBOT = "u_302847193845201";
export const KNIGHT = "u_303592277410865", LANTERN = "u_303871650933428";

/** The samples with all that may become of elements: gone, incomplete, odd, superseded, damaged. */
export function aged(here) {
  const { mirror } = samples(here);
  const change = (id, how) => {
    const path = join(mirror, id, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    how(manifest);
    writeFileSync(path, JSON.stringify(manifest));
    // It names the manifest that was.
    rmSync(join(mirror, id, "SHA256SUMS"));
  };
  writeFileSync(join(mirror, ".element-mirror/gone", FOX), "2026-11-03T08:00:00Z\n");
  change(OWL, (manifest) => {
    manifest.missing = [
      { role: "secondary", slot: "left", url: "https://cdn.example/left.png", error: "http_404" },
      { role: "voice", slot: "", url: "https://cdn.example/voice.mp3", error: "too_large" },
    ];
    manifest.element.official = true;
  });
  change(KNIGHT, (manifest) => {
    manifest.warnings = [{ file: "side.jpg", code: "dimensions_differ", message: "declared 768x1365, is 480x640" }];
  });
  for (const when of ["20261001T100000Z", "20261101T100000Z"]) {
    const past = join(mirror, ".element-mirror/history", LANTERN, when);
    cpSync(join(mirror, LANTERN), past, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(past, "manifest.json"), "utf8"));
    manifest.committedAt = when.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, "$1-$2-$3T$4:$5:");
    writeFileSync(join(past, "manifest.json"), JSON.stringify(manifest));
    rmSync(join(past, "SHA256SUMS"));
  }
  return paged(mirror);
}

/** A PNG of one colour, with a lighter square in it. */
function png(width, height, [red, green, blue]) {
  const table = Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
  });
  const crc = (bytes) => ~bytes.reduce((sum, byte) => table[(sum ^ byte) & 255] ^ (sum >>> 8), -1) >>> 0;
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const inside = Math.abs(x / width - 0.5) < 0.25 && Math.abs(y / height - 0.5) < 0.25;
      const fade = 1 - y / height / 4;
      const colour = [red, green, blue].map((part) => Math.min(255, part * fade + (inside ? 60 : 0)));
      rows.set(colour, y * (1 + width * 3) + 1 + x * 3);
    }
  }
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

const DIGEST = "77c1ab00".repeat(8);

/** Writes elements as the program would, all with the pictures in `pictures`, one after the other. */
function written(here, count, elementOf) {
  const mirror = join(here, "mirror");
  mkdirSync(mirror, { recursive: true });
  const pictures = Array.from({ length: 24 }, (_, n) => {
    const path = join(here, `${n}.png`);
    const hue = (shift) => 150 + Math.round(70 * Math.cos((n / 24 + shift) * 2 * Math.PI));
    writeFileSync(path, png(192, 256, [hue(0), hue(1 / 3), hue(2 / 3)]));
    return path;
  });
  for (let number = 0; number < count; number += 1) {
    const { id, slots = ["", "side", "back"], ...rest } = elementOf(number);
    const folder = join(mirror, id);
    mkdirSync(folder);
    const assets = slots.map((slot, at) => {
      const file = at === 0 ? "cover.png" : `view-${at}.png`;
      linkSync(pictures[(number + at * 7) % pictures.length], join(folder, file));
      return {
        file, role: at === 0 ? "cover" : "secondary", slot, size: 30_000 + number, sha256: DIGEST, mediaType: "image/png",
        width: 192, height: 256, url: "https://cdn.example/x.png", fetchedAt: "2026-11-23T07:59:58Z",
      };
    });
    const { missing = [], warnings = [], ...element } = rest;
    writeFileSync(join(folder, "element.json"), "{}");
    writeFileSync(join(folder, "manifest.json"), JSON.stringify({
      format: 1, generator: "element-mirror 0.1.0",
      committedAt: new Date(1_795_000_000_000 + number * 60_000).toISOString(), element: { id, ...element },
      response: { file: "element.json", size: 2, sha256: DIGEST }, assets, missing, warnings,
    }));
  }
  return paged(mirror);
}

const ADJECTIVES = ["Amber", "Brave", "Calm", "Dapper", "Élan", "Fuzzy", "Gentle", "Hidden", "Icy", "Jolly"];
const NOUNS = ["Astronaut", "Bear", "Castle", "Dragon", "Elf", "Fox", "Ghost", "House", "Island", "Juggler"];

/** A mirror of so many elements. */
export function many(here, count) {
  return written(here, count, (number) => ({
    id: `u_${300_000_000_000_000 + number * 7919}`,
    name: `${ADJECTIVES[number % 10]}${NOUNS[Math.floor(number / 10) % 10]} ${number.toString(36).toUpperCase().padStart(5, "0")}`,
    type: number % 7 ? "IMAGE" : "VIDEO",
    description: `A ${NOUNS[number % 10].toLowerCase()} that was drawn for a mirror of many; number ${number} of them, looking left.`,
    tags: [{ id: number % 5, tagKey: `o_${number % 5}`, tagDesc: ["Character", "Animal", "Prop", "Scene", "Vehicle"][number % 5] }],
    userId: 42, currentVersion: 1, favored: number % 10 === 3, official: false,
    createTime: new Date(1_736_640_000_000 + number * 3_600_000).toISOString(),
    updateTime: new Date(1_736_640_000_000 + ((number * 7919) % count) * 3_600_000).toISOString(),
    missing: number % 100 === 50 ? [{ role: "secondary", slot: "top", url: "https://cdn.example/t", error: "http_404" }] : [],
  }));
}

/** Sets `hacked` if a browser takes it for anything but text. */
const CODE = "document.documentElement.dataset.hacked=1";

/** What hostile words there are, by what they try. */
export const HOSTILE = {
  script: `<script>${CODE}</script>`,
  end: `</bdi></a></li></noscript></script></style></title></dialog><script>${CODE}</script>`,
  attribute: `" onmouseover="${CODE}" style="position:fixed" x='`,
  image: `<img src=x onerror=${CODE}>`,
  entity: `&lt;script&gt;${CODE}&lt;/script&gt; &#x22; &amp;amp; &nbsp`,
  rightToLeft: "\u202egnp.exe\u202d \u2066 \u200f שלום עולם",
  unclosed: "\u202e\u202e\u2067 abc",
  long: "W".repeat(10_000),
  lines: "a\nb\r\nc\td",
  control: "\0\u0001\u001b[31mred\u0085\u009b",
  emoji: "👩‍👩‍👧‍👦 🏳️‍🌈 🇺🇳 a̐éö̲",
  marks: "Z̸̡̢̛̰̱̲̳̹̺̻̼͇͈͉͍͎̀́̂̃̄̅̆̇̈̉̊̋̌̍̎̏".repeat(30),
  address: "javascript:document.documentElement.dataset.hacked=1",
  comment: `<!-- --><!--><script>${CODE}</script>-->`,
  template: "${7*7} {{7*7}} #{7*7} <%= 7*7 %>",
  clobber: "grid",
};

// IDs by which a script might look for its own nodes, or for what every object has.
const IDS = ["grid", "search", "lightbox", "__proto__", "constructor", "_--", "toString"];

/** The ID of the element with the hostile words of that name. */
export const hostileId = (name) => {
  const number = Object.keys(HOSTILE).indexOf(name);
  return IDS[number] ?? `u_${number}`;
};

/** A mirror in which every word that the network says is hostile. */
export function hostile(here) {
  return written(here, Object.keys(HOSTILE).length, (number) => {
    const [name, words] = Object.entries(HOSTILE)[number];
    return {
      id: hostileId(name), name: words, type: words, description: words, slots: ["", words, "topView"],
      tags: [words, { tagDesc: words }, { [words]: words }, [[words]], null],
      missing: [{ role: "video", slot: words, url: words, error: words }],
      warnings: [{ file: words, code: words, message: words }],
    };
  });
}

if (process.argv[1] === import.meta.filename) {
  const [which, here, count] = process.argv.slice(2);
  mkdirSync(here, { recursive: true });
  console.log({ samples, aged, many, hostile }[which](here, +count));
}
