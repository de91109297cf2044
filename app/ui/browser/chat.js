// A chat with one model, or with base and tuned model side by side.

import { conversations } from "./conversations.js";
import { make, talk, words } from "./talk.js";

const NAMES = { base: "Base", tuned: "Tuned", model: "Model" };
const SETTINGS = [
  ["temperature", "Temperature", { min: 0, max: 2, step: 0.1 }, "0 always takes the likeliest word"],
  ["top_p", "Top-p", { min: 0.05, max: 1, step: 0.05 }, "only the likeliest words that together have this probability"],
  ["max_new_tokens", "Max new tokens", { min: 1, step: 1 }, "the longest answer"],
  ["seed", "Seed", { min: 0, step: 1 }, "the same seed and question give the same answer"],
];

export function start({ element, props, trigger, watch }) {
  const ask = talk({ props, trigger, watch });
  const area = element.querySelector(".desk-chat");
  let models = [];
  let busy = false;
  const kept = conversations();
  const inputs = Object.fromEntries(SETTINGS.map(([key, , how, title]) => [key, make("input", { type: "number", title, ...how })]));
  const system = make("textarea", { rows: 2, "aria-label": "System prompt", placeholder: "none" });
  const which = make("select", { "aria-label": "Answers", onchange: draw });
  const earlier = make("select", { "aria-label": "Conversation", onchange: () => { kept.open(earlier.selectedIndex); draw(); } });
  const fresh = make("button", { type: "button", onclick: () => { kept.add(); draw(); question.focus(); } }, "New");
  const rounds = make("div", { class: "rounds" });
  const note = make("div", { class: "note", role: "status" });
  const question = make("textarea", { rows: 3, "aria-label": "Message", placeholder: "Message (Enter sends, Shift+Enter: a new line)",
    onkeydown: (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); } } });
  const go = make("button", { type: "button", class: "primary", onclick: send }, "Send");
  const again = make("button", { type: "button", onclick: repeat, title: "asks the last message again, above temperature 0 with the next seed" }, "Again");
  const stop = make("button", { type: "button", class: "stop", onclick: () => ask.tell("stop", { id: kept.now.id }) }, "Stop");
  area.replaceChildren(
    make("div", { class: "settings" },
      make("label", {}, "Conversation", earlier), fresh, make("label", { class: "which" }, "Answers", which),
      SETTINGS.map(([key, name]) => make("label", {}, name, inputs[key])),
      make("label", { class: "system" }, "System prompt", system)),
    rounds, note,
    make("div", { class: "say" }, question, make("div", { class: "buttons" }, go, stop, again)));

  const shown = () => models.filter(({ kind }) => which.value === "both" || kind === which.value);

  function draw() {
    earlier.replaceChildren(...kept.titles.map((title) => make("option", {}, title)));
    earlier.selectedIndex = kept.at;
    [earlier, fresh, which].forEach((one) => { one.disabled = busy; });
    go.hidden = busy;
    stop.hidden = !busy;
    again.disabled = busy || !kept.now.rounds.length;
    const columns = shown();
    area.style.setProperty("--columns", columns.length);
    rounds.replaceChildren(
      make("div", { class: "row heads" }, columns.map(({ kind, name }) => make("div", { class: "head" },
        make("b", {}, NAMES[kind]), make("span", { class: "soft" }, name),
        make("button", { type: "button", "aria-label": `Export ${kind}`, title: "a line of messages JSONL, to be trained on", onclick: () => save(kind) }, "Export")))),
      ...kept.now.rounds.map((round) => make("div", { class: "round" }, make("p", { class: "asked" }, round.question),
        make("div", { class: "row" }, columns.map(({ kind }) => make("div", { class: `answer ${kind}` }, ...told(round.answers[kind])))))));
  }

  // An answer's text, and how it came about, small below it.
  function told(answer) {
    if (!answer) return [make("p", { class: "soft" }, "not asked")];
    const parts = [];
    if (answer.first_seconds != null) parts.push(`first token after ${answer.first_seconds.toFixed(2)} s`);
    if (answer.tokens_per_second != null) parts.push(`${answer.tokens_per_second.toFixed(1)} tokens/s`);
    parts.push(`${answer.tokens} tokens`);
    if (answer.over === "limit") parts.push("cut off: no more tokens were allowed or fit");
    if (answer.over === "stopped") parts.push("stopped");
    if (answer.left_out) parts.push(`the oldest ${answer.left_out} turns did not fit and were left out`);
    return [make("p", { class: "text" }, answer.text), make("p", { class: "soft about" }, parts.join(", "))];
  }

  // What one model has been asked and has answered.
  const turns = (kind) => kept.now.rounds.flatMap(({ question: asked, answers }) => {
    const text = answers[kind]?.text;
    return text ? [{ role: "user", content: asked }, { role: "assistant", content: text }] : [];
  });

  async function send() {
    const text = question.value.trim();
    if (!text || busy || !models.length) return;
    question.value = "";
    await answered(text);
  }

  async function repeat() {
    const last = kept.now.rounds.pop();
    if (Number(inputs.temperature.value) > 0) inputs.seed.value = Number(inputs.seed.value) + 1;
    await answered(last.question, last);
  }

  // `before`: the round that this one takes the place of, and that comes back where it is refused.
  async function answered(text, before) {
    const asked = { id: kept.now.id, system: system.value,
      turns: Object.fromEntries(shown().map(({ kind }) => [kind, [...turns(kind), { role: "user", content: text }]])) };
    for (const [key] of SETTINGS) asked[key] = inputs[key].valueAsNumber;
    const round = { question: text, answers: {} };
    kept.now.rounds.push(round);
    busy = true;
    tell();
    draw();
    const columns = rounds.lastElementChild.querySelectorAll(".answer");
    columns.forEach((column) => column.replaceChildren(make("p", { class: "soft" }, "…")));
    rounds.scrollTop = rounds.scrollHeight;
    const answer = await ask.following("ask", asked, (said) => {
      const follows = rounds.scrollHeight - rounds.scrollTop - rounds.clientHeight < 60;
      round.answers = said;
      shown().forEach(({ kind }, index) => columns[index].replaceChildren(...told(said[kind])));
      if (follows) rounds.scrollTop = rounds.scrollHeight;
      return Object.values(said).every(({ over }) => over);
    });
    busy = false;
    if (answer.kind === "refused") {
      tell(answer.content);
      if (!Object.keys(round.answers).length) {
        kept.now.rounds.pop();
        if (before) kept.now.rounds.push(before); else question.value ||= text;
      }
    }
    kept.save();
    draw();
    rounds.scrollTop = rounds.scrollHeight;
    question.focus();
  }

  async function save(kind) {
    const answer = await ask("export", { system: system.value, turns: turns(kind) });
    if (answer.kind !== "exported") return tell(answer.content);
    const link = make("a", { href: URL.createObjectURL(new Blob([answer.content])), download: `chat-${kind}.jsonl` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    return tell();
  }

  function tell(faults = []) {
    note.className = faults.length ? "note wrong" : "note";
    note.replaceChildren(...faults.map((fault) => make("p", {}, words(fault))));
  }

  ask("opened", {}).then((answer) => {
    if (answer.kind !== "opened") return tell(answer.content);
    models = answer.content.models;
    system.value = answer.content.system;
    for (const [key, value] of Object.entries(answer.content.settings)) inputs[key].value = value;
    const choices = models.length > 1 ? ["both", ...models.map(({ kind }) => kind)] : models.map(({ kind }) => kind);
    which.replaceChildren(...choices.map((kind) => make("option", { value: kind }, NAMES[kind] ?? "Both")));
    which.parentElement.hidden = models.length < 2;
    return draw();
  });
}
