// Questions to the server and its answers. Elements are made here, too: text never becomes markup.

const PATIENCE = 150_000; // milliseconds; a document takes at most its time limit on the server
const SILENT = "the server does not answer: is it still running?";

// Makes an element; children are elements or text.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

// Gives ask(event, content): a promise of the answer, {kind, content}. One question at a time.
// ask.following(event, content, told) waits for no other: told() gets every answer until it is over,
// the promise the last one. ask.tell(event, content) wants no answer.
export function talk({ props, trigger, watch }) {
  const open = new Map();
  let turn = 0;
  let last = Promise.resolve();
  watch("value", () => {
    if (!props.value) return;
    const answer = JSON.parse(props.value);
    open.get(answer.turn)?.(answer);
  });
  function asked(event, content, isLast, patience = PATIENCE) {
    const own = ++turn;
    let timer;
    return new Promise((done) => {
      const wait = () => { clearTimeout(timer); timer = setTimeout(() => done(refused(SILENT)), patience); };
      wait();
      open.set(own, (answer) => (isLast(answer) ? done(answer) : wait()));
      trigger(event, { turn: own, text: JSON.stringify(content) });
    }).finally(() => { clearTimeout(timer); open.delete(own); });
  }
  const ask = (event, content) => (last = last.then(() => asked(event, content, () => true)));
  ask.following = (event, content, told) => asked(event, content, (answer) => answer.kind === "refused" || told(answer.content), 20 * PATIENCE);
  ask.tell = (event, content) => trigger(event, { turn: ++turn, text: JSON.stringify(content) });
  return ask;
}

export function refused(what) {
  return { kind: "refused", content: [{ what }] };
}

// One fault in words.
export function words(fault) {
  const parts = [fault.field ? `${fault.field}: ${fault.what}` : fault.what];
  if (fault.found != null) parts.push(`found ${fault.found}`);
  if (fault.expected != null) parts.push(`expected ${fault.expected}`);
  if (fault.cure != null) parts.push(fault.cure);
  return parts.join("; ");
}

// Sends a file; gives its document's id and notes on it, or a refusal.
export async function send(file) {
  const form = new FormData();
  form.append("file", file);
  try {
    const reply = await fetch("./documents", { method: "POST", body: form });
    const told = await reply.json();
    if (reply.ok) return { kind: "taken", content: told };
    const detail = told.detail;
    return typeof detail === "string" ? refused(detail) : { kind: "refused", content: detail };
  } catch {
    return refused("the file could not be sent: is the desk still running?");
  }
}
