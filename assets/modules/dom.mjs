// Building and updating DOM nodes in place. Data reaches the page only as text and attributes.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) setAttr(node, name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// A decorative line icon from assets/icons, drawn by CSS.
export function icon(name) {
  return el("span", { class: `icon icon-${name}`, "aria-hidden": "true" });
}

// Null removes the attribute. Writing an equal value would still wake mutation observers.
export function setAttr(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, String(value));
  }
}

export function setText(node, text) {
  const value = text === null || text === undefined ? "" : String(text);
  if (node.textContent !== value) node.textContent = value;
}

const children = new WeakMap();

// Make `parent` hold one node per item, in order, touching only what differs. `create(item)` gives
// `{node, update(item)}`; nodes are kept by key, so focus and scroll survive.
export function reconcile(parent, items, key, create) {
  const known = children.get(parent) ?? new Map();
  const focused = document.activeElement;
  const wanted = new Set(items.map(key));
  for (const [name, view] of known) {
    if (!wanted.has(name)) {
      view.node.remove();
      known.delete(name);
    }
  }
  let place = parent.firstChild;
  for (const item of items) {
    const name = key(item);
    let view = known.get(name);
    if (!view) {
      view = create(item);
      known.set(name, view);
    }
    view.update(item);
    if (view.node === place) place = place.nextSibling;
    else parent.insertBefore(view.node, place);
  }
  children.set(parent, known);
  if (focused && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
  return known;
}
