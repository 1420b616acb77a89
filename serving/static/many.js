// Many texts: scored in as many requests as needed. What has been scored stays, whatever becomes of the rest.
import { askPatiently } from "./ask.js";
import { byId, element, hide, limits, number, reveal, setBar, show, showAbout, showProblem } from "./dom.js";

const SHOWN = 500;
let table, texts, predictions, done, positive, controller;

export function start(chosen) {
  stop();
  table = chosen;
  texts = table.texts;
  predictions = Array(texts.length);
  done = positive = 0;
  byId("rows").replaceChildren();
  byId("more").hidden = texts.length <= SHOWN;
  reveal("many");
  return score();
}

export function stop() { controller?.abort(); }

async function score() {
  const { signal } = controller = new AbortController();
  const started = performance.now();
  hide("problem", "about");
  show("progress", "turn");
  byId("turn").textContent = "Stop";
  showCount();
  try {
    for (const batch of batches()) {
      const answer = await askPatiently("predict", { texts: batch.map((at) => texts[at]) }, signal);
      keep(batch, answer.predictions);
      showCount();
      showAbout(performance.now() - started, answer.model_version);
    }
    hide("progress", "turn");
  } catch (error) {
    if (signal !== controller?.signal) return;  // other texts have taken their place
    if (error.name !== "AbortError") showProblem(error);
    byId("turn").textContent = "Go on";
  }
  controller = null;
  showSummary();
}

function keep(batch, answered) {
  batch.forEach((at, index) => { predictions[at] = answered[index]; });
  done += batch.length;
  positive += answered.filter((each) => each.label === "positive").length;
  addRows(batch);
}

const encoder = new TextEncoder();
const tooLong = (text) => text.length > limits.maxCharacters && Array.from(text).length > limits.maxCharacters;

// The places of texts that have no prediction, as many a request as the service takes, in number and in bytes.
function* batches() {
  let batch = [], bytes = 0;
  for (let at = 0; at < texts.length; at += 1) {
    if (predictions[at] || tooLong(texts[at])) continue;
    const size = encoder.encode(JSON.stringify(texts[at])).length + 2;
    if (batch.length >= limits.maxTexts || (batch.length && bytes + size > limits.maxBodyBytes - 100)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(at);
    bytes += size;
  }
  if (batch.length) yield batch;
}

function showCount() {
  byId("progress").max = texts.length;
  byId("progress").value = done;
  byId("summary").textContent = `${number(done)} of ${number(texts.length)} texts`;
  byId("download").hidden = !done;
  setBar("share", done ? positive / done : 0, "positive", `${number(positive)} of ${number(done)} positive`);
}

function showSummary() {
  const long = texts.filter(tooLong).length;
  const all = done === texts.length ? "" : ` of ${number(texts.length)}`;
  const said = [`${number(done)}${all} ${texts.length === 1 ? "text" : "texts"}: ${number(positive)} positive, ${number(done - positive)} negative`];
  if (long) said.push(`${number(long)} left out, with more than ${number(Number(limits.maxCharacters))} characters`);
  byId("summary").textContent = said.join("; ");
  byId("said").textContent = byId("summary").textContent;  // once, not at each step
}

function addRows(batch) {
  const room = SHOWN - byId("rows").childElementCount;
  byId("rows").append(...batch.slice(0, Math.max(room, 0)).map((at) => {
    const { label, probability } = predictions[at];
    return element("tr", "", element("td", "", element("bdi", "", texts[at])), element("td", label, label),
      element("td", "", probability.toFixed(3)));
  }));
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(table.write(predictions), { type: "text/csv" }));
  link.download = table.name ? table.name.replace(/(\.\w+)$/, "-predictions$1") : "predictions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

byId("turn").addEventListener("click", () => (controller ? stop() : score()));
byId("download").addEventListener("click", download);
