// Below: passes and their rewrites, the graph's text, emitted code, memory, roofline, and the table of kernels.

const PANES = { passes: drawPasses, graph: drawGraphText, beside: drawBeside, source: drawSource, memory: drawMemory, roofline: drawRoofline, table: drawTable };
let sortedBy = ["number", 1], besideStage = null;

function drawTabs() {
  const tab = Object.hasOwn(PANES, state.tab) ? state.tab : "passes";
  byId("tabs").replaceChildren(...Object.keys(PANES).map((name) =>
    el("button", { role: "tab", "aria-selected": String(name === tab), on: { click: () => set({ tab: name }) } }, name)));
  byId("pane").replaceChildren(...PANES[tab]());
}

const note = (text) => [el("p", { class: "note" }, text)];

// ---- passes ------------------------------------------------------------------------------------------------------------

function drawPasses() {
  const chain = chosenChain(), count = (g) => rec.order(g).filter((k) => !["constant", "variable", "placeholder"].includes(rec.values[k].op)).length;
  const rows = [];
  rec.stages.slice(1).forEach((s, pass) => {
    const done = rec.rewritesOf.get(pass) || [], isHere = done.length && stageOf(pass) === state.stage;
    const refused = rec.refusals.filter((r) => r.stage === s.name.split("{")[0]).length;
    const touches = state.thing !== "" && done.some((n) => chain.has(rec.rewrites[n].old) || chain.has(rec.rewrites[n].new));
    const tell = [done.length ? counted(done) : "changed nothing", refused ? `${refused} refused` : ""].filter(Boolean).join("; ");
    rows.push(el("tr", { class: [touches && "lit", !done.length && "quiet"].filter(Boolean).join(" "), on: { click: () => set({ stage: stageOf(pass) }) } },
      el("td", { class: "text" }, `${isHere ? "▸ " : ""}${s.name.split("{")[0]}`), el("td", {}, String(count(rec.stages[pass].graph))), el("td", {}, String(count(s.graph))),
      el("td", {}, `${rec.times[pass].toFixed(2)}`), el("td", { class: "text" }, tell)));
    if (isHere) rows.push(el("tr", {}, el("td", { colspan: 5, class: "text" }, ...done.slice(0, 400).map((n) => rewriteRow(n, chain)))));
  });
  const head = ["pass", "before", "after", "ms", "rewrites"];
  return [el("table", { class: "passes" }, el("thead", {}, el("tr", {}, ...head.map((h, k) => el("th", { class: k % 4 ? "" : "text" }, h)))), el("tbody", {}, ...rows))];
}

function counted(done) {
  const rules = [...grouped(done.map((n) => [rec.rewrites[n].rule, n]))].sort((a, b) => b[1].length - a[1].length);
  return rules.map(([rule, all]) => `${all.length} ${rule}`).join(", ");
}

function rewriteRow(n, chain) {
  const r = rec.rewrites[n], isLit = state.thing !== "" && (chain.has(r.old) || chain.has(r.new));
  return el("div", { class: `rewrite${isLit ? " lit" : ""}`, on: { click: (e) => { e.stopPropagation(); choose(`rewrite:${n}`); } } },
    el("span", { class: "rule" }, r.rule), el("span", {}, `${rec.text(r.old)}  →  ${rec.text(r.new)}`));
}

// ---- texts -------------------------------------------------------------------------------------------------------------

function drawGraphText() {
  const chain = chosenChain(), what = changes();
  const tint = { new: "var(--new)", changed: "var(--changed)" };
  return rec.order(rec.shown[state.stage].graph).filter((k) => rec.values[k].op !== "constant").map((k) =>
    el("div", { class: `line of${state.thing !== "" && chain.has(k) ? " lit" : ""}`, on: { click: () => choose(`value:${rec.values[k].name}`) } },
      el("span", { class: "number", css: { color: tint[what.get(k)] || "" } }, what.get(k) || ""), el("span", {}, rec.text(k)),
      el("span", { class: "type" }, `  ${placeOf(k)}`)));
}

