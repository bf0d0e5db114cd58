/**
 * One connection for all pages of a browser: it lives in a shared worker, keeps what the stream said, gives each page that
 * comes a snapshot, then every event. A page that does not keep up (the browser has put it to sleep) is told nothing more
 * until it has read all, then it begins again with a snapshot: nothing piles up for it.
 */

import { cityNow, rate } from "../clock.ts";
import type { Hears, Source } from "./connection.ts";
import type { ServerEvent } from "./sse.ts";
import { Store } from "./store.ts";
import { LiveStream } from "./stream.ts";

/** What the worker says to a page. */
export type ToPage =
  | { kind: "event"; event: ServerEvent }
  | { kind: "heard" }
  | { kind: "lost"; lastWord_ms: number }
  | { kind: "over" }
  | { kind: "here" };

/** What a page says to the worker. */
export type FromPage =
  | { kind: "hello"; url: string }
  | { kind: "taken" } // one event was taken
  | { kind: "wake" }
  | { kind: "there?" }
  | { kind: "bye" };

/** A page, as far as the worker knows it. */
export interface Port {
  postMessage: (message: ToPage) => void;
}

/** Events under way to a page; at four a second a minute's. */
export const MOST_UNDER_WAY = 240;

export class Relay {
  readonly #sourceOf: (url: string) => Source;
  readonly #pages = new Map<Port, { underWay: number; behind: boolean }>();
  #source: Source | null = null;
  #store = new Store();
  #live: LiveStream | null = null;
  #cursor: string | null = null;
  #told = false;

  constructor(sourceOf: (url: string) => Source) {
    this.#sourceOf = sourceOf;
  }

  take(port: Port, message: FromPage): void {
    switch (message.kind) {
      case "hello":
        this.#pages.set(port, { underWay: 0, behind: false });
        if (this.#source) this.#begin(port);
        else this.#follow(message.url);
        return;
      case "taken":
        this.#taken(port);
        return;
      case "wake":
        this.#source?.wake();
        return;
      case "there?":
        port.postMessage({ kind: "here" });
        return;
      case "bye":
        this.#pages.delete(port);
    }
  }

  /** Follow until the session is over; then every page is told, and the next one that comes begins anew. */
  #follow(url: string): void {
    this.#store = new Store();
    this.#cursor = null;
    const source = this.#sourceOf(url);
    this.#source = source;
    this.#live = new LiveStream(this.#store, () => {
      this.#source = null;
      for (const port of this.#pages.keys()) port.postMessage({ kind: "over" });
      this.#pages.clear();
    });
    void this.#live.run({
      follow: own => source.follow(this.#andPages(own)),
      wake: () => source.wake(),
    });
  }

  /** What the relay itself hears, passed on. */
  #andPages(own: Hears): Hears {
    return {
      event: event => {
        own.event(event);
        if (event.id !== null) this.#cursor = event.id;
        this.#told = true;
        for (const port of this.#pages.keys()) this.#tell(port, event);
      },
      heard: () => {
        own.heard();
        // an event says it too; a heartbeat has to be said
        if (!this.#told) this.#toAll({ kind: "heard" });
        this.#told = false;
      },
      lost: () => {
        own.lost();
        this.#toAll({ kind: "lost", lastWord_ms: this.#live?.lastWord.peek() ?? 0 });
      },
    };
  }

  #toAll(message: ToPage): void {
    for (const [port, page] of this.#pages) if (!page.behind) port.postMessage(message);
  }

  #tell(port: Port, event: ServerEvent): void {
    const page = this.#pages.get(port);
    if (!page || page.behind) return;
    if (page.underWay >= MOST_UNDER_WAY) {
      page.behind = true;
      return;
    }
    page.underWay++;
    port.postMessage({ kind: "event", event });
  }

  #taken(port: Port): void {
    const page = this.#pages.get(port);
    if (!page) return;
    page.underWay--;
    if (!page.behind || page.underWay > 0) return;
    page.behind = false;
    this.#begin(port);
  }

  /** Give a page what is known now; before the first snapshot it waits for that with everybody. */
  #begin(port: Port): void {
    if (!this.#store.filled.peek()) return;
    const snapshot = this.#store.snapshot({ now_ms: cityNow(), rate: rate.peek() });
    this.#tell(port, { event: "snapshot", data: JSON.stringify(snapshot), id: this.#cursor });
    if (!this.#live?.connected.peek())
      port.postMessage({ kind: "lost", lastWord_ms: this.#live?.lastWord.peek() ?? 0 });
  }
}
