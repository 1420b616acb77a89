// What people do on the page: type, press Enter, open or drop a file.
import { choose } from "./columns.js";
import { byId, hide, showProblem } from "./dom.js";
import { start, stop } from "./many.js";
import { showSingle } from "./single.js";
import { Table } from "./table.js";

let controller;

function clear() {
  controller?.abort();
  stop();
  hide("problem", "single", "many", "about", "columns");
}

async function predict(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  clear();
  if (lines.length > 1) return start(Table.ofLines(lines));
  const { signal } = controller = new AbortController();
  try {
    await showSingle(text.trim(), signal);
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error);
  }
}

async function open(file) {
  clear();
  let table;
  try {
    table = Table.ofFile(file.name, await file.arrayBuffer());
  } catch (error) {
    return showProblem(new Error(`${file.name} cannot be read. ${error.message}`));
  }
  if (!table.texts.length) showProblem(new Error(`${file.name} holds no text.`));
  else if (table.own) start(table);
  else choose(table, start);
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  predict(byId("text").value);
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    byId("form").requestSubmit();
  }
});
for (const example of document.querySelectorAll("#examples button")) {
  example.addEventListener("click", () => {
    byId("text").value = example.textContent;
    byId("form").requestSubmit();
  });
}
byId("open").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", (event) => {
  if (event.target.files.length) open(event.target.files[0]);
  event.target.value = "";
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;  // text is the text field's
    event.preventDefault();
    document.body.classList.toggle("dropping", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
  });
}
// A link may carry a text after its #, which browsers send to no server.
function openLink() {
  if (location.hash.length < 2) return;
  const kept = location.hash.slice(1).replaceAll("+", "%2B").replaceAll("&", "%26");
  byId("text").value = new URLSearchParams(`text=${kept}`).get("text");
  byId("form").requestSubmit();
}
window.addEventListener("hashchange", openLink);
openLink();