// Two stages beside each other, line by line of the same name; the left one is that before unless another is asked for.
function drawBeside() {
  const left = besideStage ?? Math.max(state.stage - 1, 0), chain = chosenChain();
  const shown = (s) => rec.order(rec.shown[s].graph).filter((k) => rec.values[k].op !== "constant");
  const named = new Map(shown(left).map((k) => [rec.values[k].name, k])), rows = [], met = new Set();
  for (const k of shown(state.stage)) {
    const name = rec.values[k].name;
    met.add(name);
    rows.push([named.get(name), k]);
  }
  let at = 0;
  for (const [name, k] of named) {
    if (met.has(name)) at = rows.findIndex((r) => r[0] === k) + 1;
    else { rows.splice(at, 0, [k, undefined]); at += 1; }
  }
  const half = (k, other) => {
    if (k === undefined) return el("span", { class: "half" });
    const differs = other === undefined || rec.text(k) !== rec.text(other);
    return el("span", { class: `half${differs ? " differs" : ""}${state.thing !== "" && chain.has(k) ? " lit" : ""}`, title: rec.text(k), on: { click: () => choose(`value:${rec.values[k].name}`) } }, rec.text(k));
  };
  const options = rec.shown.map((s, k) => el("option", { value: k, selected: k === left }, `${k + 1}: ${s.name.split("{")[0]}`));
  const pick = el("select", { "aria-label": "stage on the left", on: { change: (e) => { besideStage = Number(e.target.value); drawTabs(); } } }, ...options);
  return [el("div", { class: "heads" }, pick, el("span", {}, `${state.stage + 1}: ${rec.shown[state.stage].name.split("{")[0]}`)),
    ...rows.map(([a, b]) => el("div", { class: "line pair" }, half(a, b), half(b, a)))];
}

function placeOf(k) {
  const o = rec.origins[rec.values[k].origins[0]];
  if (!o) return "";
  const name = o.gradient_of ? `grad(${o.layer || o.gradient_of})` : o.layer;
  return `# ${[name, o.lines.length ? shortLine(lineKey(o.lines[0])) : ""].filter(Boolean).join(", ")}`;
}

function drawSource() {
  if (!rec.emitted.length) return note(`${rec.backend} emits no text of its own.`);
  const chain = chosenChain(), lit = new Set(state.thing ? [...chain].flatMap((k) => rec.kernelsOf.get(k) || []) : []);
  return rec.emitted.map((l) => el("div", { class: `line${l.kernels.length ? " of" : ""}${l.kernels.some((k) => lit.has(k)) ? " lit" : ""}`, data: { emitted: l.number },
    on: l.kernels.length ? { click: () => choose(`kernel:${l.kernels[0]}`) } : {} }, el("span", { class: "number" }, String(l.number)), el("span", {}, l.text)));
}

// ---- memory ------------------------------------------------------------------------------------------------------------

