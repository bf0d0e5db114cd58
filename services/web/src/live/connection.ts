/**
 * One resumable connection to the gateway's stream of events. Read with `fetch` rather than EventSource, because
 * heartbeats must be seen (silence is how a dead connection looks), the back-off must be ours and a refused log-in must be
 * told from a lost network.
 */

import { isProblem } from "../http.ts";
import { EventReader, type ServerEvent } from "./sse.ts";

/** What somebody who follows the stream is told. */
export interface Hears {
  event: (event: ServerEvent) => void;
  /** Something came, be it a heartbeat: the connection lives. */
  heard: () => void;
  /** The connection is gone; it is tried again. `lastWord_ms`: city time of the last word, where another heard it. */
  lost: (lastWord_ms?: number) => void;
}

/** Where the stream's events come from. */
export interface Source {
  /** Follow until the session is over: the promise says that, and nothing else ends it. */
  follow: (hears: Hears) => Promise<void>;
  /** Connect now if it waits: a phone out of the tunnel or a laptop opened again should not sit out the back-off. */
  wake: () => void;
}

/** The heartbeat comes every 15 s; twice that and a little is silence. */
const SILENCE_MS = 35_000;
const BACK_OFF_MS = { first: 500, most: 15_000 } as const;

export class Connection implements Source {
  readonly #url: string;
  #cursor: string | null;
  #backOff_ms: number = BACK_OFF_MS.first;
  #wake: (() => void) | null = null;
  #silence: ReturnType<typeof setTimeout> | undefined;

  /** `cursor`: the id of the last event somebody has already; null = nothing. */
  constructor(url: string, cursor: string | null = null) {
    this.#url = url;
    this.#cursor = cursor;
  }

  wake(): void {
    this.#wake?.();
  }

  async follow(hears: Hears): Promise<void> {
    for (;;) {
      const goOn = await this.#connectOnce(hears).catch(() => true);
      hears.lost();
      if (!goOn) return;
      await this.#pause();
    }
  }

  /** One connection, until it ends. False: the session is over, asking again is no use. */
  async #connectOnce(hears: Hears): Promise<boolean> {
    const gone = new AbortController();
    this.#listenForSilence(gone);
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.#cursor) headers["Last-Event-ID"] = this.#cursor;
      const response = await fetch(this.#url, {
        headers,
        credentials: "same-origin",
        signal: gone.signal,
        cache: "no-store",
      });
      if ((response.status === 401 || response.status === 403) && isProblem(response)) return false;
      if (!response.ok || !response.body) return true;
      await this.#readAll(response.body, gone, hears);
      return true;
    } finally {
      clearTimeout(this.#silence);
      gone.abort();
    }
  }

  async #readAll(body: ReadableStream<Uint8Array>, gone: AbortController, hears: Hears): Promise<void> {
    const reader = new EventReader();
    const pieces = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
    for (;;) {
      const { done, value } = await pieces.read();
      if (done) return;
      this.#listenForSilence(gone);
      for (const event of reader.read(value)) {
        hears.event(event);
        if (event.id !== null) this.#cursor = event.id;
        this.#backOff_ms = BACK_OFF_MS.first;
      }
      hears.heard();
    }
  }

  #listenForSilence(gone: AbortController): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => gone.abort(), SILENCE_MS);
  }

  async #pause(): Promise<void> {
    // a whole control room must not come back in the same millisecond
    const wait_ms = this.#backOff_ms * (0.5 + Math.random());
    this.#backOff_ms = Math.min(this.#backOff_ms * 2, BACK_OFF_MS.most);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, wait_ms);
    await promise;
    clearTimeout(timer);
    this.#wake = null;
  }
}
