// Begin: open the record, draw what the address asks for, and listen.

let rec = null;

function drawHead() {
  byId("slider").value = state.stage;
  byId("stage").textContent = `${state.stage + 1} of ${rec.shown.length}: ${rec.shown[state.stage].name.split("{")[0]}`;
  byId("stage").title = rec.shown[state.stage].name;
  byId("colour").value = state.colour;
}

function update(change) {
  drawHead();
  if ("thing" in change || "stage" in change || "open" in change || "colour" in change) drawPicture();
  if ("thing" in change || "colour" in change) { drawLayers(); drawFiles(); }
  if ("thing" in change) drawThing();
  if (["thing", "stage", "tab"].some((key) => key in change)) drawPane();
  if ("thing" in change && state.thing) for (const find of [reveal, revealLine, revealBelow]) find();
}

// The pane below, where it was scrolled to, unless it is another one.
let lastTab = "";
function drawPane() {
  const pane = byId("pane"), top = pane.scrollTop, isSame = lastTab === state.tab;
  drawTabs();
  pane.scrollTop = isSame ? top : 0;
  lastTab = state.tab;
}

function revealLine() { revealIn(byId("files")); }
function revealBelow() { if (["graph", "beside", "source", "table"].includes(state.tab)) revealIn(byId("pane")); }
function revealIn(pane) {
  const lit = [...pane.querySelectorAll(".lit")], frame = pane.getBoundingClientRect();
  const isSeen = (x) => { const r = x.getBoundingClientRect(); return r.top >= frame.top && r.bottom <= frame.bottom; };
  if (lit.length && !lit.some(isSeen)) lit[0].scrollIntoView({ block: "center" });
}

function listen() {
  byId("slider").max = rec.shown.length - 1;
  byId("slider").addEventListener("input", (e) => set({ stage: Number(e.target.value) }));
  byId("earlier").addEventListener("click", () => goStage(-1));
  byId("later").addEventListener("click", () => goStage(1));
  byId("theme").addEventListener("click", turnTheme);
  byId("help").addEventListener("click", showKeys);
  byId("in").addEventListener("click", () => setZoom(zoom * 1.2));
  byId("out").addEventListener("click", () => setZoom(zoom / 1.2));
  byId("fit").addEventListener("click", fit);
  byId("scroll").addEventListener("click", () => choose(""));
  byId("keys").addEventListener("click", () => byId("keys").close());
  byId("search").addEventListener("input", onSearch);
  byId("search").addEventListener("keydown", onSearchKey);
  byId("search").addEventListener("blur", () => { byId("found").hidden = true; });
  byId("colour").addEventListener("change", (e) => set({ colour: e.target.value }));
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", () => { readState(); update({ ...state }); });
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawTabs, 150); });
  watchers.push(update);
}

async function begin() {
  rec = new Rec(await unpacked(byId("record").textContent));
  byId("record").remove();
  document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  byId("name").textContent = rec.name;
  byId("summary").textContent = `${rec.backend}${rec.level ? `, ${rec.level}` : ""}: ${rec.written} operations written, ${rec.left} left, ${rec.kernels.length} kernels`;
  const colours = { kind: "kind", flops: "operations", bytes: "bytes", ...(rec.profile ? { seconds: "time" } : {}), ...(rec.own.length ? { own: "own values" } : {}) };
  byId("colour").append(...Object.entries(colours).map(([value, text]) => el("option", { value }, text)));
  readState();
  listen();
  update({ ...state });
  fit();
  document.documentElement.dataset.ready = "yes";
}

begin().catch((problem) => {
  byId("pane").replaceChildren(...note(`This page could not be drawn: ${problem}. It needs a browser of 2023 or later.`));
  throw problem;
});