function drawMemory() {
  if (!rec.memory) return note(`${rec.backend} plans its memory itself.`);
  const { blocks, planned, naive, steps, peak, reuses } = rec.memory;
  if (!planned) return note("Nothing is planned: no value needs a place of its own.");
  const wide = Math.max(byId("pane").clientWidth - 90, 300), high = Math.max(byId("pane").clientHeight - 66, 130), last = Math.max(rec.kernels.length, 1);
  const x = (k) => 60 + (wide * k) / last, y = (bytes) => 8 + high * (1 - bytes / planned), chain = chosenChain();
  const names = new Set([...chain].map((k) => rec.values[k].name)), told = grouped(reuses.map((r) => [r.value, r.why]));
  const shapes = blocks.filter((b) => b.bytes && b.values.length).map((b) => {
    const from = b.first ?? 0, to = (b.last ?? last - 1) + 1, owner = rec.byName.get(b.values[0]);
    const box = owner ? rec.boxes[rec.box_of[owner[owner.length - 1]]] : undefined;
    const tint = { gradient: "var(--gradient-edge)", layer: "var(--layer-edge)" }[box ? box.kind : ""] || "var(--part-edge)";
    const why = b.values.flatMap((n) => told.get(n) || []);
    return svg("rect", { class: `block${state.thing !== "" && b.values.some((n) => names.has(n)) ? " chosen" : ""}`, x: x(from), y: y(b.offset + b.bytes), width: Math.max(x(to) - x(from), 1), height: Math.max((high * b.bytes) / planned, 1), fill: tint, "fill-opacity": 0.75,
      on: { click: () => choose(`value:${b.values[0]}`) } }, svg("title", {}, [`block ${b.number}: ${readable(b.bytes, "B")} at ${b.offset}, kernels ${from} to ${to - 1}`, ...b.values.map((n) => `%${n}`), ...why].join("\n")));
  });
  const at = peak.kernel === null ? [] : [svg("line", { class: "axis", x1: x(peak.kernel + 0.5), x2: x(peak.kernel + 0.5), y1: 8, y2: 8 + high, "stroke-dasharray": "3 3", css: { stroke: "var(--gone)" } })];
  const label = (text, px, py, anchor_ = "end") => svg("text", { class: "soft", x: px, y: py, "text-anchor": anchor_ }, text);
  const sizes = Object.entries(rec.memory.sizes).map(([n, s]) => `${n}=${s}`).join(", ");
  return [el("p", { class: "note", css: { padding: "6px 14px 0" } }, `${readable(planned, "B")} planned, ${readable(naive, "B")} if no value took the place of another${sizes ? `, for ${sizes}` : ""}; most is alive at kernel ${peak.kernel} (${peak.name}): ${readable(peak.bytes, "B")} of ${steps.length} kernels. Time runs to the right, addresses up.`),
    svg("svg", { width: wide + 80, height: high + 30 }, svg("line", { class: "axis", x1: 60, x2: 60 + wide, y1: 8 + high, y2: 8 + high }), svg("line", { class: "axis", x1: 60, x2: 60, y1: 8, y2: 8 + high }),
      ...shapes, ...at, label("0", 54, 10 + high), label(readable(planned, "B"), 54, 14), label("kernel 0", 60, 23 + high, "start"), label(`kernel ${last - 1}`, 60 + wide, 23 + high))];
}

// ---- roofline ----------------------------------------------------------------------------------------------------------

function drawRoofline() {
  if (!rec.kernels.length) return note(`${rec.backend} runs the graph itself: there are no kernels to place.`);
  if (!rec.profile) return note("Not measured. Call c.inspect.profile(x, y) before c.inspect.report(path), and every kernel stands here beside what the machine can do.");
  const { flops: top, bandwidth } = rec.profile.machine;
  const dots = rec.kernels.map((k) => ({ k, at: k.flops / Math.max(k.read + k.written, 1), rate: k.flops / Math.max(rec.ofKernel(k.number, "seconds"), 1e-9) })).filter((d) => d.at > 0 && d.rate > 0);
  if (!dots.length) return note("No kernel computes anything.");
  const wide = Math.max(byId("pane").clientWidth - 110, 300), high = Math.max(byId("pane").clientHeight - 60, 130);
  const [x0, x1] = [Math.min(...dots.map((d) => d.at), 0.05), Math.max(...dots.map((d) => d.at), (4 * top) / bandwidth)].map(Math.log10);
  const [y0, y1] = [Math.min(...dots.map((d) => d.rate)), Math.max(...dots.map((d) => d.rate), top * 1.5)].map(Math.log10);
  const x = (v) => 76 + (wide * (Math.log10(v) - x0)) / (x1 - x0), y = (v) => 10 + high * (1 - (Math.log10(v) - y0) / (y1 - y0)), chain = chosenChain();
  const slowest = Math.max(...rec.profile.kernels.map((r) => r.seconds), 1e-9), corner = top / bandwidth;
  const ticks = [];
  for (let p = Math.ceil(x0); p <= x1; p++) ticks.push(svg("text", { class: "soft", x: x(10 ** p), y: high + 26, "text-anchor": "middle" }, `${10 ** p}`), svg("line", { class: "axis", x1: x(10 ** p), x2: x(10 ** p), y1: 10, y2: 10 + high }));
  for (let p = Math.ceil(y0); p <= y1; p++) ticks.push(svg("text", { class: "soft", x: 70, y: y(10 ** p) + 4, "text-anchor": "end" }, readable(10 ** p)), svg("line", { class: "axis", x1: 76, x2: 76 + wide, y1: y(10 ** p), y2: y(10 ** p) }));
  const roof = svg("path", { class: "roof", d: `M${x(10 ** x0)} ${y(bandwidth * 10 ** x0)}L${x(corner)} ${y(top)}L${x(10 ** x1)} ${y(top)}` });
  return [svg("svg", { width: wide + 100, height: high + 44 }, ...ticks, roof, svg("text", { class: "soft", x: 76 + wide, y: high + 40, "text-anchor": "end" }, "operations per byte →   (up: operations per second; area: time; line: the machine's limit)"),
    ...dots.map((d) => svg("circle", { class: `dot${state.thing !== "" && d.k.values.some((v) => chain.has(v)) ? " chosen" : ""}`, cx: x(d.at), cy: y(d.rate), r: 3 + 11 * Math.sqrt(rec.ofKernel(d.k.number, "seconds") / slowest), on: { click: () => choose(`kernel:${d.k.number}`) } },
      svg("title", {}, `${d.k.number} ${d.k.name}: ${readable(d.rate)} flops/s at ${d.at.toPrecision(3)} per byte, ${readable(rec.ofKernel(d.k.number, "seconds"), "s")}`))))];
}

