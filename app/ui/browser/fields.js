// The form: a tree of nodes as the shape has them. A node reads its text, tells its changes, and
// takes what it holds as the new state when it was saved.

import { make } from "./talk.js";

const SURE = 0.9;
const DOUBTFUL = 0.7;

// `on` has focus(leaf) and edit(); `marks` are by path of the reading.
export function form(shape, text, marks, on) {
  const root = node(shape, text, "", { marks, on });
  const all = () => [...root.leaves("")];
  return {
    element: root.element,
    read: root.read,
    changes: () => root.changes(""),
    accept: root.accept,
    leaves: all,
    at: (path) => all().find((leaf) => leaf.path === path)?.leaf,
    of: (origin) => all().find(({ leaf }) => leaf.origin === origin)?.leaf,
  };
}

const under = (path, key) => (path ? `${path}.${key}` : key);

function node(shape, text, origin, given) {
  if (shape.kind === "object") return objectNode(shape, text, origin, given);
  if (shape.kind === "list") return listNode(shape, text, origin, given);
  return leafNode(shape, text, origin, given);
}

function objectNode(shape, text, origin, given) {
  const members = shape.members.map((part) =>
    [part.key, node(part, text[part.key], origin == null ? null : under(origin, part.key), given)]);
  const rows = members.map(([, member], index) => {
    const part = shape.members[index];
    return part.kind === "leaf" ? field(part.title, member) : member.element;
  });
  const heading = shape.title ? [make("h3", {}, shape.title)] : [];
  return {
    cells: members.map(([, member]) => member),
    element: make("section", { class: "group" }, heading, rows),
    read: () => Object.fromEntries(members.map(([key, member]) => [key, member.read()])),
    changes: (title) => members.flatMap(([, member]) => member.changes(within(title, shape.title))),
    accept: () => members.forEach(([, member]) => member.accept()),
    * leaves(path) {
      for (const [key, member] of members) yield* member.leaves(under(path, key));
    },
  };
}

const within = (outer, inner) => [outer, inner].filter(Boolean).join(": ");

function field(title, leaf) {
  return make("label", { class: "field" }, make("span", { class: "name" }, title), leaf.element);
}

function leafNode(shape, text, origin, { marks, on }) {
  const mark = origin == null ? undefined : marks[origin];
  const input = control(shape, text);
  let before = input.value; // as the browser holds the text: with line ends of its own
  const chip = confidence(mark, text);
  const element = make("span", { class: "value" }, input, chip);
  const leaf = { origin, input, element, title: shape.title, undo };
  const show = () => {
    element.classList.toggle("changed", input.value !== before);
    grow(input);
  };
  function undo() {
    input.value = before;
    input.dispatchEvent(new Event("input"));
  }
  input.addEventListener("focus", () => on.focus(leaf));
  input.addEventListener("input", () => { show(); on.edit(); });
  requestAnimationFrame(() => grow(input));
  return {
    element,
    read: () => (input.value === before ? text : input.value),
    changes: (title) => input.value === before ? []
      : [{ title: within(title, shape.title), before, after: input.value }],
    accept: () => {
      if (input.value !== before) text = before = input.value;
      show();
    },
    * leaves(path) { yield { path, leaf }; },
  };
}

function control(shape, text) {
  if (shape.choices) {
    const options = shape.choices.map((one) => make("option", { value: one }, spoken(one)));
    const select = make("select", {}, options);
    select.value = text;
    return select;
  }
  const kind = shape.figure ? "figure" : "";
  const input = make("textarea", { rows: 1, class: kind, spellcheck: "false" });
  input.value = text;
  return input;
}

const spoken = (json) => (json === "null" ? "" : json.replace(/^"|"$/g, ""));

