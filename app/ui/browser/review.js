// The review: drop or open a document, see what was read, correct it, save, next.

import { form } from "./fields.js";
import { put } from "./on_desk.js";
import { pages } from "./pages.js";
import { make, refused, send, talk, words } from "./talk.js";

const CHECK_AFTER = 350; // milliseconds without a key

export function start({ element, props, trigger, watch }) {
  const ask = talk({ props, trigger, watch });
  const area = element.querySelector(".desk-review");
  let current = null; // the document on the desk
  let fields = null;
  let leaving = false; // Next was pressed once with changes that are not saved
  let later = 0;

  const name = make("b", { class: "document-name" });
  const waiting = make("span", { class: "soft" });
  const reviewer = make("input", { class: "reviewer", placeholder: "Your name", "aria-label": "Your name",
    value: localStorage.getItem("reviewer") ?? "",
    onchange: () => localStorage.setItem("reviewer", reviewer.value) });
  const file = make("input", { type: "file", hidden: true, accept: ".pdf,image/*", "aria-label": "A PDF or an image",
    onchange: () => { take(file.files); file.value = ""; } });
  const drop = make("button", { type: "button", class: "drop", onclick: () => file.click() },
    "Drop a PDF or an image here, or click to choose one");
  const note = make("div", { class: "note", role: "status" });
  const flags = make("ul", { class: "flags" });
  const sheet = make("div", { class: "sheet" });
  const changes = make("div", { class: "changes" });
  const save = make("button", { type: "button", class: "primary save", onclick: keep }, "Save", make("kbd", {}, "Ctrl ↵"));
  const next = make("button", { type: "button", class: "next", onclick: goOn }, "Next", make("kbd", {}, "Alt N"));
  const left = make("div", { class: "left" });
  const right = make("div", { class: "right" }, sheet);
  const desk = make("div", { class: "desk", hidden: true }, left,
    make("div", { class: "side" }, flags, right, make("div", { class: "foot" }, changes, make("div", { class: "buttons" }, save))));
  area.replaceChildren(
    make("div", { class: "head" }, drop, file, name, make("span", { class: "space" }), waiting, reviewer, next), note, desk);
  const view = pages(left, (path) => fields.of(path)?.input.focus());

  for (const event of ["dragover", "drop"]) {
    area.addEventListener(event, (dragged) => {
      dragged.preventDefault();
      drop.classList.toggle("over", event === "dragover");
      if (event === "drop") take(dragged.dataTransfer.files);
    });
  }
  area.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("keydown", (key) => {
    if (!area.offsetParent) return; // another tab is open
    if (key.ctrlKey && key.key === "Enter") { key.preventDefault(); keep(); }
    if (key.altKey && key.code === "KeyN") { key.preventDefault(); goOn(); }
    if (key.key === "Escape" && fields) undone(key.target);
    if (key.key === "Enter" && !key.ctrlKey && !key.shiftKey && key.target.tagName === "TEXTAREA") {
      key.preventDefault();
      following(key.target);
    }
  });

  function say(kind, ...lines) {
    note.className = `note ${kind}`;
    note.replaceChildren(...lines.map((line) => make("p", {}, line)));
  }

  function fail(answer) {
    say("wrong", ...answer.content.map((fault) => words(titled(fault))));
  }

  // Problems name a field by its path; a reviewer knows it by its title.
  function titled(fault) {
    const leaf = fault.field && fields?.at(fault.field.replace(/^structured_data\./, ""));
    if (leaf) leaf.element.classList.add("wrong");
    return leaf ? { ...fault, field: leaf.title } : fault;
  }

  async function take(files) {
    if (!files.length || !mayLeave()) return;
    say("busy", `${files[0].name} is being read …`);
    const sent = await send(files[0]);
    if (sent.kind === "refused") return fail(sent);
    await opened(await ask("open", { document_id: sent.content.document_id }));
    if (sent.content.notes.length) say("wrong", ...sent.content.notes);
  }

  async function goOn() {
    if (!mayLeave()) return;
    await opened(await ask("next", { document_id: current?.id ?? null }));
  }

  function mayLeave() {
    if (leaving || !fields?.changes().length) return true;
    leaving = true;
    say("wrong", "Some changes are not saved. Go on again to drop them.");
    return false;
  }

  async function opened(answer) {
    if (answer.kind !== "document") return fail(answer);
    current = answer.content;
    leaving = false;
    put(current);
    fields = form(current.shape, current.text, current.marks, { focus: lit, edit: edited });
    name.textContent = current.name || "without a name";
    count(current.waiting);
    desk.hidden = false;
    area.classList.add("open");
    sheet.replaceChildren(fields.element);
    view.draw(current);
    say("");
    told(current.flags);
    differ();
    fields.leaves()[0]?.leaf.input.focus({ preventScroll: true });
  }

  function count(left) {
    waiting.textContent = left === 1 ? "1 document waits" : `${left || "No"} documents wait`;
  }

  function lit(leaf) {
    sheet.querySelectorAll(".here").forEach((one) => one.classList.remove("here"));
    leaf.element.classList.add("here");
    view.light(leaf.origin == null ? [] : [leaf.origin]);
  }

  function told(found) {
    const none = current.rules ? "Every rule that applies is kept." : "Fields of your own schema: no rule is checked.";
    flags.className = found.length ? "flags" : current.rules ? "flags kept" : "flags soft";
    flags.replaceChildren(...(found.length ? found.map(flag) : [make("li", {}, none)]));
  }

  function flag({ text, fields: paths }) {
    const leaves = () => paths.map((path) => fields.at(path)).filter(Boolean);
    return make("li", {}, make("button", { type: "button", onclick: () => {
      const last = leaves().at(-1); // the print that the others speak against
      last?.input.focus({ preventScroll: true });
      last?.element.scrollIntoView({ block: "center" });
      view.light(leaves().map((leaf) => leaf.origin));
      leaves().forEach((leaf) => leaf.element.classList.add("here"));
    } }, text));
  }

  function edited() {
    leaving = false;
    sheet.querySelectorAll(".wrong").forEach((one) => one.classList.remove("wrong"));
    differ();
    clearTimeout(later);
    if (current.rules) later = setTimeout(check, CHECK_AFTER);
  }

  async function check() {
    const asked = current;
    const answer = await ask("check", state());
    if (answer.kind === "flags" && asked === current) told(answer.content);
  }

  const state = () => ({ document_id: current.id, text: fields.read(), reviewer: reviewer.value });

  function differ() {
    const found = fields.changes();
    changes.replaceChildren(...found.map((one) => make("div", { class: "change" },
      make("span", { class: "name" }, one.title),
      one.added ? [] : [make("del", {}, one.before || "nothing"), make("span", { class: "arrow" }, "→")],
      make("ins", {}, one.after || "nothing"))));
    save.firstChild.textContent = found.length ? `Save ${found.length} change${found.length > 1 ? "s" : ""}` : "Save as right";
  }

  async function keep() {
    if (!current) return;
    save.disabled = true;
    const answer = await ask("save", state()).catch(() => refused("it could not be saved"));
    save.disabled = false;
    if (answer.kind !== "saved") return fail(answer);
    fields.accept();
    leaving = false;
    differ();
    count(answer.content.waiting);
    say("good", `Saved as correction ${answer.content.number}.`);
  }

  const one = (input) => fields?.leaves().find(({ leaf }) => leaf.input === input)?.leaf;
  const undone = (input) => one(input)?.undo();

  function following(input) {
    const all = fields?.leaves().map(({ leaf }) => leaf.input) ?? [];
    all[all.indexOf(input) + 1]?.focus();
  }

  ask("next", { document_id: null }).then((answer) => {
    if (answer.kind === "document") opened(answer);
  });
}
