// Elements from text. Nothing is ever parsed as markup: names from outside stay text.

const byId = (id) => document.getElementById(id);

function el(tag, options = {}, ...children) {
  return filled(document.createElement(tag), options, children);
}

function svg(tag, options = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), options, children);
}

function filled(node, options, children) {
  for (const [key, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key === "css") Object.assign(node.style, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}

function link(text, thing, title = null) {
  return el("button", { class: "link", title, on: { click: (e) => { e.stopPropagation(); choose(thing); } } }, text);
}

function cut(text, most) { return text.length <= most ? text : `${text.slice(0, most - 1)}…`; }
function cutFront(text, most) { return text.length <= most ? text : `…${text.slice(text.length - most + 1)}`; }
