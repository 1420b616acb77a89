// One text: its label and probability, then which of its words pushed which way.
import { ask } from "./ask.js";
import { byId, element, hide, reveal, setBar, show, showAbout } from "./dom.js";

export async function showSingle(text, signal) {
  const started = performance.now();
  const answer = await ask("predict", { text }, signal);
  const percent = (100 * answer.probability).toFixed(1);
  byId("label").textContent = answer.label;
  byId("label").className = answer.label;
  byId("percent").textContent = `P(positive) = ${percent} %`;
  setBar("bar", answer.probability, answer.label, `${percent} % positive`);
  showAbout(performance.now() - started, answer.model_version);
  hide("explanation", "unexplained");
  reveal("single");
  try {
    showWords(text, (await ask("explain", { text }, signal)).words);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    byId("unexplained").textContent = `Its words could not be explained. ${error.message}`;
    show("unexplained");
  }
}

const FAINT = 0.05;  // of the strongest effect: below that a word is not marked, only listed in the table
const points = (effect) => Math.round(100 * effect);
const signed = (effect) => `${points(effect) > 0 ? "+" : "−"}${Math.abs(points(effect))}`;

function showWords(text, words) {
  if (!words.length) return;
  const strongest = Math.max(0.1, ...words.map((word) => Math.abs(word.effect)));
  const signs = Array.from(text);  // offsets are in code points, a string's own are not
  let at = 0;
  byId("words").replaceChildren(...words.flatMap((word) => {
    const gap = signs.slice(at, word.start).join("");
    at = word.end;
    return [gap, marked(word, strongest)];
  }));
  byId("effects").replaceChildren(...[...words]
    .sort((one, other) => Math.abs(other.effect) - Math.abs(one.effect))
    .map((word) => element("tr", "", element("td", "", element("bdi", "", word.word)),
      element("td", "", points(word.effect) ? signed(word.effect) : "0"))));
  byId("grouped").hidden = !words.some((word) => /\s/.test(word.word));
  show("explanation");
  reveal("single");
}

function marked(word, strongest) {
  const shown = element("bdi", "", word.word);  // what one word says of direction ends with it
  if (!points(word.effect) || Math.abs(word.effect) < FAINT * strongest) return shown;
  const made = element("span", `word ${word.effect > 0 ? "positive" : "negative"}`, shown,
    element("small", "", signed(word.effect)));
  made.style.setProperty("--strength", (Math.abs(word.effect) / strongest).toFixed(2));
  return made;
}
