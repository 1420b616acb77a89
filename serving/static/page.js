"use strict";
const byId = (id) => document.getElementById(id);
const form = byId("form");
const limits = form.dataset;
let scored = [];

async function ask(body) {
  const headers = { "Content-Type": "application/json" };
  if (byId("key")?.value) headers.Authorization = `Bearer ${byId("key").value}`;
  const response = await fetch("predict", { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({ title: `The service answered ${response.status}` }));
  if (!response.ok) throw new Error(answer.detail ? `${answer.title}. ${answer.detail}` : answer.title);
  return answer;
}

// As many texts a request as the service takes, in number and in bytes.
function* batches(texts) {
  let batch = [], bytes = 0;
  for (const text of texts) {
    const size = new Blob([JSON.stringify(text)]).size + 2;
    if (batch.length >= limits.maxTexts || (batch.length && bytes + size > limits.maxBodyBytes - 100)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(text);
    bytes += size;
  }
  if (batch.length) yield batch;
}

function show(id, shown) { byId(id).hidden = !shown; }

function showSingle(answer) {
  const percent = (100 * answer.probability).toFixed(1);
  byId("label").textContent = answer.label;
  byId("label").className = answer.label;
  byId("percent").textContent = `P(positive) = ${percent} %`;
  byId("fill").style.width = `${percent}%`;
  byId("fill").className = answer.label;
  byId("bar").setAttribute("aria-label", `${percent} % positive`);
}

function showMany() {
  const positive = scored.filter((row) => row.label === "positive").length;
  byId("count").textContent = `${scored.length} texts, ${positive} positive`;
  byId("rows").replaceChildren(...scored.slice(0, 500).map((row) => {
    const line = document.createElement("tr");
    for (const value of [row.text, row.label, row.probability.toFixed(3)]) {
      line.insertCell().textContent = value;
    }
    line.cells[1].className = row.label;
    return line;
  }));
}

async function predict(texts) {
  byId("send").disabled = true;
  for (const id of ["problem", "single", "many", "about"]) show(id, false);
  const started = performance.now();
  try {
    let answer;
    scored = [];
    if (texts.length === 1) {
      answer = await ask({ text: texts[0] });
      showSingle(answer);
    } else {
      for (const batch of batches(texts)) {
        answer = await ask({ texts: batch });
        scored.push(...answer.predictions.map((prediction, index) => ({ text: batch[index], ...prediction })));
        byId("send").textContent = `${scored.length} of ${texts.length}`;
      }
      showMany();
    }
    show(texts.length === 1 ? "single" : "many", true);
    byId("about").textContent = `${Math.round(performance.now() - started)} ms, model ${answer.model_version}`;
    show("about", true);
  } catch (error) {
    byId("problem").textContent = error instanceof TypeError ? "The service cannot be reached." : error.message;
    show("problem", true);
  } finally {
    byId("send").disabled = false;
    byId("send").textContent = "Predict";
  }
}

// RFC 4180: quoted fields may hold separators, line ends and doubled quotes.
function parseTable(source, separator) {
  const rows = [[""]];
  let quoted = false;
  for (let at = 0; at < source.length; at += 1) {
    const sign = source[at];
    const row = rows[rows.length - 1];
    if (quoted && sign === '"' && source[at + 1] === '"') { row[row.length - 1] += '"'; at += 1; }
    else if (sign === '"' && (quoted || row[row.length - 1] === "")) quoted = !quoted;
    else if (quoted) row[row.length - 1] += sign;
    else if (sign === separator) row.push("");
    else if (sign === "\n") rows.push([""]);
    else if (sign !== "\r") row[row.length - 1] += sign;
  }
  return rows.filter((row) => row.length > 1 || row[0] !== "");
}

// A column called text, tweet, review, message or comment; else the last one. Plain text files: a text a line.
function textsOf(name, source) {
  if (!/\.(csv|tsv)$/i.test(name)) return source.split(/\r?\n/).filter((line) => line.trim());
  const rows = parseTable(source.replace(/^\uFEFF/, ""), /\.tsv$/i.test(name) ? "\t" : ",");
  const named = (rows[0] ?? []).findIndex((title) => /^(text|tweet|review|message|comment)s?$/i.test(title.trim()));
  return (named < 0 ? rows : rows.slice(1)).map((row) => (named < 0 ? row[row.length - 1] : row[named] ?? ""));
}

async function readFile(file) {
  const texts = textsOf(file.name, await file.text());
  if (texts.length) {
    await predict(texts);
  } else {
    byId("problem").textContent = `${file.name} holds no text.`;
    show("problem", true);
  }
}

function download() {
  // A spreadsheet takes a field that starts so for a formula.
  const field = (value) => `"${String(value).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const lines = scored.map((row) => [field(row.text), row.label, row.probability].join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`text,label,probability\r\n${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  link.download = "predictions.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const lines = byId("text").value.split("\n").filter((line) => line.trim());
  predict(lines.length > 1 ? lines : [byId("text").value.trim()]);
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
byId("open").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", (event) => {
  if (event.target.files.length) readFile(event.target.files[0]);
  event.target.value = "";
});
byId("download").addEventListener("click", download);
for (const name of ["dragover", "dragleave", "drop"]) {
  form.addEventListener(name, (event) => {
    event.preventDefault();
    form.classList.toggle("dropping", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) readFile(event.dataTransfer.files[0]);
  });
}
// A link may carry a text after its #, which browsers send to no server.
if (location.hash.length > 1) {
  byId("text").value = new URLSearchParams(`text=${location.hash.slice(1).replaceAll("+", "%2B").replaceAll("&", "%26")}`).get("text");
  form.requestSubmit();
}
