// The pages with a box for each place that a value was read from.

import { make } from "./talk.js";

const STEPS = [1, 1.4, 2, 2.8];

// `onPick(path)` is told which field's box was clicked.
export function pages(container, onPick) {
  let boxes = new Map(); // path -> its boxes, in reading order
  let zoom = 0;
  const sheets = make("div", { class: "sheets" });
  const where = make("span", { class: "where" });
  const closer = (step) => {
    zoom = Math.min(STEPS.length - 1, Math.max(0, zoom + step));
    sheets.style.setProperty("--zoom", STEPS[zoom]);
  };
  const view = make("div", { class: "view" }, sheets);
  const bar = make("div", { class: "bar" }, where,
    make("button", { type: "button", title: "Smaller", onclick: () => closer(-1) }, "−"),
    make("button", { type: "button", title: "Larger", onclick: () => closer(1) }, "+"));
  container.replaceChildren(bar, view);

  function draw(opened) {
    boxes = new Map();
    const drawn = opened.pages.map((size, index) => make("div",
      { class: "page", style: `aspect-ratio: ${size.width} / ${size.height}` },
      make("img", { src: `./documents/${opened.id}/pages/${index + 1}`, loading: "lazy",
        alt: `Page ${index + 1}` })));
    for (const [path, mark] of Object.entries(opened.marks)) {
      boxes.set(path, mark.places.map((place) => {
        const box = boxAt(place.box, path);
        drawn[place.page - 1]?.append(box);
        return box;
      }));
    }
    sheets.replaceChildren(...drawn);
    view.scrollTo(0, 0);
    tell(opened.pages.length);
    view.onscroll = () => tell(opened.pages.length);
  }

  function boxAt([left, top, right, bottom], path) {
    const share = (part) => `${(100 * part).toFixed(3)}%`;
    const style = `left:${share(left)};top:${share(top)};width:${share(right - left)};height:${share(bottom - top)}`;
    return make("span", { class: "box", style, "data-path": path, onclick: () => onPick(path) });
  }

  function tell(count) {
    const middle = view.scrollTop + view.clientHeight / 2;
    const here = [...sheets.children].filter((page) => page.offsetTop <= middle).length;
    where.textContent = count ? `Page ${Math.max(1, here)} of ${count}` : "";
  }

  // Marks the boxes of some fields and scrolls to the first of them; gives how many there are.
  function light(paths) {
    sheets.querySelectorAll(".lit").forEach((box) => box.classList.remove("lit"));
    const lit = paths.flatMap((path) => boxes.get(path) ?? []);
    lit.forEach((box) => box.classList.add("lit"));
    if (lit.length && !lit.some(seen)) {
      const page = lit[0].parentElement;
      const middle = page.offsetTop + lit[0].offsetTop - view.clientHeight / 2;
      view.scrollTo({ top: middle, left: lit[0].offsetLeft - view.clientWidth / 2 });
    }
    return lit.length;
  }

  function seen(box) {
    const own = box.getBoundingClientRect();
    const frame = view.getBoundingClientRect();
    return own.top >= frame.top && own.bottom <= frame.bottom
      && own.left >= frame.left && own.right <= frame.right;
  }

  return { draw, light };
}