// A text of several rows is seen whole.
function grow(input) {
  if (input.tagName !== "TEXTAREA" || !input.offsetParent) return;
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`;
}

function confidence(mark, text) {
  if (mark?.nowhere) {
    return make("span", { class: "chip low", title: "The document does not print this value" }, "not on the page");
  }
  if (mark?.confidence == null) return make("span", { class: "chip" });
  const sure = mark.confidence;
  const kind = sure >= SURE ? "high" : sure >= DOUBTFUL ? "middle" : "low";
  const said = text === "" ? "that nothing is printed" : "that this is right";
  const percent = `${Math.floor(100 * sure)} %`;
  return make("span", { class: `chip ${kind}`, title: `${percent} sure ${said}` }, percent);
}

function listNode(shape, text, origin, given) {
  const items = shape.item;
  const flat = items.kind === "object" && items.members.every((part) => part.kind === "leaf");
  let rows = [];
  const gone = []; // rows of the last state that were taken away, in words
  const body = make("tbody");
  const heads = flat ? items.members : [items]; // what is no plain row has one wide column
  const blank = () => empty(items);
  const head = flat && make("tr", {}, heads.map((part) =>
    make("th", { class: part.figure ? "figure" : "" }, part.title)), make("th"));
  const add = make("button", { type: "button", class: "add", onclick: () => {
    const made = row(blank(), null);
    given.on.edit();
    made.node.leaves("").next().value?.leaf.input.focus();
  } }, `Add to ${shape.title.toLowerCase()}`);

  function row(value, index) {
    const inner = node(items, value, index == null || origin == null ? null : `${origin}[${index}]`, given);
    const remove = make("button", { type: "button", class: "remove", tabindex: -1,
      title: "Take this row away", "aria-label": "Take this row away", onclick: () => {
        if (!made.added) gone.push({ title: `${shape.item_title} ${number(made)}`, before: said(made), after: "" });
        rows = rows.filter((one) => one !== made);
        made.element.remove();
        given.on.edit();
      } }, "×");
    const cells = flat ? inner.cells.map((cell) => make("td", {}, cell.element))
      : [make("td", {}, inner.element)];
    const made = { node: inner, added: index == null, index,
      element: make("tr", {}, cells, make("td", { class: "last" }, remove)) };
    rows.push(made);
    body.append(made.element);
    return made;
  }
  const number = (made) => (made.index ?? rows.indexOf(made)) + 1;
  const said = (made) => [...made.node.leaves("")].map(({ leaf }) => leaf.input.value).filter(Boolean).join(" · ");

  text.forEach(row);
  const widths = make("colgroup", {}, shares(heads, text).map((share) => make("col", { style: `width:${share}%` })),
    make("col", { class: "last" }));
  return {
    element: make("section", { class: "group" }, make("h3", {}, shape.title),
      make("table", { class: "rows" }, widths, flat && make("thead", {}, head), body), add),
    read: () => rows.map((one) => one.node.read()),
    changes: (title) => [
      ...gone.map((one) => ({ ...one, title: within(title, one.title) })),
      ...rows.flatMap((one) => one.added
        ? [{ title: within(title, `${shape.item_title} ${number(one)}, new`), before: "", after: said(one), added: true }]
        : one.node.changes(within(title, `${shape.item_title} ${number(one)}`))),
    ],
    accept: () => {
      gone.length = 0;
      rows.forEach((one, index) => { one.added = false; one.index = index; one.node.accept(); });
    },
    * leaves(path) {
      for (const [index, one] of rows.entries()) yield* one.node.leaves(`${path}[${index}]`);
    },
  };
}

// How wide columns are, by the longest of their texts.
function shares(heads, rows) {
  const lengths = heads.map((part) => {
    const texts = rows.map((row) => (heads.length > 1 ? row[part.key] : row)).filter((text) => typeof text === "string");
    return Math.min(26, Math.max(0.7 * part.title.length, 4, ...texts.map((text) => text.length)) + 3);
  });
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  return lengths.map((length) => (94 * length) / whole);
}

function empty(shape) {
  if (shape.kind === "object") return Object.fromEntries(shape.members.map((part) => [part.key, empty(part)]));
  if (shape.kind === "list") return [];
  return shape.choices ? shape.choices.at(-1) : "";
}
