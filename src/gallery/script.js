"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const [grid, count, none, search] = ["grid", "count", "none", "search"].map($);
  const choices = { type: $("type"), tag: $("tag"), sort: $("sort") };
  const marks = [...$("marks").children];

  // What is looked for, and in: without case and accents.
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const collator = new Intl.Collator(undefined, { numeric: true });
  const grouped = (number) => number.toLocaleString("en");

  // The elements, in the order of their IDs. By simple selectors: those with a descendant take a hundred times as long.
  const elements = [...grid.children].map((card, place) => {
    const link = card.querySelector("a");
    const data = card.dataset;
    return {
      card, link, place, id: data.id, name: link.textContent, on: true, words: null,
      type: card.querySelector(".type")?.textContent ?? "",
      tags: Array.from(card.querySelector(".tags")?.children ?? [], (tag) => tag.textContent),
      is: data.is ? data.is.split(" ") : [],
      updated: +(data.updated ?? -Infinity), mirrored: +data.mirrored, size: +data.size,
    };
  });
  const byCard = new Map(elements.map((element) => [element.card, element]));
  const newest = (key) => (a, b) => b[key] - a[key] || a.place - b.place;
  const orders = {
    name: (a, b) => collator.compare(a.name, b.name) || a.place - b.place,
    updated: newest("updated"), mirrored: newest("mirrored"), size: newest("size"),
    id: (a, b) => a.place - b.place,
  };
  // All of them as they are sorted, and those that are shown.
  let sorted = elements;
  let sortedBy = "id";
  let shown = elements;

  function words(element) {
    const said = [".said", ".kinds"].map((part) => element.card.querySelector(part)?.textContent ?? "");
    return folded([element.name, element.id, element.type, ...element.tags, ...said].join("\n"));
  }

  // Shows what is asked for: nothing is measured between the changes, so that there is one layout for all of them.
  function show() {
    const terms = folded(search.value).split(/\s+/).filter(Boolean);
    const pressed = marks.filter((mark) => mark.ariaPressed === "true").map((mark) => mark.dataset.mark);
    const { type, tag, sort } = choices;
    if (sort.value !== sortedBy) {
      sortedBy = sort.value;
      sorted = [...elements].sort(orders[sortedBy]);
      const all = document.createDocumentFragment();
      for (const { card } of sorted) all.append(card);
      grid.append(all);
    }
    const matches = (element) =>
      (!type.value || element.type === type.value) &&
      (!tag.value || element.tags.includes(tag.value)) &&
      pressed.every((mark) => element.is.includes(mark)) &&
      terms.every((term) => (element.words ??= words(element)).includes(term));
    shown = [];
    for (const element of sorted) {
      const on = matches(element);
      if (on !== element.on) element.card.hidden = !(element.on = on);
      if (on) shown.push(element);
    }
    none.hidden = shown.length > 0 || elements.length === 0;
    const all = `${grouped(elements.length)} element${elements.length === 1 ? "" : "s"}`;
    count.textContent = shown.length === elements.length ? all : `${grouped(shown.length)} of ${all}`;
  }

  // What is asked for stands in the address, behind the #, so that a link or a reload shows it again. The large view is
  // a step of its own where it was opened from a card: the way back leads to the cards.
  const OPENED = "opened from its card";
  let writing;
  function remember() {
    clearTimeout(writing);
    writing = setTimeout(write, 250);
  }
  function write() {
    clearTimeout(writing);
    history.replaceState(history.state, "", address());
  }
  function address() {
    const asked = new URLSearchParams();
    if (search.value.trim()) asked.set("q", search.value.trim());
    if (choices.type.value) asked.set("type", choices.type.value);
    if (choices.tag.value) asked.set("tag", choices.tag.value);
    const pressed = marks.filter((mark) => mark.ariaPressed === "true").map((mark) => mark.dataset.mark);
    if (pressed.length) asked.set("only", pressed.join(" "));
    if (choices.sort.value !== "name") asked.set("sort", choices.sort.value);
    if (lightbox.open && current) {
      asked.set("id", current.id);
      if (view > 0) asked.set("view", view);
    }
    return `#${asked}`;
  }
  function read() {
    const asked = new URLSearchParams(location.hash.slice(1));
    search.value = asked.get("q") ?? "";
    for (const [name, choice] of Object.entries(choices)) {
      choice.value = asked.get(name) ?? choice.options[0].value;
      if (choice.selectedIndex < 0) choice.selectedIndex = 0;
    }
    const only = (asked.get("only") ?? "").split(" ");
    for (const mark of marks) mark.ariaPressed = only.includes(mark.dataset.mark);
    show();
    const wanted = asked.get("id") && elements.find((element) => element.id === asked.get("id"));
    if (wanted) open(wanted, +asked.get("view"));
    else if (lightbox.open) lightbox.close();
  }

  function offer(choice, values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    choice.hidden = counts.size < 2;
    for (const value of [...counts.keys()].sort(collator.compare)) {
      choice.add(new Option(`${value.length > 40 ? `${value.slice(0, 40)}…` : value} (${counts.get(value)})`, value));
    }
  }
  offer(choices.type, elements.map((element) => element.type).filter(Boolean));
  offer(choices.tag, elements.flatMap((element) => [...new Set(element.tags)]));
  for (const mark of marks) {
    const total = elements.filter((element) => element.is.includes(mark.dataset.mark)).length;
    mark.hidden = total === 0 || total === elements.length;
    mark.lastElementChild.textContent = grouped(total);
  }
  $("controls").hidden = elements.length < 2;

  let asked;
  search.addEventListener("input", () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => { show(); remember(); });
  });
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("controls").addEventListener("change", (event) => {
    if (event.target !== search) { show(); write(); }
  });
  $("marks").addEventListener("click", (event) => {
    const mark = event.target.closest("button");
    if (!mark) return;
    mark.ariaPressed = mark.ariaPressed !== "true";
    show();
    write();
  });
  none.addEventListener("click", (event) => {
    if (event.target.localName !== "button") return;
    search.value = choices.type.value = choices.tag.value = "";
    for (const mark of marks) mark.ariaPressed = false;
    show();
    write();
    search.focus();
  });
  addEventListener("keydown", (event) => {
    const writes = event.target.closest?.("input, select, textarea, dialog");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || writes) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // A picture that can't be shown leaves the ground that it stands on, and where it is all there is to see, says so.
  addEventListener("error", ({ target }) => {
    if (target.localName !== "img") return;
    target.hidden = true;
    if (target.parentElement?.className === "cover") target.parentElement.classList.add("bare");
    if (target.parentElement === figure) target.replaceWith(note("This picture can't be shown."));
  }, true);

  // The views of a card, by where the pointer is on it; each is loaded when it is looked at.
  let scrubbed = null;
  function scrub(card, x) {
    if (scrubbed?.card !== card) {
      rest();
      scrubbed = grasp(card);
    }
    const { cover, links, steps, images } = scrubbed;
    if (links.length < 2) return;
    const box = cover.getBoundingClientRect();
    const at = Math.max(0, Math.min(links.length - 1, Math.floor(((x - box.left) / box.width) * links.length)));
    if (scrubbed.at === at) return;
    scrubbed.at = at;
    Array.from(steps.children, (step, number) => step.classList.toggle("on", number === at));
    if (at > 0 && !images[at]) {
      images[at] = Object.assign(new Image(), { alt: "", src: links[at] });
      steps.before(images[at]);
    }
    images.forEach((image, number) => { image.hidden = number !== at; });
  }
  function grasp(card) {
    const cover = card.firstElementChild;
    const links = viewsIn(unfold(card)).filter(({ kind }) => kind === "image").map(({ link }) => link);
    const steps = document.createElement("span");
    steps.className = "steps";
    steps.append(...links.map(() => document.createElement("i")));
    // Before what is to be seen at once, which makes room for them.
    if (links.length > 1) cover.querySelector("img").after(steps);
    return { card, cover, links, steps, images: [], at: -1 };
  }
  function rest() {
    scrubbed?.steps.remove();
    scrubbed?.images.forEach((image) => image.remove());
    scrubbed = null;
  }
  if (matchMedia("(hover: hover)").matches) {
    grid.addEventListener("pointermove", (event) => {
      const card = event.target.closest("#grid > li");
      if (card) scrub(card, event.clientX);
      else rest();
    }, { passive: true });
    grid.addEventListener("pointerleave", rest);
  }

  // The large view.
  const [lightbox, stage, figure, strip, details] = ["lightbox", "stage", "figure", "views", "details"].map($);
  let current = null;
  let views = [];
  let view = 0;

  // What there is to say of an element is markup that the browser has taken for text; none of it can do anything here.
  function unfold(card) {
    const text = card.querySelector("noscript").textContent;
    const said = new DOMParser().parseFromString(text, "text/html").querySelector("details");
    said.querySelector("summary").remove();
    return document.adoptNode(said);
  }
  function viewsIn(said) {
    return [...said.querySelectorAll("a[type]")].map((link) => ({
      link: link.getAttribute("href"), label: link.textContent, kind: link.type.split("/")[0],
      said: link.nextElementSibling.textContent.replace(/^[^,]*, /, "").replaceAll(", ", " · "),
    }));
  }

  function open(element, at = 0) {
    if (element !== current || !lightbox.open) fill(element);
    look(at);
    if (lightbox.open) return;
    // How wide the page's scrollbar is, which is away for now.
    document.body.style.setProperty("--gutter", `${innerWidth - document.documentElement.clientWidth}px`);
    lightbox.showModal();
  }
  function fill(element) {
    current = element;
    const { card } = element;
    const said = unfold(card);
    views = viewsIn(said);
    $("title").replaceChildren(...[...element.link.childNodes].map((node) => node.cloneNode(true)));
    const labels = Array.from(
      card.querySelectorAll(".marks span, .star, .official, .tags bdi"), (node) => node.cloneNode(true),
    );
    for (const label of labels) if (["star", "official"].includes(label.className)) label.removeAttribute("class");
    $("labels").replaceChildren(...labels);
    $("text").textContent = card.querySelector(".said")?.textContent ?? "";
    details.replaceChildren(...said.childNodes);
    strip.replaceChildren(...(views.length > 1 ? views.map(thumbnail) : []));
    $("panel").scrollTop = lightbox.scrollTop = 0;
  }
  function thumbnail({ link, label, kind }, number) {
    const button = document.createElement("button");
    button.type = "button";
    button.ariaLabel = label;
    button.title = label;
    button.dataset.number = number;
    if (kind === "image") {
      const image = new Image();
      image.alt = "";
      image.src = link;
      button.append(image);
    } else {
      button.className = kind === "audio" ? "voice" : kind;
    }
    return button;
  }

  function look(at) {
    view = Math.max(0, Math.min(views.length - 1, Math.trunc(at) || 0));
    const seen = views[view];
    figure.replaceChildren(...(seen ? shape(seen) : [note("No picture, video or sound of it is here.")]));
    const place = shown.indexOf(current);
    $("place").textContent = place < 0 ? "" : `${grouped(place + 1)} of ${grouped(shown.length)}`;
    $("caption").textContent = seen ? `${seen.label} · ${seen.said}` : "";
    [...strip.children].forEach((button, number) => {
      button.ariaCurrent = number === view ? "true" : null;
      if (number === view) button.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
    $("previous").disabled = view === 0 && place <= 0;
    $("next").disabled = view >= views.length - 1 && (place < 0 || place === shown.length - 1);
    const next = views[view + 1];
    if (next?.kind === "image") new Image().src = next.link;
    if (!lightbox.open) return;
    holdFocus();
    remember();
  }
  // A button that is disabled or gone takes the focus with it, and the arrow keys would reach nothing.
  function holdFocus() {
    const focused = document.activeElement;
    if (focused?.disabled || !lightbox.contains(focused)) stage.focus();
  }
  function shape({ link, label, kind }) {
    const picture = (src, alt) => Object.assign(new Image(), { src, alt });
    const name = `${current.name}: ${label}`;
    if (kind === "image") return [picture(link, name)];
    const cover = views.find((other) => other.kind === "image")?.link;
    if (kind !== "video" && kind !== "audio") return [note("No picture, video or sound; the link is among the files.")];
    const player = document.createElement(kind);
    Object.assign(player, { controls: true, preload: "metadata", src: link, ariaLabel: name });
    if (kind === "video") {
      player.playsInline = true;
      if (cover) player.poster = cover;
      return [player];
    }
    return cover ? [picture(cover, ""), player] : [player];
  }
  function note(text) {
    return Object.assign(document.createElement("p"), { textContent: text });
  }
  // To the next view, and behind the last to the next element.
  function step(by) {
    if (views[view + by]) return look(view + by);
    const neighbour = shown[shown.indexOf(current) + by];
    if (!neighbour || !shown.includes(current)) return;
    fill(neighbour);
    look(by > 0 ? 0 : views.length - 1);
  }

  grid.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const card = event.target.closest("h2 a")?.closest("li");
    if (!card) return;
    event.preventDefault();
    // The way back is to the page as it is now, with the words that may still wait to be written into its address.
    write();
    open(byCard.get(card));
    history.pushState(OPENED, "", address());
  });
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => lightbox.close());
  strip.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) look(+button.dataset.number);
  });
  lightbox.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("video, audio")) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
  // A finger that goes sideways over a picture is as good as an arrow key.
  let finger = null;
  visualViewport.addEventListener("resize", () => figure.classList.toggle("zoomed", visualViewport.scale > 1.01));
  figure.addEventListener("touchstart", (event) => {
    const isAlone = event.touches.length === 1 && event.target.localName === "img" && figure.className !== "zoomed";
    finger = isAlone ? event.touches[0] : null;
  }, { passive: true });
  figure.addEventListener("touchend", (event) => {
    if (!finger) return;
    const [lifted] = event.changedTouches;
    const [across, along] = [lifted.clientX - finger.clientX, lifted.clientY - finger.clientY];
    finger = null;
    if (Math.abs(across) > 48 && Math.abs(across) > 2 * Math.abs(along)) step(across < 0 ? 1 : -1);
  });
  lightbox.addEventListener("close", () => {
    figure.replaceChildren();
    clearTimeout(writing);
    if (history.state === OPENED) {
      // The browser scrolls to where it was opened; the element that was looked at last may stand elsewhere.
      addEventListener("hashchange", () => current.link.focus(), { once: true });
      history.back();
    } else {
      write();
      current?.link.focus();
    }
  });

  addEventListener("hashchange", read);
  read();
})();
