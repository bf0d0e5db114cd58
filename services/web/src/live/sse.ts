/** The text/event-stream format, read piece by piece: bytes arrive cut anywhere. */

export interface ServerEvent {
  event: string;
  data: string;
  id: string | null;
}

/**
 * A reader of one stream. Give it text as it comes; it returns the events that are complete.
 * Comments (heartbeats) make no event.
 */
export class EventReader {
  /** The line that is not ended yet, as it came: a snapshot is one line of megabytes in hundreds of pieces. */
  #rest: string[] = [];
  /** A carriage return at a piece's end: the line feed it may belong to comes with the next. */
  #held = "";
  #event = "";
  #data: string[] = [];
  #id: string | null = null;

  read(text: string): ServerEvent[] {
    const piece = this.#held + text;
    this.#held = piece.endsWith("\r") ? "\r" : "";
    const [first = "", ...others] = (this.#held ? piece.slice(0, -1) : piece).split(/\r\n|\n|\r/);
    this.#rest.push(first);
    if (!others.length) return [];
    const lines = [this.#rest.join(""), ...others];
    this.#rest = [lines.pop() ?? ""];
    return lines.flatMap(line => this.#line(line) ?? []);
  }

  #line(line: string): ServerEvent | null {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    if (field === "data") this.#data.push(value);
    if (field === "id") this.#id = value;
    return null;
  }

  #dispatch(): ServerEvent | null {
    const data = this.#data.join("\n");
    const event = this.#event || "message";
    const empty = this.#data.length === 0;
    this.#data = [];
    this.#event = "";
    return empty ? null : { event, data, id: this.#id };
  }
}
