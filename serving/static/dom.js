// What every part of the page does with its elements.
export const byId = (id) => document.getElementById(id);
export const limits = byId("form").dataset;
export const number = (value) => value.toLocaleString("en");

export function show(...ids) { for (const id of ids) byId(id).hidden = false; }

// Shows a part of the page that answers; on a phone that is below what can be seen.
export function reveal(id) {
  show(id);
  byId(id).scrollIntoView({ block: "nearest" });
}

export function hide(...ids) { for (const id of ids) byId(id).hidden = true; }

// An element with a class and children; strings become text and are never read as HTML.
export function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

export function showProblem(error) {
  byId("problem").textContent = error.message;
  reveal("problem");
}

export function showAbout(milliseconds, version) {
  const time = milliseconds < 2000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
  byId("about").textContent = `${time}, model ${version}`;
  show("about");
}

// A share between 0 and 1 as a bar that also says it in words.
export function setBar(id, share, label, words) {
  byId(id).setAttribute("aria-label", words);
  byId(id).firstElementChild.style.width = `${100 * share}%`;
  byId(id).firstElementChild.className = label;
}
