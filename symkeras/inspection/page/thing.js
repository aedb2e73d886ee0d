// Right: what is chosen, as the chain it stands in: line, layer, what was written, each rewrite, what is left, kernel, emitted line, memory.

const MOST = 14;

function drawThing() {
  const thing = chosen(), side = byId("thing");
  if (!thing) { side.replaceChildren(...overview()); return; }
  const chain = chosenChain(), first = rec.at(0), last = rec.at(rec.shown.length - 1);
  const operations = (stage) => [...stage].filter((k) => chain.has(k) && !["constant", "variable"].includes(rec.values[k].op));
  const written = operations(first), left = operations(last);
  const origins = [...new Set([...written, ...left].flatMap((k) => rec.values[k].origins))].map((o) => rec.origins[o]).filter(thing.isOf || (() => true));
  const kernels = [...new Set(left.flatMap((k) => rec.kernelsOf.get(k) || []))].sort((a, b) => a - b);
  const value = (k) => [link(`%${rec.values[k].name}`, `value:${rec.values[k].name}`, rec.text(k)), ` = ${rec.values[k].op}`, el("span", { class: "type" }, `: ${rec.values[k].type}`)];
  side.replaceChildren(
    el("h3", {}, thing.title), el("p", { class: "kind" }, thing.kind),
    ...listed("your line", [...new Set(origins.flatMap((o) => o.lines.map(lineKey)))], (key) => [link(shortLine(key), `line:${key}`, key), codeOf(key)]),
    ...listed("layer", [...new Set(origins.map((o) => o.layer).filter(Boolean))], (layer) => [link(layer, `layer:${layer}`)]),
    ...listed("written", written, value),
    ...listed("rewritten", rec.rewrites.flatMap((r, n) => (chain.has(r.old) || chain.has(r.new) ? [n] : [])), rewriteItem),
    ...listed("left", left, value),
    ...listed("reads", outside(left, chain, "inputs"), value),
    ...listed("read by", outside(left, chain, "readers"), value),
    ...listed("kernel", kernels, kernelItem),
    ...listed("emitted", rec.emitted.filter((l) => l.text.trim() && l.kernels.some((k) => kernels.includes(k))), (l) => [el("span", { class: "number" }, String(l.number)), cut(l.text.trim(), 110)]),
    ...listed("memory", memoryOf(left), (t) => [t]),
    ...listed("not done", rec.refusals.filter((r) => left.includes(r.value) || left.includes(r.other)), (r) => [el("span", { class: "type" }, `${r.stage}: `), r.reason]));
}

function listed(title, items, shown) {
  if (!items.length) return [];
  const list = el("ul", {}, ...items.slice(0, MOST).map((x) => el("li", {}, ...shown(x))));
  if (items.length > MOST) {
    const more = el("button", { class: "link", on: { click: () => list.replaceChildren(...items.map((x) => el("li", {}, ...shown(x)))) } }, `and ${items.length - MOST} more`);
    list.append(el("li", {}, more));
  }
  return [el("h4", {}, items.length > 1 ? `${title} (${items.length})` : title), list];
}

function overview() {
  const count = (stage) => rec.order(rec.shown[stage].graph).filter((k) => !["constant", "variable", "placeholder"].includes(rec.values[k].op)).length;
  const variables = rec.memory ? [`${readable(rec.memory.planned, "B")} for values (${readable(rec.memory.naive, "B")} if none took the place of another)`] : [];
  const dearest = [...rec.kernels].sort((a, b) => (rec.profile ? rec.ofKernel(b.number, "seconds") - rec.ofKernel(a.number, "seconds") : b.flops - a.flops)).slice(0, 8);
  return [
    el("h3", {}, rec.name), el("p", { class: "kind" }, `on ${rec.backend}${rec.level ? `, level ${rec.level}` : ""}`),
    ...listed("operations", [`${rec.written} written, ${count(rec.shown.length - 1)} left, ${rec.kernels.length} kernels`, ...variables], (t) => [t]),
    ...listed("made", [Object.entries(rec.made.milliseconds).map(([what, ms]) => `${what} ${readable(ms / 1e3, "s")}`).join(", "), ...rec.made.why.map((w) => `${w.what}: ${w.reason}`)].filter(Boolean), (t) => [t]),
    ...listed(rec.profile ? "kernels by time" : "kernels by operations", dearest.map((k) => k.number), kernelItem),
    ...listed("passes that changed something", rec.shown.map((_, k) => k).slice(1, -1), (k) => [
      el("button", { class: "link", on: { click: () => set({ stage: k }) } }, rec.shown[k].name.split("{")[0]), el("span", { class: "type" }, ` ${(rec.rewritesOf.get(rec.shown[k].number) || []).length} rewrites`)]),
    el("p", { class: "note" }, "Click anything: it lights up in every pane and in every stage. Double click or Enter opens a layer, [ and ] go from pass to pass, ? tells the keys."),
  ];
}

function rewriteItem(n) {
  const r = rec.rewrites[n], stage = stageOf(r.pass);
  const name = (k) => link(`%${rec.values[k].name}`, `value:${rec.values[k].name}`, rec.text(k));
  return [el("button", { class: "link", title: "show this stage", on: { click: () => set({ stage }) } }, rec.stages[r.pass + 1].name.split("{")[0]), ` ${r.rule}: `, name(r.old), " → ", name(r.new)];
}

// The place in `shown` of the graph that a pass made.
function stageOf(pass) {
  const graph = rec.stages[pass + 1].graph, k = rec.shown.findIndex((s) => s.number >= pass && s.graph === graph);
  return k >= 0 ? k : rec.shown.length - 1;
}

function kernelItem(n) {
  const k = rec.kernels[n], time = rec.profile ? `${readable(rec.ofKernel(n, "seconds"), "s")}, ` : "";
  return [link(`${n} ${k.name}`, `kernel:${n}`), el("span", { class: "type" }, ` ${time}${readable(k.flops)} flops, ${readable(k.read + k.written, "B")}${k.runs !== 1 ? `, runs ${k.runs} times` : ""}`)];
}

function outside(left, chain, what) {
  const now = rec.at(rec.shown.length - 1), own = new Set(left);
  if (what === "inputs") return [...new Set(left.flatMap((k) => rec.values[k].inputs))].filter((i) => !own.has(i) && rec.values[i].op !== "constant");
  return [...now].filter((k) => !own.has(k) && rec.values[k].inputs.some((i) => own.has(i)));
}

function memoryOf(values) {
  if (!rec.memory) return [];
  const names = new Set(values.map((k) => rec.values[k].name));
  const blocks = rec.memory.blocks.filter((b) => b.values.some((n) => names.has(n))).map((b) => `block ${b.number}: ${readable(b.bytes, "B")} at ${b.offset}, kernels ${b.first ?? "before"} to ${b.last ?? "after"}`);
  return [...blocks, ...rec.memory.reuses.filter((r) => names.has(r.value)).map((r) => `%${r.value}: ${r.why}`)];
}

function shortLine(key) { return key.split("/").pop(); }

function codeOf(key) {
  const at = key.lastIndexOf(":"), text = rec.files[key.slice(0, at)];
  const line = text === undefined ? undefined : text.split("\n")[Number(key.slice(at + 1)) - 1];
  return line ? el("span", { class: "type" }, ` ${cut(line.trim(), 80)}`) : null;
}
