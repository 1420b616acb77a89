// A table of texts: read from a file or from lines, and written back with the predictions beside it.
const NAMED = /^(text|tweet|review|message|comment|sentence|content|body)s?$/i;

// RFC 4180: quoted fields may hold separators, line ends and doubled quotes. Blank lines count between others only.
export function parse(source, separator) {
  const stop = new RegExp(`[${separator}\r\n]`, "g");
  const rows = [];
  let row = [], last = 0;
  for (let at = 0; at <= source.length; at += 1) {
    let value = "";
    const isQuoted = source[at] === '"';
    if (isQuoted) [value, at] = quoted(source, at);
    stop.lastIndex = at;
    const end = stop.exec(source)?.index ?? source.length;
    row.push(value + source.slice(at, end));
    at = end;
    if (source[at] === separator) continue;
    if (source[at] === "\r" && source[at + 1] === "\n") at += 1;
    const isBlank = row.length === 1 && row[0] === "" && !isQuoted;
    if (rows.length || !isBlank) rows.push(row);
    if (!isBlank) last = rows.length;
    row = [];
  }
  return rows.slice(0, last);
}

// The value of the quoted field that starts here, and where it ends.
function quoted(source, start) {
  let end = source.indexOf('"', start + 1);
  while (end >= 0 && source[end + 1] === '"') end = source.indexOf('"', end + 2);
  if (end < 0) throw new Error(`The quote in line ${source.slice(0, start).split(/\r\n|\r|\n/).length} is never closed.`);
  return [source.slice(start + 1, end).replaceAll('""', '"'), end + 1];
}

// UTF-8, or else what spreadsheets on Windows write.
function decode(bytes) {
  const all = new Uint8Array(bytes);
  const [first, second] = all;
  const wide = { 0xFFFE: "utf-16le", 0xFEFF: "utf-16be" }[256 * first + second];
  if (wide) return new TextDecoder(wide, { ignoreBOM: true }).decode(bytes);
  if (all.includes(0)) throw new Error("It is no text file.");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function separatorOf(source) {
  const first = source.slice(0, 10_000).replace(/^[\r\n]+/, "").split(/[\r\n]/, 1)[0].replaceAll(/"[^"]*"?/g, "");
  const fields = (separator) => first.split(separator).length;
  return [",", ";", "\t"].reduce((best, next) => (fields(next) > fields(best) ? next : best));
}

export class Table {
  constructor({ rows, separator = ",", mark = "", name = "", named = true, own = false }) {
    Object.assign(this, { rows, separator, mark, name, named, own });
    this.width = rows.reduce((width, row) => Math.max(width, row.length), 0);
    this.column = named ? rows[0].findIndex((title) => NAMED.test(title.trim())) : -1;
    this.obvious = this.column >= 0 || this.width === 1;
    if (this.column < 0) this.column = this.longestColumn();
  }

  static ofLines(lines) {
    return new Table({ rows: [["text"], ...lines.map((line) => [line])], own: true });
  }

  static ofFile(name, bytes) {
    const decoded = decode(bytes);
    const mark = decoded.startsWith("\uFEFF") ? "\uFEFF" : "";
    const source = decoded.slice(mark.length);
    if (!/\.(csv|tsv)$/i.test(name)) return Table.ofLines(source.split(/\r\n|\r|\n/).filter((line) => line.trim()));
    const separator = separatorOf(source);
    const every = parse(source, separator);
    // A blank line is an empty text where there is one column, and none where there are several.
    const rows = every.some((row) => row.length > 1) ? every.filter((row) => row.length > 1 || row[0] !== "") : every;
    // Names are short, all there and no numbers.
    const named = rows.length > 1 && rows[0].every((title) => /^(?=.*\p{L}).{1,40}$/u.test(title.trim()));
    const known = rows[0]?.some((title) => NAMED.test(title.trim()));
    return new Table({ rows, separator, mark, name, named: known || (named && rows[0].length > 1) });
  }

  get body() { return this.named ? this.rows.slice(1) : this.rows; }
  get texts() { return this.body.map((row) => row[this.column] ?? ""); }
  get titles() {
    return Array.from({ length: this.width }, (_, at) => (this.named && this.rows[0][at]) || `Column ${at + 1}`);
  }

  longestColumn() {
    const lengths = Array(this.width).fill(0);
    for (const row of this.body.slice(0, 50)) row.forEach((value, at) => { lengths[at] += value.length; });
    return lengths.indexOf(Math.max(...lengths));
  }

  // All columns as they were, then label and probability, which are empty where there is no prediction.
  write(predictions) {
    const titles = ["label", "probability"].map((title) => {
      while (this.rows[0].includes(title)) title = `predicted_${title}`;
      return title;
    });
    const line = (row, added) => [...Array.from({ length: this.width }, (_, at) => this.field(row[at] ?? "")), ...added]
      .join(this.separator) + "\r\n";
    const lines = this.body.map((row, at) => line(row, [predictions[at]?.label ?? "", predictions[at]?.probability ?? ""]));
    return [this.mark, ...(this.named ? [line(this.rows[0], titles)] : []), ...lines];
  }

  field(value) {
    // A spreadsheet takes a field that starts so for a formula. In a file it was the owner's before: it stays as it is.
    const safe = this.own ? value.replace(/^[=+\-@\t\r]/, "'$&") : value;
    return /["\r\n]|^\s|\s$/.test(safe) || safe.includes(this.separator) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }
}
