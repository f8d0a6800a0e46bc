// Put before each expression that a test evaluates in the page: selecting, looking for colours, and
// what keyboards and thumbs reach.
const $$ = (selector) => [...document.querySelectorAll(selector)];
const shows = (node) =>
  node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
  node.getBoundingClientRect().width > 1 &&
  node.getBoundingClientRect().height > 0;

const probe = (() => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const known = new Map();

  // Any CSS colour as [red, green, blue, alpha]: the canvas knows mixes and colour spaces.
  function rgba(colour) {
    if (known.has(colour)) return known.get(colour);
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = "rgba(0, 0, 0, 0)";
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const value = [...context.getImageData(0, 0, 1, 1).data];
    known.set(colour, value);
    return value;
  }

  // From grass to teal: both themes' healthy (168° and 170°) and every mix of it with a ground.
  function isGreen(colour) {
    const [red, green, blue, alpha] = rgba(colour);
    const most = Math.max(red, green, blue);
    const chroma = most - Math.min(red, green, blue);
    if (alpha < 20 || chroma < 30 || most !== green) return false;
    const hue = 120 + (60 * (blue - red)) / chroma;
    return hue >= 90 && hue <= 180;
  }

  const PAINT = /rgba?\([^)]*\)|color\([^)]*\)|#[0-9a-f]{3,8}/gi;

  // The colours that one box paints with, by the property's name.
  function paints(style, node, pseudo) {
    const found = [["background", style.backgroundColor], ["images", style.backgroundImage], ["shadow", style.boxShadow]];
    for (const side of ["Top", "Right", "Bottom", "Left"]) {
      if (style[`border${side}Style`] !== "none" && parseFloat(style[`border${side}Width`]) > 0) {
        found.push([`border ${side}`, style[`border${side}Color`]]);
      }
    }
    if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) found.push(["outline", style.outlineColor]);
    const words = pseudo ? style.content !== "none" && style.content !== '""' : [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
    if (words) found.push(["text", style.color]);
    if (!pseudo && node instanceof SVGGeometryElement) found.push(["fill", style.fill], ["stroke", style.stroke]);
    if (!pseudo && node instanceof SVGTextContentElement) found.push(["fill", style.fill]);
    return found;
  }

  function describe(node) {
    const near = node.closest(".tile, .card, .hex, .count, [id]");
    const name = `${node.tagName.toLowerCase()}.${node.getAttribute("class") ?? ""}`;
    return `${name} in ${near?.id || near?.getAttribute("class")}: ${(near?.textContent ?? "").trim().slice(0, 30)}`;
  }

  function greens() {
    const found = [];
    for (const node of document.body.querySelectorAll("*")) {
      if (!node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      const box = node.getBoundingClientRect();
      if (box.width === 0 && box.height === 0) continue;
      if (node.closest("defs, script, style")) continue;
      for (const pseudo of [null, "::before", "::after"]) {
        const style = getComputedStyle(node, pseudo);
        if (pseudo && (style.content === "none" || style.display === "none")) continue;
        for (const [what, value] of paints(style, node, pseudo)) {
          const colours = value === "none" ? [] : (value.match(PAINT) ?? []);
          if (colours.some(isGreen)) found.push(`${what} ${value} of ${describe(node)}${pseudo ?? ""}`);
        }
      }
    }
    return found;
  }

  return { greens, isGreen, rgba };
})();

const reach = (() => {
  // A group of radios is one stop, and a chart brings its own keys.
  const stops = () => $$("a[href], button, input, select, textarea, summary, [tabindex='0']").filter((node) =>
    shows(node) && !node.disabled && node.tabIndex >= 0 && node.type !== "radio" && !node.closest(".js-plotly-plot, [inert]"));

  // A name that outlives a redraw; digits change with the time.
  const told = (node) => [node.tagName, node.id, node.getAttribute("href"), node.ariaLabel, node.name, (node.textContent ?? "").trim().slice(0, 40)]
    .join(" ").replace(/\d+/g, "#");

  function ringed(node) {
    if (!node) return false;
    const { boxShadow, outlineStyle, outlineWidth } = getComputedStyle(node);
    return boxShadow !== "none" || (outlineStyle !== "none" && parseFloat(outlineWidth) > 0);
  }

  // From the first stop on, which is no proof of its ring: a script put the focus there.
  function start() {
    globalThis.came = new Map();
    document.addEventListener("focusin", ({ target }) => {
      const near = [target, target.parentElement, target.parentElement?.parentElement, target.closest("tr, label, .card")];
      came.set(told(target), near.some(ringed));
    });
    const found = stops();
    globalThis.there = new Set(found.map(told));
    found[0].focus();
    return found.length;
  }

  // Of what stood there from the beginning and still does.
  const unreached = () => stops().map(told).filter((each) => there.has(each) && !came.has(each));
  const unseen = () => [...came].slice(1).filter(([, ring]) => !ring).map(([each]) => each);

  // What is lower than that, its frame included.
  const low = (least) => $$("button:not(.unseen), .button, .tile, select, input:not([type=checkbox], [type=radio])").filter(shows).map((node) => {
    const [own, around] = [node, node.parentElement].map((each) => each.getBoundingClientRect().height);
    return [node.innerText || node.ariaLabel || node.name, around < 50 ? Math.max(own, around) : own];
  }).filter(([, height]) => height < least);

  return { low, start, unreached, unseen };
})();
