// Two models beside each other on the document that lies on the desk.

import { onDesk } from "./on_desk.js";
import { make, talk, words } from "./talk.js";

export function start({ element, props, trigger, watch }) {
  const ask = talk({ props, trigger, watch });
  const area = element.querySelector(".desk-compare");
  let current = null;
  let models = [];
  const choices = [make("select", { "aria-label": "First model" }), make("select", { "aria-label": "Second model" })];
  const read = make("button", { type: "button", class: "primary", onclick: compare }, "Read with both");
  const about = make("span", { class: "soft" });
  const note = make("div", { class: "note", role: "status" });
  const result = make("div", { class: "compared" });
  area.replaceChildren(make("div", { class: "head" }, choices[0], make("span", { class: "soft" }, "beside"), choices[1], read, about), note, result);
  onDesk((document) => { current = document; tell(); });

  function tell() {
    about.textContent = current ? current.name || "the document on the desk" : "Open a document on the first tab.";
    read.disabled = !current || models.length < 2;
    if (models.length === 1) about.textContent = "Only one model is known: start the desk with a tuned one.";
  }

  async function compare() {
    read.disabled = true;
    note.className = "note busy";
    note.replaceChildren(make("p", {}, "Both models read it …"));
    const chosen = choices.map((choice) => models[choice.selectedIndex]);
    const answer = await ask("compare", { document_id: current.id, models: chosen.map((model) => model.name) });
    read.disabled = false;
    if (answer.kind !== "compared") {
      note.className = "note wrong";
      note.replaceChildren(...answer.content.map((fault) => make("p", {}, words(fault))));
      return;
    }
    note.className = "note";
    note.replaceChildren();
    draw(answer.content, chosen);
  }

  function draw({ rows, flags }, chosen) {
    const differing = rows.filter(({ values: [one, other] }) => one !== other).length;
    const cell = (text) => make("td", {}, text || make("span", { class: "soft" }, "nothing"));
    result.replaceChildren(
      make("p", { class: "summary" }, `${differing} of ${rows.length} fields differ.`),
      make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, "Field"), chosen.map((model) => make("th", {}, model.title)))),
        make("tbody", {}, rows.map(({ field, values }) => make("tr", { class: values[0] === values[1] ? "" : "differs" },
          make("td", { class: "soft" }, field), values.map(cell))),
        make("tr", { class: "verdict" }, make("td", { class: "soft" }, "What speaks against it"),
          flags.map((found) => make("td", {}, found.length ? found.map((text) => make("p", {}, text)) : "nothing"))))));
  }

  ask("models", { document_id: null }).then((answer) => {
    models = answer.kind === "models" ? answer.content : [];
    choices.forEach((choice, index) => {
      choice.replaceChildren(...models.map((model) => make("option", {}, model.title)));
      choice.selectedIndex = Math.min(index, models.length - 1);
    });
    tell();
  });
}
