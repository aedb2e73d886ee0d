// The keyboard, and the search.

const KEYS = [["/", "search"], ["[  ]", "the stage before, the next one"], ["arrows", "from what is chosen along its edges; left and right: the gradient and back"],
  ["Enter", "open or close the chosen layer"], ["Esc", "nothing chosen"], ["c", "colour by the next quantity"], ["1 to 7", "the panes below"], ["+  -  0", "zoom, fit"], ["t", "light or dark"], ["?", "this list"]];

function onKey(e) {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input[type=search], select")) return;
  const acts = {
    "/": () => byId("search").focus(), "[": () => goStage(-1), "]": () => goStage(1), Enter: openChosen, Escape: () => choose(""), "?": showKeys,
    t: turnTheme, c: nextColour, "+": () => setZoom(zoom * 1.2), "=": () => setZoom(zoom * 1.2), "-": () => setZoom(zoom / 1.2), 0: fit,
    ArrowDown: () => along("after"), ArrowUp: () => along("before"), ArrowRight: () => across(true), ArrowLeft: () => across(false),
  };
  const panes = Object.keys(PANES), act = acts[e.key] || (panes[Number(e.key) - 1] && (() => set({ tab: panes[Number(e.key) - 1] })));
  if (!act || (e.key.startsWith("Arrow") && e.target.matches("input, #pane, #pane *")) || (e.key === "Enter" && e.target.matches("button"))) return;
  e.preventDefault();
  act();
}

function goStage(by) { set({ stage: Math.min(Math.max(state.stage + by, 0), rec.shown.length - 1) }); }

function nextColour() {
  const all = [...byId("colour").options].map((o) => o.value);
  set({ colour: all[(all.indexOf(state.colour) + 1) % all.length] });
}

function turnTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
}

function showKeys() {
  const dialog = byId("keys");
  dialog.replaceChildren(el("table", {}, el("tbody", {}, ...KEYS.map(([key, what]) => el("tr", {}, el("td", {}, el("kbd", {}, key)), el("td", {}, what))))));
  dialog.showModal();
}

// The box that is chosen, or that has the first of what is chosen and is in this stage.
function chosenBox() {
  if (state.thing.startsWith("box:")) return Number(state.thing.slice(4));
  const now = rec.at(state.stage), thing = chosen();
  const k = thing ? [...thing.values, ...chosenChain()].find((v) => now.has(v) && rec.box_of[v] >= 0) : undefined;
  return k === undefined ? -1 : rec.box_of[k];
}

function openChosen() { const n = chosenBox(); if (n >= 0) toggleOpen(n); }

// Choose what reads, or what is read; within an open layer from value to value, else from box to box.
function along(way) {
  const now = rec.at(state.stage), byValue = state.thing.startsWith("value:"), n = chosenBox();
  if (n < 0) { const first = rec.boxes.findIndex((b, m) => (rec.inBox.get(m) || []).some((k) => now.has(k))); if (first >= 0) choose(`box:${first}`); return; }
  const own = new Set(byValue ? chosen().values.filter((k) => now.has(k)) : (rec.inBox.get(n) || []).filter((k) => now.has(k)));
  const near = way === "before" ? [...own].flatMap((k) => rec.values[k].inputs) : [...now].filter((k) => rec.values[k].inputs.some((i) => own.has(i)));
  const side = (k) => (rec.boxes[rec.box_of[k]].kind === "gradient") !== (rec.boxes[n].kind === "gradient");
  const next = near.filter((k) => !own.has(k) && rec.box_of[k] >= 0).sort((a, b) => side(a) - side(b))[0];
  if (next !== undefined) choose(byValue ? `value:${rec.values[next].name}` : `box:${rec.box_of[next]}`);
}

function across(isRight) {
  const n = chosenBox();
  if (n < 0) return;
  const other = isRight ? rec.boxes.findIndex((b) => b.beside === n) : rec.boxes[n].beside;
  if (other !== null && other >= 0) choose(`box:${other}`);
}

// ---- search ------------------------------------------------------------------------------------------------------------

let entries = null, at = 0;

function every() {
  entries ||= [
    ...rec.boxes.map((b, n) => [boxTitle(b), b.kind, `box:${n}`]), ...[...rec.byName.keys()].map((n) => [n, "value", `value:${n}`]),
    ...rec.kernels.map((k) => [k.name, `kernel ${k.number}`, `kernel:${k.number}`]), ...[...rec.ofLine.keys()].map((k) => [shortLine(k), "line", `line:${k}`]),
    ...[...grouped(rec.rewrites.map((r, n) => [r.rule, n]))].map(([rule, all]) => [rule, `rule, ${all.length} times`, `rewrite:${all[0]}`]),
  ];
  return entries;
}

function matches(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  return every().filter(([name]) => words.every((w) => name.toLowerCase().includes(w))).sort((a, b) => a[0].length - b[0].length).slice(0, 40);
}

function onSearch() {
  const found = matches(byId("search").value), list = byId("found");
  at = Math.min(at, Math.max(found.length - 1, 0));
  list.replaceChildren(...found.map(([name, kind, thing], k) => el("li", { class: k === at ? "at" : "", on: { mousedown: (e) => { e.preventDefault(); take(thing); } } }, el("span", {}, name), el("span", {}, kind))));
  if (!found.length && byId("search").value.trim()) list.replaceChildren(el("li", {}, el("span", {}, "nothing is called so")));
  list.hidden = !byId("search").value.trim();
}

function onSearchKey(e) {
  const found = matches(byId("search").value), step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (step) { e.preventDefault(); at = Math.min(Math.max(at + step, 0), found.length - 1); onSearch(); }
  if (e.key === "Enter" && found[at]) take(found[at][2]);
  if (e.key === "Escape") take(null);
}

function take(thing) {
  at = 0;
  byId("search").value = "";
  byId("found").hidden = true;
  byId("search").blur();
  if (thing !== null) choose(thing);
}
