// Left: layers as a tree, and the user's files, each line with what it costs and the emitted code that it became.

const unfoldedLines = new Set(), foldedLayers = new Set();

function drawLayers() {
  const heat = heatOf(leftQuantity()), amounts = new Map(), tree = { children: new Map(), path: "" }, chain = chosenChain();
  const last = rec.at(rec.shown.length - 1), order = rec.boxes.map((b, n) => n).filter((n) => rec.boxes[n].kind !== "input").sort((a, b) => rec.boxes[a].row - rec.boxes[b].row);
  order.flatMap((n) => rec.inBox.get(n) || []).forEach((k) => {
    const layer = rec.layerOf(k);
    if (!layer) return;
    let node = tree, path = "";
    for (const part of layer.split("/")) {
      path = path ? `${path}/${part}` : part;
      if (!node.children.has(part)) node.children.set(part, { children: new Map(), path, name: part, lit: false });
      node = node.children.get(part);
      amounts.set(path, (amounts.get(path) || 0) + (heat && last.has(k) ? heat.of.get(k) || 0 : 0));
      node.lit ||= state.thing !== "" && chain.has(k);
    }
  });
  const rows = [], total = sum([...tree.children.values()].map((c) => amounts.get(c.path) || 0)) || 1;
  const walk = (node, depth) => {
    for (const child of node.children.values()) {
      const share = (amounts.get(child.path) || 0) / total, isFolded = foldedLayers.has(child.path);
      const fold = (e) => { e.stopPropagation(); if (!foldedLayers.delete(child.path)) foldedLayers.add(child.path); drawLayers(); };
      rows.push(el("div", { class: `row${child.lit ? " lit" : ""}`, css: { paddingLeft: `${6 + 12 * depth}px` }, title: child.path, on: { click: () => choose(`layer:${child.path}`) } },
        el("span", { class: "fold", on: { click: fold } }, child.children.size ? (isFolded ? "▸" : "▾") : ""),
        el("span", { class: "label" }, child.name), el("span", { class: "much" }, share >= 0.001 ? `${(100 * share).toFixed(1)} %` : ""),
        el("span", { class: "bar", css: { width: `${100 * share}%` } })));
      if (!isFolded) walk(child, depth + 1);
    }
  };
  walk(tree, 0);
  byId("layers").replaceChildren(...(rows.length ? rows : [el("p", { class: "note" }, "no layers: plain operations")]));
}

const leftQuantity = () => (Object.hasOwn(UNITS, state.colour) && state.colour !== "own" ? state.colour : "flops");

function drawFiles() {
  const files = grouped([...rec.ofLine.keys()].map((key) => { const at = key.lastIndexOf(":"); return [key.slice(0, at), Number(key.slice(at + 1))]; }));
  const heat = heatOf(leftQuantity()), chain = chosenChain(), rows = [];
  const last = rec.at(rec.shown.length - 1);
  const amount = (key) => sum(rec.ofLine.get(key).map((k) => (heat && last.has(k) ? heat.of.get(k) || 0 : 0)));
  for (const [file, numbers] of files) {
    const known = new Set(numbers), most = Math.max(...numbers.map((n) => amount(`${file}:${n}`)), 1e-300);
    rows.push(el("div", { class: "file", title: file }, file.split("/").pop()));
    const text = rec.files[file], lines = text === undefined ? null : text.split("\n");
    for (const n of lines ? lines.map((_, k) => k + 1) : [...known].sort((a, b) => a - b)) rows.push(...fileLine(file, n, known.has(n), lines ? lines[n - 1] : `line ${n}`, amount, most, chain));
  }
  byId("files").replaceChildren(...(rows.length ? rows : [el("p", { class: "note" }, "no lines of yours are known")]));
}

function fileLine(file, n, isKnown, text, amount, most, chain) {
  const key = `${file}:${n}`;
  if (!isKnown) return [el("div", { class: "row quiet" }, el("span", { class: "fold" }), el("span", { class: "number" }, String(n)), el("span", { class: "code" }, text))];
  const isLit = state.thing !== "" && rec.ofLine.get(key).some((k) => chain.has(k)), isOpen = unfoldedLines.has(key);
  const fold = (e) => { e.stopPropagation(); if (!unfoldedLines.delete(key)) unfoldedLines.add(key); drawFiles(); };
  const row = el("div", { class: `row${isLit ? " lit" : ""}`, title: text.trim(), data: { line: key }, on: { click: () => choose(`line:${key}`) } },
    el("span", { class: "fold", on: { click: fold } }, isOpen ? "▾" : "▸"), el("span", { class: "number" }, String(n)), el("span", { class: "code" }, text),
    el("span", { class: "bar", css: { width: `${(100 * amount(key)) / most}%` } }));
  return isOpen ? [row, emittedOf(rec.ofLine.get(key))] : [row];
}

// The emitted lines of these values' kernels.
function emittedOf(values) {
  const numbers = new Set(values.flatMap((k) => rec.kernelsOf.get(k) || []));
  const lines = rec.emitted.filter((l) => l.text.trim() && l.kernels.some((k) => numbers.has(k))).slice(0, 60);
  const rows = lines.map((l) => el("div", { on: { click: (e) => { e.stopPropagation(); choose(`kernel:${l.kernels.find((k) => numbers.has(k))}`); } } }, l.text.trim()));
  return el("div", { class: "unfolded" }, ...(rows.length ? rows : [el("div", {}, rec.kernels.length ? "no kernel is left of it" : `${rec.backend} runs the graph itself`)]));
}
