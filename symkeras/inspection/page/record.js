// The record as it came from symkeras, and what is looked up in it. A value, a kernel, an origin and a box are numbers here.

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function grouped(pairs) {
  const found = new Map();
  for (const [key, item] of pairs) {
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(item);
  }
  return found;
}

class Rec {
  constructor(data) {
    Object.assign(this, data);
    this.byName = grouped(this.values.map((v, k) => [v.name, k]));
    this.kernelsOf = grouped(this.kernels.flatMap((k) => k.values.map((v) => [v, k.number])));
    this.rewritesOf = grouped(this.rewrites.map((r, k) => [r.pass, k]));
    this.inBox = grouped(this.box_of.map((b, k) => [b, k]).filter(([b]) => b >= 0));
    const lines = this.values.flatMap((v, k) => v.origins.flatMap((o) => this.origins[o].lines.map((l) => [lineKey(l), k])));
    this.ofLine = new Map([...grouped(lines)].map(([key, found]) => [key, [...new Set(found)]]));
    this.shown = this.stages.filter((s, k) => k === 0 || s.graph !== this.stages[k - 1].graph);
    this.shown.push({ number: this.stages.length - 1, name: "what runs", graph: this.stages[this.stages.length - 1].graph });
    this.members = new Map();
    this.orders = new Map();
  }

  // The values of a graph and of the graphs within it, in running order.
  order(graph) {
    if (!this.orders.has(graph)) {
      const found = new Set(), row = this.graphs[graph];
      for (const k of [...row.inputs, ...row.values]) {
        for (const inner of this.values[k].graphs) for (const v of this.order(inner)) found.add(v);
        found.add(k);
      }
      this.orders.set(graph, [...found]);
    }
    return this.orders.get(graph);
  }

  // The values of a stage, by its place in `shown`, as a set.
  at(stage) {
    if (!this.members.has(stage)) this.members.set(stage, new Set(this.order(this.shown[stage].graph)));
    return this.members.get(stage);
  }

  // These values, and all that was put in their place or in whose place they were put, by name and by rewrite, in all stages.
  chain(values) {
    const isLeaf = (k) => ["constant", "variable", "placeholder"].includes(this.values[k].op);
    const followed = (rewrites, from, to) => {
      const found = new Set(values), names = new Set(values.map((k) => this.values[k].name));
      for (const r of rewrites) {
        if (!found.has(r[from]) && !names.has(this.values[r[from]].name)) continue;
        found.add(r[to]);
        if (!isLeaf(r[to])) names.add(this.values[r[to]].name);
      }
      return found;
    };
    const found = new Set([...followed(this.rewrites, "old", "new"), ...followed([...this.rewrites].reverse(), "new", "old")]);
    for (const k of [...found]) if (!isLeaf(k)) for (const same of this.byName.get(this.values[k].name)) found.add(same);
    return found;
  }

  layerOf(k) {
    const o = this.values[k].origins[0];
    return o === undefined ? "" : this.origins[o].layer;
  }

  // A quantity by kernel: "flops", "bytes" or "seconds"; null where it was not measured.
  ofKernel(k, what) {
    if (what === "seconds") return this.profile ? this.profile.kernels[k].seconds : null;
    return what === "bytes" ? this.kernels[k].read + this.kernels[k].written : this.kernels[k].flops;
  }

  // Value -> its part of what its kernels take, by the operations of each; what has its name in other stages has the same.
  shares(what) {
    const found = new Map();
    this.kernels.forEach((kernel, k) => {
      const weights = this.weights[k].map((w) => Math.max(w, 1)), total = weights.reduce((a, b) => a + b, 0);
      kernel.values.forEach((v, j) => found.set(v, (found.get(v) || 0) + (this.ofKernel(k, what) * weights[j]) / total));
    });
    for (const [v, amount] of [...found]) for (const same of this.byName.get(this.values[v].name)) found.set(same, amount);
    return found;
  }

  text(k) {
    const v = this.values[k];
    const inner = [...v.inputs.map((i) => `%${this.values[i].name}`), ...Object.entries(v.attributes).map(([a, x]) => `${a}=${x}`)];
    return `%${v.name} = ${v.op}(${inner.join(", ")}): ${v.type}`;
  }
}

function lineKey([file, number]) {
  return `${file}:${number}`;
}

function readable(x, unit = "") {
  if (x === null || x === undefined) return "";
  if (unit === "s") return x >= 1 ? `${x.toPrecision(3)} s` : x >= 1e-3 ? `${(x * 1e3).toPrecision(3)} ms` : `${(x * 1e6).toPrecision(3)} us`;
  const units = ["", "k", "M", "G", "T", "P"];
  let k = 0;
  while (Math.abs(x) >= 999.5 && k < units.length - 1) { x /= 1000; k += 1; }
  return (k || !Number.isInteger(x) ? x.toPrecision(3) : String(x)) + units[k] + unit;
}
