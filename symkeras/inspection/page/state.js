// What is looked at, kept in the address: `#stage=3&thing=value:dense_relu&open=dense&tab=memory&colour=flops`.

const state = { stage: 0, thing: "", open: new Set(), tab: "passes", colour: "kind" };
const watchers = [];

function readState() {
  const found = new URLSearchParams(location.hash.slice(1));
  const last = rec.shown.length - 1;
  const stage = found.has("stage") ? Number.parseInt(found.get("stage"), 10) : last;
  state.stage = Number.isInteger(stage) ? Math.min(Math.max(stage, 0), last) : last;
  state.thing = found.get("thing") || "";
  state.open = new Set((found.get("open") || "").split(",").filter((x) => /^\d+$/.test(x) && Number(x) < rec.boxes.length).map(Number));
  state.tab = found.get("tab") || "passes";
  state.colour = found.get("colour") || "kind";
}

function writeState() {
  const text = new URLSearchParams({ stage: state.stage });
  if (state.thing) text.set("thing", state.thing);
  if (state.open.size) text.set("open", [...state.open].join(","));
  if (state.tab !== "passes") text.set("tab", state.tab);
  if (state.colour !== "kind") text.set("colour", state.colour);
  try { history.replaceState(null, "", `#${text}`); } catch { /* within a frame of a notebook there is no address */ }
}

// Change some of the state; every pane that shows it is told.
function set(change) {
  Object.assign(state, change);
  writeState();
  for (const w of watchers) w(change);
}

function choose(thing) { set({ thing }); }

// What is chosen as {kind, title, values}; null where nothing is, or where the address names what is not here.
function chosen() {
  const cut = state.thing.indexOf(":"), kind = state.thing.slice(0, cut), name = state.thing.slice(cut + 1);
  if (kind === "value" && rec.byName.has(name)) return { kind, title: `%${name}`, values: rec.byName.get(name) };
  if (kind === "box" && rec.boxes[name]) return { kind: rec.boxes[name].kind, title: boxTitle(rec.boxes[name]), values: rec.inBox.get(Number(name)) || [] };
  if (kind === "layer") return { kind, title: name, values: rec.values.flatMap((v, k) => v.origins.some((o) => isWithin(rec.origins[o].layer, name)) ? [k] : []) };
  if (kind === "kernel" && rec.kernels[name]) return { kind, title: `${name} ${rec.kernels[name].name}`, values: rec.kernels[name].values };
  if (kind === "line" && rec.ofLine.has(name)) return { kind: "line", title: name.split("/").pop(), values: rec.ofLine.get(name) };
  if (kind === "rewrite" && rec.rewrites[name]) {
    const r = rec.rewrites[name];
    return { kind: `rewrite of pass ${rec.stages[r.pass + 1].name}`, title: r.rule, values: [r.old, r.new] };
  }
  return null;
}

let lastChain = ["", new Set()];
function chosenChain() {
  if (lastChain[0] !== state.thing) {
    const thing = chosen();
    lastChain = [state.thing, thing ? rec.chain(thing.values) : new Set()];
  }
  return lastChain[1];
}

function isWithin(layer, name) { return layer === name || layer.startsWith(`${name}/`); }
function boxTitle(box) { return box.kind === "gradient" ? `grad(${box.layer})` : box.layer || "outside of layers"; }
