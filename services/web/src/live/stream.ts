/**
 * One resumable stream of events from the gateway: a snapshot, then deltas. Read with `fetch` rather than
 * EventSource, because heartbeats must be seen (silence is how a dead connection looks), the back-off must be ours
 * and a refused log-in must be told from a lost network.
 */

import { type Signal, signal } from "@preact/signals";
import { cityNow, cityRate, setClock } from "../clock.ts";
import type { Delta, Snapshot } from "../contract.ts";
import { EventReader, type ServerEvent } from "./sse.ts";
import type { Store } from "./store.ts";

export type LiveState =
  | "open" // connected, the data are of now
  | "stale" // connected, but the gateway says its own data are old
  | "lost"; // not connected: what is shown is what was last known

/** The heartbeat comes every 15 s; twice that and a little is silence. */
const SILENCE_MS = 35_000;
const BACK_OFF_MS = { first: 500, most: 15_000 } as const;

export class LiveStream {
  readonly connected = signal(false);
  /** City time of the last word from the gateway, ms. */
  readonly lastWord = signal(0);
  /** What it fills: the page's store, or one beside it while the page shows the past. */
  readonly into: Signal<Store>;
  readonly #url: string;
  readonly #onSignedOut: () => void;
  #cursor: string | null = null;
  #backOff_ms: number = BACK_OFF_MS.first;
  #wake: (() => void) | null = null;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store, onSignedOut: () => void, url = "/api/v1/live") {
    this.into = signal(store);
    this.#url = url;
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

  /** Connect now if it waits: a phone out of the tunnel or a laptop opened again should not sit out the back-off. */
  wake(): void {
    this.#wake?.();
  }

  /** Follow for as long as the page lives; returns only when the session is over. */
  async run(): Promise<void> {
    for (;;) {
      const goOn = await this.#connectOnce().catch(() => true);
      this.connected.value = false;
      if (!goOn) return this.#onSignedOut();
      await this.#pause();
    }
  }

  /** One connection, until it ends. False: the session is over, asking again is no use. */
  async #connectOnce(): Promise<boolean> {
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
      if (response.status === 401 || response.status === 403) return false;
      if (!response.ok || !response.body) return true;
      await this.#readAll(response.body, gone);
      return true;
    } finally {
      clearTimeout(this.#silence);
      gone.abort();
    }
  }

  async #readAll(body: ReadableStream<Uint8Array>, gone: AbortController): Promise<void> {
    const reader = new EventReader();
    const pieces = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
    for (;;) {
      const { done, value } = await pieces.read();
      if (done) return;
      this.#listenForSilence(gone);
      for (const event of reader.read(value)) this.#take(event);
      // only what was heard counts: a resumed stream has no first event until something changes
      if (this.into.peek().filled.peek()) this.connected.value = true;
      this.lastWord.value = cityNow();
    }
  }

  #take({ event, data, id }: ServerEvent): void {
    if (event === "snapshot") {
      const snapshot = JSON.parse(data) as Snapshot;
      setClock(snapshot);
      this.into.peek().takeSnapshot(snapshot);
    } else if (event === "delta") {
      const delta = JSON.parse(data) as Delta;
      setClock({ now_ms: delta.now_ms, rate: delta.rate ?? cityRate() });
      this.into.peek().takeDelta(delta);
    }
    if (id !== null) this.#cursor = id;
    this.#backOff_ms = BACK_OFF_MS.first;
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
