// The document on the desk, for both tabs: the second one is drawn when it is first opened.

let now = null;
const listeners = [];

export function put(document) {
  now = document;
  listeners.forEach((told) => told(now));
}

export function onDesk(told) {
  listeners.push(told);
  if (now) told(now);
}
