// What a page does beyond what it is: keys, the brush, copying, and the look for what is new.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const isTyping = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]");

  // The one input: Enter asks, and whole headers are seen as they are.
  for (const area of all("textarea[data-find]")) {
    const fit = () => { area.rows = Math.min(8, Math.max(1, area.value.split("\n").length)); };
    area.addEventListener("input", fit);
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        area.form.requestSubmit();
      }
    });
    fit();
  }

  // Copying.
  const copyButton = (words, text) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text());
        button.textContent = "Copied";
      } catch {
        button.textContent = "Select it to copy";
      }
      setTimeout(() => { button.textContent = words; }, 2000);
    });
    return button;
  };
  for (const line of all(".command")) {
    line.append(copyButton("Copy", () => one("code", line).textContent));
  }
  for (const place of all("[data-copy]")) {
    place.append(copyButton("Copy", () => document.getElementById(place.dataset.copy).textContent));
  }

  // An original that is linked to opens; the one that is open is part of the address.
  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView({ block: "nearest" }); }
  };
  addEventListener("hashchange", openTarget);
  openTarget();
  for (const details of all("details[id]")) {
    details.addEventListener("toggle", () => {
      if (details.open) { history.replaceState(null, "", `#${details.id}`); }
      else if (location.hash === `#${details.id}`) { history.replaceState(null, "", location.pathname + location.search); }
    });
  }

  // The brush: from the bar where it begins to the one where it ends.
  for (const figure of all(".histogram")) {
    const plot = one("svg.bars", figure);
    const bars = all("a", plot);
    let from = null;
    let brush = null;
    const barAt = (event) => {
      const box = plot.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      return Math.min(bars.length - 1, Math.max(0, Math.floor(share * bars.length)));
    };
    const show = (to) => {
      const [first, last] = [Math.min(from, to), Math.max(from, to)];
      brush.setAttribute("x", `${(first / bars.length) * 100}%`);
      brush.setAttribute("width", `${((last - first + 1) / bars.length) * 100}%`);
    };
    plot.addEventListener("dragstart", (event) => event.preventDefault());
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || bars.length === 0) { return; }
      from = barAt(event);
      brush = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      brush.setAttribute("class", "brush");
      brush.setAttribute("height", "100%");
      plot.append(brush);
      show(from);
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", (event) => { if (from !== null) { show(barAt(event)); } });
    plot.addEventListener("pointerup", (event) => {
      if (from === null) { return; }
      const to = barAt(event);
      const [first, last] = [bars[Math.min(from, to)], bars[Math.max(from, to)]];
      from = null;
      const times = new URLSearchParams({ since: first.dataset.since, until: last.dataset.until });
      const base = figure.dataset.base;
      const joint = base.endsWith("?") ? "" : base.includes("?") ? "&" : "?";
      location.assign(base + joint + times);
    });
    plot.addEventListener("pointercancel", () => { from = null; brush?.remove(); });
    plot.addEventListener("click", (event) => event.preventDefault());
    plot.addEventListener("keydown", (event) => { if (event.key === "Escape") { from = null; brush?.remove(); } });
  }

  // Keys.
  const dialog = document.getElementById("keys");
  const opener = one("[data-keys]");
  if (opener) { opener.hidden = false; opener.addEventListener("click", () => dialog.showModal()); }
  const rows = () => all("[data-row]").map((it) => one(".row", it) ?? one("a", it)).filter(Boolean);
  const move = (by) => {
    const places = rows();
    if (places.length === 0) { return; }
    const at = places.findIndex((it) => it === document.activeElement || it.closest("[data-row]").contains(document.activeElement));
    const next = at < 0 ? (by > 0 ? 0 : places.length - 1) : Math.min(places.length - 1, Math.max(0, at + by));
    places[next].focus();
    places[next].scrollIntoView({ block: "nearest" });
  };
  const goes = { s: "./", m: "messages", e: "search", t: "statistics" };
  let isGoing = false;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) { return; }
    if (isTyping(event.target)) {
      if (event.key === "Escape") { event.target.blur(); }
      return;
    }
    if (dialog.open) { return; }
    if (isGoing) {
      isGoing = false;
      if (Object.hasOwn(goes, event.key)) { location.assign(goes[event.key]); }
      return;
    }
    switch (event.key) {
      case "/": {
        const input = one("[data-find], #find");
        if (input) { event.preventDefault(); input.focus(); input.select(); }
        break;
      }
      case "j": move(1); break;
      case "k": move(-1); break;
      case "g": isGoing = true; setTimeout(() => { isGoing = false; }, 1500); break;
      case "c": one(".command button")?.click(); break;
      case "r": if (!fresh.hidden) { location.reload(); } break;
      case "?": event.preventDefault(); dialog.showModal(); break;
      default: break;
    }
  });

  // What is new is said, and taken on a click: nothing moves under whoever reads.
  const fresh = one(".fresh");
  const seconds = Number(document.body.dataset.pulse);
  const records = Number(document.body.dataset.records);
  const button = one("button", fresh);
  button.addEventListener("click", () => location.reload());
  const look = async () => {
    if (document.hidden) { return; }
    try {
      const answer = await fetch("pulse", { headers: { accept: "application/json" } });
      if (!answer.ok) { return; }
      const grown = (await answer.json()).records - records;
      if (grown > 0) {
        button.textContent = `${grown.toLocaleString("en")} new ${grown === 1 ? "event" : "events"}: show`;
        fresh.hidden = false;
      }
    } catch { /* It is asked again. */ }
  };
  if (seconds > 0) { setInterval(look, seconds * 1000); document.addEventListener("visibilitychange", look); }
})();