// ---- table -------------------------------------------------------------------------------------------------------------

function drawTable() {
  if (!rec.kernels.length) return note(`${rec.backend} runs the graph itself: there are no kernels.`);
  const seconds = (k) => (rec.profile ? rec.ofKernel(k.number, "seconds") : 0), chain = chosenChain();
  const columns = { number: (k) => k.number, kernel: (k) => k.name, computes: (k) => k.values.map((v) => rec.values[v].op).join(", "), layer: (k) => rec.layerOf(k.values[k.values.length - 1]),
    runs: (k) => k.runs, flops: (k) => k.flops, read: (k) => k.read, written: (k) => k.written, "flops/byte": (k) => k.flops / Math.max(k.read + k.written, 1), ...(rec.profile ? { time: seconds } : {}) };
  const isText = (name) => ["kernel", "computes", "layer"].includes(name), by = columns[sortedBy[0]] || columns.number;
  const order = [...rec.kernels].sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : a.number - b.number) * sortedBy[1]);
  const most = Math.max(...rec.kernels.map((k) => (rec.profile ? seconds(k) : k.flops)), 1e-300);
  const cell = (k, name) => {
    const v = columns[name](k), isHot = name === (rec.profile ? "time" : "flops");
    const text = isText(name) || name === "number" || name === "runs" ? String(v) : name === "time" ? readable(v, "s") : name === "flops/byte" ? v.toFixed(2) : readable(v, name === "flops" ? "" : "B");
    return el("td", { class: isText(name) ? "text" : "", title: isText(name) ? text : null }, isHot ? el("span", { class: "heat", css: { width: `${(60 * v) / most}px` } }) : null, text);
  };
  const sort = (name) => { sortedBy = [name, sortedBy[0] === name ? -sortedBy[1] : isText(name) || name === "number" ? 1 : -1]; drawTabs(); };
  return [el("table", {}, el("thead", {}, el("tr", {}, ...Object.keys(columns).map((name) => el("th", { class: isText(name) ? "text" : "", on: { click: () => sort(name) } }, name + (sortedBy[0] === name ? (sortedBy[1] > 0 ? " ↑" : " ↓") : ""))))),
    el("tbody", {}, ...order.map((k) => el("tr", { class: state.thing !== "" && k.values.some((v) => chain.has(v)) ? "lit" : "", on: { click: () => choose(`kernel:${k.number}`) } }, ...Object.keys(columns).map((name) => cell(k, name))))))];
}
