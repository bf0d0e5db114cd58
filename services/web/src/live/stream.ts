/** The live stream as a page sees it: what comes goes into the store, and whether the data are of now. */

import { type Signal, signal } from "@preact/signals";
import { cityNow, cityRate, setClock } from "../clock.ts";
import type { Delta, Snapshot } from "../contract.ts";
import { Connection, type Source } from "./connection.ts";
import type { ServerEvent } from "./sse.ts";
import type { Store } from "./store.ts";

export type LiveState =
  | "open" // connected, the data are of now
  | "stale" // connected, but the gateway says its own data are old
  | "lost"; // not connected: what is shown is what was last known

export const LIVE_PATH = "/api/v1/live";

export class LiveStream {
  readonly connected = signal(false);
  /** City time of the last word from the gateway, ms. */
  readonly lastWord = signal(0);
  /** What it fills: the page's store, or one beside it while the page shows the past. */
  readonly into: Signal<Store>;
  readonly #onSignedOut: () => void;
  #source: Source | null = null;

  constructor(store: Store, onSignedOut: () => void) {
    this.into = signal(store);
    this.#onSignedOut = onSignedOut;
  }

  get state(): LiveState {
    if (!this.connected.value || !this.into.value.filled.value) return "lost";
    return this.into.value.staleSince.value === null ? "open" : "stale";
  }

  /** Since when (city time) what is shown is old; null while it is not. */
  get oldSince(): number | null {
    if (this.state === "open") return null;
    return this.state === "stale" ? this.into.value.staleSince.value : this.lastWord.value || null;
  }

  /** Connect now if it waits. */
  wake(): void {
    this.#source?.wake();
  }

  /** Follow for as long as the page lives; returns only when the session is over. */
  async run(source: Source = new Connection(LIVE_PATH)): Promise<void> {
    this.#source = source;
    await source.follow({
      event: event => this.#take(event),
      heard: () => {
        // only what was heard counts: a resumed stream has no first event until something changes
        if (this.into.peek().filled.peek()) this.connected.value = true;
        this.lastWord.value = cityNow();
      },
      lost: lastWord_ms => {
        this.connected.value = false;
        if (lastWord_ms) this.lastWord.value = lastWord_ms;
      },
    });
    this.connected.value = false;
    this.#onSignedOut();
  }

  #take({ event, data }: ServerEvent): void {
    if (event === "snapshot") {
      const snapshot = JSON.parse(data) as Snapshot;
      setClock(snapshot);
      this.into.peek().takeSnapshot(snapshot);
    } else if (event === "delta") {
      const delta = JSON.parse(data) as Delta;
      setClock({ now_ms: delta.now_ms, rate: delta.rate ?? cityRate() });
      this.into.peek().takeDelta(delta);
    }
  }
}
