// Making elements. Text goes in as text, never as HTML: much of it is made up by others.

const SVG = 'http://www.w3.org/2000/svg';

// el makes an element with attributes; children are nodes or text, null is left out.
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// svg does the same for a picture.
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false).map((c) => (c instanceof Node ? c : String(c))));
  return node;
}

// set changes attributes that differ.
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
  }
}

// text changes the text of a node if it differs, so that screen readers say only news.
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

export const byId = (id) => document.getElementById(id);
