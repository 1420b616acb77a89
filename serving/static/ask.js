// One call of the service. What it refuses becomes an error with the service's own words.
import { byId } from "./dom.js";

const TRIES = 6;

class Refusal extends Error {
  constructor(response, problem) {
    super([problem.title, problem.detail].filter(Boolean).join(". "));
    this.busy = response.status === 429 || response.status === 503;
    this.seconds = Math.min(Number(response.headers.get("Retry-After")) || 1, 60);
  }
}

// Half a character of two is none in UTF-8: the service would refuse all for it.
const wellFormed = (name, value) => (typeof value === "string" ? value.toWellFormed() : value);

export async function ask(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  // A header holds bytes: the key's in UTF-8, which is what the service compares.
  const key = byId("key")?.value;
  if (key) headers.Authorization = `Bearer ${String.fromCharCode(...new TextEncoder().encode(key))}`;
  const sent = { method: "POST", headers, body: JSON.stringify(body, wellFormed), signal };
  const response = await fetch(path, sent).catch((error) => {
    throw error instanceof TypeError ? new Error("The service cannot be reached.") : error;
  });
  const answer = await response.json().catch(() => ({ title: `The service answered ${response.status}` }));
  if (!response.ok) throw new Refusal(response, answer);
  return answer;
}

// The same for long work: where the service is busy, ask again when it says so.
export async function askPatiently(path, body, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask(path, body, signal);
    } catch (error) {
      if (!error.busy || tries === TRIES) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, 1000 * error.seconds);
        signal.addEventListener("abort", resolve, { once: true });
      });
      signal.throwIfAborted();
    }
  }
}
