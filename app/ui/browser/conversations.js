// The conversations of this browser tab, newest first; a reload keeps them.

const PLACE = "conversations";

export function conversations() {
  let all = stored();
  let at = 0;
  const add = () => {
    if (all[0]?.rounds.length !== 0) all.unshift({ id: crypto.randomUUID(), rounds: [] });
    at = 0;
  };
  if (!all.length) add();
  return {
    add,
    get at() { return at; },
    get now() { return all[at]; },
    get titles() { return all.map(({ rounds }) => rounds[0]?.question.slice(0, 40) ?? "new"); },
    open(index) { at = index; },
    save() {
      try {
        sessionStorage.setItem(PLACE, JSON.stringify(all));
      } catch { /* what the browser has no room for is lost with the tab */ }
    },
  };
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE)) ?? [];
  } catch {
    return [];
  }
}
