// The graph: forward layers down the middle, gradients beside them, optimizers at the right. Nothing moves between stages.

const GAP = 22, SIDE = 90, HEIGHT = 34, HEAD = 24, MARGIN = 26;
let zoom = 1, layout = null;

// Where every box is, for what is open: {x, y, w, h} from its upper left corner.
function laidOut() {
  const size = (b, n) => state.open.has(n)
    ? { w: Math.max(b.within.width, b.width, 8 + 7 * boxTitle(b).length), h: b.within.height + HEAD } : { w: b.width, h: HEIGHT };
  const places = rec.boxes.map((b, n) => ({ ...size(b, n), x: 0, y: 0 }));
  const rows = grouped(rec.boxes.map((b, n) => [b.row, n]));
  const last = Math.max(...rec.boxes.map((b) => b.row), 0);
  let y = MARGIN, edge = 0;
  for (let r = 0; r <= last; r++) {
    const members = rows.get(r) || [];
    const tall = Math.max(...members.map((n) => places[n].h), HEIGHT);
    let right = -Infinity;
    for (const n of members.filter((m) => rec.boxes[m].beside === null).sort((a, b) => rec.boxes[a].x - rec.boxes[b].x)) {
      const p = places[n];
      p.x = Math.max(rec.boxes[n].x - p.w / 2, right + GAP);
      right = p.x + p.w;
    }
    for (const n of members) places[n].y = y + (tall - places[n].h) / 2;
    y += tall + GAP;
  }
  const left = Math.min(...places.filter((p, n) => rec.boxes[n].beside === null).map((p) => p.x), 0);
  places.forEach((p, n) => { if (rec.boxes[n].beside === null) { p.x += MARGIN - left; edge = Math.max(edge, p.x + p.w); } });
  let width = edge;
  for (const members of rows.values()) {
    let x = edge + SIDE;
    for (const n of members.filter((m) => rec.boxes[m].beside !== null)) { places[n].x = x; x += places[n].w + GAP; width = Math.max(width, places[n].x + places[n].w); }
  }
  return { places, width: width + MARGIN, height: y - GAP + 2 * MARGIN };
}

// How a value differs from the stage before: "new", "gone", "changed" or "".
function changes() {
  const now = rec.at(state.stage), before = state.stage ? rec.at(state.stage - 1) : now, found = new Map();
  const named = (set) => new Map([...set].map((k) => [rec.values[k].name, k]));
  const nowNamed = named(now), beforeNamed = named(before);
  for (const [name, k] of nowNamed) {
    if (!beforeNamed.has(name)) found.set(k, "new");
    else if (rec.text(k) !== rec.text(beforeNamed.get(name))) found.set(k, "changed");
  }
  for (const [name, k] of beforeNamed) if (!nowNamed.has(name)) found.set(k, "gone");
  return found;
}

