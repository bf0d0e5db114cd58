/** The stream by way of the browser's one shared worker; on its own where the worker does not answer. */

import { Connection, type Hears, type Source } from "./connection.ts";
import type { FromPage, ToPage } from "./relay.ts";

/** The gateway's heartbeat comes every 15 s: after so long without a word the worker is asked whether it is there. */
const QUIET_MS = 20_000;
/** It answers at once; a page that slept needs a moment to hear it. */
const ANSWER_MS = 10_000;
const LOOK_EVERY_MS = 5_000;

/** As much of a `MessagePort` as is needed. */
export interface PagePort {
  postMessage: (message: FromPage) => void;
  onmessage: ((message: MessageEvent<ToPage>) => unknown) | null;
}

export class SharedSource implements Source {
  readonly #port: PagePort;
  readonly #url: string;
  #own: Connection | null = null;
  #cursor: string | null = null;
  #heard_ms = 0;
  #asked_ms: number | null = null;
  #alone: (() => void) | null = null;

  constructor(port: PagePort, url: string) {
    this.#port = port;
    this.#url = url;
  }

  wake(): void {
    if (this.#own) this.#own.wake();
    else this.#port.postMessage({ kind: "wake" });
  }

  /** The page is left, perhaps only for a while (the browser keeps pages to come back to). */
  leave(): void {
    this.#port.postMessage({ kind: "bye" });
  }

  comeBack(): void {
    if (!this.#own) this.#port.postMessage({ kind: "hello", url: this.#url });
  }

  /** The worker cannot be had: follow alone from here on. */
  goAlone(): void {
    this.#alone?.();
  }

  async follow(hears: Hears): Promise<void> {
    const end = Promise.withResolvers<"over" | "alone">();
    this.#alone = () => end.resolve("alone");
    this.#heard_ms = performance.now();
    this.#port.onmessage = ({ data }) => {
      this.#heard_ms = performance.now();
      this.#asked_ms = null;
      if (data.kind === "over") end.resolve("over");
      else this.#take(data, hears);
    };
    const looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#port.postMessage({ kind: "hello", url: this.#url });
    const how = await end.promise;
    clearInterval(looking);
    this.#port.onmessage = null;
    if (how === "over") return hears.lost();
    this.leave();
    this.#own = new Connection(this.#url, this.#cursor);
    await this.#own.follow(hears);
  }

  #take(message: ToPage, hears: Hears): void {
    if (message.kind === "event") {
      hears.event(message.event);
      if (message.event.id !== null) this.#cursor = message.event.id;
      this.#port.postMessage({ kind: "taken" });
      hears.heard();
    } else if (message.kind === "heard") hears.heard();
    else if (message.kind === "lost") hears.lost(message.lastWord_ms);
  }

  /** Ask a silent worker whether it is there; who does not answer is dead. */
  #look(): void {
    const now_ms = performance.now();
    if (this.#asked_ms !== null) {
      if (now_ms - this.#asked_ms > ANSWER_MS) this.goAlone();
      return;
    }
    if (now_ms - this.#heard_ms <= QUIET_MS) return;
    this.#asked_ms = now_ms;
    this.#port.postMessage({ kind: "there?" });
  }
}
