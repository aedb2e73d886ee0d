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
  state.colour = [...byId("colour").options].some((o) => o.value === found.get("colour")) ? found.get("colour") : "kind";
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

// What is chosen as {kind, title, values}, with `isOf` (whether an origin belongs to it) for layers and lines; null where nothing is,
// or where the address names what is not here.
function chosen() {
  const found = named();
  return found && found.values.length ? found : null;
}

function named() {
  const colon = state.thing.indexOf(":"), kind = state.thing.slice(0, colon), name = state.thing.slice(colon + 1);
  const from = (isOf) => ({ isOf, values: rec.values.flatMap((v, k) => (v.origins.some((o) => isOf(rec.origins[o])) ? [k] : [])) });
  const numbered = (rows) => (/^\d+$/.test(name) ? rows[name] : undefined);
  if (kind === "value" && rec.byName.has(name)) return { kind, title: `%${name}`, values: rec.byName.get(name) };
  if (kind === "layer") return { kind, title: name, ...from((o) => isWithin(o.layer, name)) };
  if (kind === "line" && rec.ofLine.has(name)) return { kind, title: name.split("/").pop(), ...from((o) => o.lines.some((l) => lineKey(l) === name)) };
  if (kind === "box" && numbered(rec.boxes)) {
    const b = numbered(rec.boxes), isOf = (o) => o.layer === b.layer && (o.gradient_of !== "") === (b.kind === "gradient");
    return { kind: b.kind, title: boxTitle(b), isOf, values: rec.inBox.get(Number(name)) || [] };
  }
  if (kind === "kernel" && numbered(rec.kernels)) return { kind, title: `${name} ${numbered(rec.kernels).name}`, values: numbered(rec.kernels).values };
  if (kind === "rewrite" && numbered(rec.rewrites)) {
    const r = numbered(rec.rewrites);
    return { kind: `rewrite of pass ${rec.stages[r.pass + 1].name}`, title: r.rule, values: [r.old, r.new] };
  }
  return null;
}

// All values that what is chosen is or stands for. Layers and lines are what comes from them: rewrites keep where a value is from.
let lastChain = ["", new Set()];
function chosenChain() {
  if (lastChain[0] !== state.thing) {
    const thing = chosen();
    const isPlace = thing && !["kernel", "value"].includes(thing.kind) && !thing.kind.startsWith("rewrite");
    lastChain = [state.thing, !thing ? new Set() : isPlace ? new Set(thing.values) : rec.chain(thing.values)];
  }
  return lastChain[1];
}

function isWithin(layer, name) { return layer === name || layer.startsWith(`${name}/`); }
function boxTitle(box) { return box.kind === "gradient" ? `∇ ${box.layer}` : box.layer || "outside of layers"; }