function drawPicture() {
  layout = laidOut();
  const now = rec.at(state.stage), what = changes(), chain = chosenChain(), heat = heatOf();
  const root = svg("svg", { viewBox: `0 0 ${layout.width} ${layout.height}`, width: layout.width * zoom, height: layout.height * zoom, role: "img" });
  root.append(svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" }, svg("path", { d: "M0 0L8 4L0 8z" }))));
  root.append(edges(now, chain));
  rec.boxes.forEach((b, n) => root.append(drawBox(b, n, now, what, chain, heat)));
  byId("scroll").replaceChildren(root);
  drawLegend(heat);
}

function edges(now, chain) {
  const group = svg("g"), pairs = new Map();
  for (const k of now) {
    const b = rec.box_of[k];
    for (const i of b >= 0 ? rec.values[k].inputs : []) {
      const a = rec.box_of[i];
      if (a < 0 || a === b) continue;
      const [from, to] = [anchor(i), anchor(k)], key = `${from.key} ${to.key}`;
      const on = chain.has(i) || chain.has(k), isShared = isOfSeveral(i);
      if (!pairs.has(key)) pairs.set(key, { from, to, on: false, shared: true, saved: rec.boxes[a].kind !== "gradient" && rec.boxes[b].kind === "gradient" });
      pairs.get(key).shared &&= isShared;
      pairs.get(key).on ||= on && state.thing !== "";
    }
    for (const w of b >= 0 ? boxesWithin(k) : []) pairs.set(`w${w} ${k}`, { from: { ...layout.places[w] }, to: anchor(k), saved: false, on: false });
  }
  for (const e of pairs.values()) group.append(svg("path", { d: curve(e.from, e.to), class: `edge${e.saved ? " saved" : ""}${e.shared ? " shared" : ""}${e.on ? " on" : ""}`, "marker-end": e.saved ? null : "url(#tip)" }));
  return group;
}

// Whether a value is of several layers, which compute it once, or of none.
function isOfSeveral(k) { return rec.layerOf(k) === "" || new Set(rec.values[k].origins.map((o) => rec.origins[o].layer)).size > 1; }

// The boxes of what is in the graphs that a value runs, without its own.
function boxesWithin(k) {
  return new Set(rec.values[k].graphs.flatMap((g) => rec.order(g)).map((v) => rec.box_of[v]).filter((n) => n >= 0 && n !== rec.box_of[k]));
}

// The rectangle where an edge of a value ends: the value within an open box, the box else.
function anchor(k) {
  const n = rec.box_of[k], p = layout.places[n];
  if (!state.open.has(n)) return { ...p, key: `b${n}` };
  const [, x, y, w] = rec.boxes[n].within.values[rec.slot_of[k]];
  return { x: p.x + (p.w - rec.boxes[n].within.width) / 2 + x - w / 2, y: p.y + HEAD + y - HEIGHT / 2 + 3, w, h: HEIGHT - 6, key: `b${n}s${rec.slot_of[k]}` };
}

function curve(a, b) {
  const [ax, bx] = [a.x + a.w / 2, b.x + b.w / 2];
  if (b.y >= a.y + a.h) {
    const [y0, y1] = [a.y + a.h, b.y], bend = (y1 - y0) / 2;
    return `M${ax} ${y0}C${ax} ${y0 + bend} ${bx} ${y1 - bend} ${bx} ${y1}`;
  }
  if (a.y >= b.y + b.h && Math.abs(ax - bx) < (a.w + b.w) / 2) {
    const [y0, y1] = [a.y, b.y + b.h], bend = (y1 - y0) / 2;
    return `M${ax} ${y0}C${ax} ${y0 + bend} ${bx} ${y1 - bend} ${bx} ${y1}`;
  }
  const right = bx >= ax, [x0, x1] = right ? [a.x + a.w, b.x] : [a.x, b.x + b.w], bend = (x1 - x0) / 2;
  const [y0, y1] = [a.y + a.h / 2, b.y + b.h / 2];
  return `M${x0} ${y0}C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1} ${y1}`;
}

function drawBox(b, n, now, what, chain, heat) {
  const p = layout.places[n], all = rec.inBox.get(n) || [], left = all.filter((k) => now.has(k));
  const states = new Set(all.map((k) => what.get(k)).filter(Boolean));
  const state_ = states.size === 0 ? "" : left.length === 0 ? "gone" : states.size === 1 && states.has("new") && left.every((k) => what.get(k) === "new") ? "new" : "changed";
  const isOpen = state.open.has(n), isAway = left.length === 0 && state_ !== "gone";
  const isChosen = state.thing === `box:${n}` || (state.thing.startsWith("layer:") ? isWithin(b.layer, state.thing.slice(6)) : !isOpen && all.some((k) => chain.has(k)));
  const names = ["box", b.kind, state_, isOpen && "open", isAway && "away", isChosen && "chosen"].filter(Boolean).join(" ");
  const toggle = (e) => { e.stopPropagation(); toggleOpen(n); };
  const group = svg("g", { class: names, data: { box: n }, on: { click: (e) => { e.stopPropagation(); choose(`box:${n}`); }, dblclick: toggle } });
  const rect = svg("rect", { x: p.x, y: p.y, width: p.w, height: p.h, rx: 6 });
  const amount = heat ? sum(left.map((k) => heat.of.get(k) || 0)) : 0;
  if (heat && !isOpen) rect.style.fill = heatColour(amount / heat.most);
  const counted = b.kind === "input" ? typeOf(all) : left.length ? `${left.length} op${left.length > 1 ? "s" : ""}${heat ? `, ${readable(amount, heat.unit)}` : badge(n, left)}` : "nothing left";
  group.append(svg("title", {}, `${boxTitle(b)}: ${left.length} operations in this stage`), rect);
  const fits = Math.max(8, Math.floor((p.w - 10) / 6.7)), title = b.kind === "gradient" ? `∇ ${cutFront(b.layer, fits - 2)}` : cutFront(boxTitle(b), fits);
  if (isOpen) {
    group.append(svg("text", { x: p.x + 8, y: p.y + 15, "font-weight": 600 }, title));
    group.append(within(b, n, p, now, what, chain, heat));
  } else {
    group.append(svg("text", { x: p.x + p.w / 2, y: p.y + 14, "text-anchor": "middle", "font-weight": 600 }, title));
    group.append(svg("text", { x: p.x + p.w / 2, y: p.y + 27, "text-anchor": "middle", class: "soft" }, cut(counted, fits + 1)));
  }
  return group;
}

// The values of an open box, with the edges between them.
function within(b, n, p, now, what, chain, heat) {
  const group = svg("g"), present = new Map();
  for (const k of rec.inBox.get(n) || []) if (now.has(k) || what.get(k) === "gone") present.set(rec.slot_of[k], k);
  for (const k of present.values()) {
    for (const i of rec.values[k].inputs) {
      if (rec.box_of[i] !== n || !now.has(k)) continue;
      const on = state.thing !== "" && (chain.has(i) || chain.has(k));
      group.append(svg("path", { d: curve(anchor(i), anchor(k)), class: `edge${on ? " on" : ""}`, "marker-end": "url(#tip)" }));
    }
  }
  b.within.values.forEach(([name], slot) => {
    const k = present.get(slot), a = anchor((rec.inBox.get(n) || []).find((v) => rec.slot_of[v] === slot));
    const names = ["box", b.kind, k === undefined ? "away" : what.get(k) || "", k !== undefined && chain.has(k) && "chosen"].filter(Boolean).join(" ");
    const rect = svg("rect", { x: a.x, y: a.y, width: a.w, height: a.h, rx: 4 });
    if (heat && k !== undefined) rect.style.fill = heatColour((heat.of.get(k) || 0) / heat.most);
    const fits = Math.floor((a.w - 8) / 6.7);
    group.append(svg("g", { class: names, data: { value: name }, on: { click: (e) => { e.stopPropagation(); choose(`value:${name}`); } } },
      svg("title", {}, k === undefined ? `%${name} is not in this stage` : rec.text(k)), rect,
      svg("text", { x: a.x + a.w / 2, y: a.y + 12, "text-anchor": "middle" }, cutFront(name, fits)),
      svg("text", { x: a.x + a.w / 2, y: a.y + 23, "text-anchor": "middle", class: "soft" }, cut(k === undefined ? "" : rec.values[k].op, fits))));
  });
  return group;
}

function toggleOpen(n) {
  const open = new Set(state.open);
  if (!open.delete(n)) open.add(n);
  set({ open });
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const typeOf = (values) => (values.length ? rec.values[values[0]].type : "");

// "same as 5 others", for boxes that compute the same operations on the same types.
let badges = null;
function badge(n, left) {
  if (!badges || badges.stage !== state.stage) {
    const now = rec.at(state.stage);
    const texts = rec.boxes.map((_, m) => (rec.inBox.get(m) || []).filter((k) => now.has(k)).map((k) => `${rec.values[k].op} ${rec.values[k].type}`).join());
    badges = { stage: state.stage, texts, counts: grouped(texts.map((t, m) => [t, m])) };
  }
  const same = badges.counts.get(badges.texts[n]).length;
  return left.length > 1 && same > 1 ? `, 1 of ${same}` : "";
}

// ---- colours -----------------------------------------------------------------------------------------------------------

const UNITS = { flops: "", bytes: "B", seconds: "s", own: "" };

function heatOf(colour = state.colour) {
  if (!Object.hasOwn(UNITS, colour) || (colour === "seconds" && !rec.profile)) return null;
  const of = colour === "own" ? ownValues() : rec.shares(colour), last = rec.at(rec.shown.length - 1);
  const perBox = [...rec.inBox.values()].map((all) => sum(all.map((k) => (last.has(k) ? of.get(k) || 0 : 0))));
  return { of, most: Math.max(...perBox, 1e-300), unit: UNITS[colour] };
}

// The user's own column: a number of a layer falls to its first value.
function ownValues() {
  const found = new Map();
  for (const [name, number] of rec.own) {
    const values = rec.byName.get(name) || (rec.inBox.get(rec.boxes.findIndex((b) => b.layer === name && b.kind !== "gradient")) || []).slice(0, 1);
    for (const k of values) found.set(k, number);
  }
  return found;
}

function heatColour(part) {
  const share = Math.round(Math.sqrt(Math.min(Math.max(part, 0), 1)) * 85);
  return `color-mix(in srgb, #e8590c ${share}%, var(--card))`;
}

function drawLegend(heat) {
  const item = (colour, text) => el("span", {}, el("i", { css: { background: colour } }), text);
  const first = heat ? [item(heatColour(1), `${readable(heat.most, heat.unit)}`), item(heatColour(0.02), "little")]
    : [item("var(--layer)", "forward"), item("var(--gradient)", "gradient"), item("var(--part)", "input, loss, metrics, optimizer")];
  const marks = changes().size ? [item("var(--new)", "new"), item("var(--changed)", "changed"), item("var(--gone)", "gone")] : [];
  byId("legend").replaceChildren(...first, ...marks);
}

// ---- zoom --------------------------------------------------------------------------------------------------------------

function setZoom(to) {
  const scroll = byId("scroll"), middle = (scroll.scrollTop + scroll.clientHeight / 2) / zoom;
  zoom = Math.min(Math.max(to, 0.05), 4);
  const root = scroll.firstElementChild;
  root.setAttribute("width", layout.width * zoom);
  root.setAttribute("height", layout.height * zoom);
  scroll.scrollTop = middle * zoom - scroll.clientHeight / 2;
}

function fit() { setZoom(Math.min(1.15, (byId("scroll").clientWidth - 4) / layout.width)); }

function reveal() {
  const first = byId("scroll").querySelector(".chosen");
  if (!first) return;
  const r = first.getBoundingClientRect(), s = byId("scroll").getBoundingClientRect();
  if (r.top < s.top || r.bottom > s.bottom || r.left < s.left || r.right > s.right) first.scrollIntoView({ block: "center", inline: "center" });
}
