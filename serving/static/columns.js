// Which column of a file holds the text. Where it isn't obvious, nothing is sent before somebody has chosen.
import { byId, element, number, reveal } from "./dom.js";

let table, onChosen;

export function choose(opened, then) {
  table = opened;
  onChosen = then;
  byId("named").checked = table.named;
  showColumns();
  reveal("columns");
  if (table.obvious) onChosen(table);
  else byId("column").focus();
}

function showColumns() {
  const selected = table.column;
  byId("column").replaceChildren(...table.titles.map((title) => element("option", "", title)));
  byId("column").selectedIndex = selected;
  showSample();
}

function showSample() {
  table.column = byId("column").selectedIndex;
  const [first = ""] = table.texts;
  byId("opened").textContent = `${table.name}: ${number(table.body.length)} ${table.body.length === 1 ? "row" : "rows"}`;
  byId("sample").textContent = `It begins with: ${first.slice(0, 140)}${first.length > 140 ? "…" : ""}`;
}

byId("column").addEventListener("change", showSample);
byId("named").addEventListener("change", () => {
  table.named = byId("named").checked;
  showColumns();
});
byId("columns").addEventListener("submit", (event) => {
  event.preventDefault();
  onChosen(table);
});
