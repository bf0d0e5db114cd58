import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Truck } from "../src/contract.ts";
import type { Hears, Source } from "../src/live/connection.ts";
import { type FromPage, MOST_UNDER_WAY, type Port, Relay, type ToPage } from "../src/live/relay.ts";
import { type PagePort, SharedSource } from "../src/live/shared.ts";
import { Store } from "../src/live/store.ts";
import { LiveStream } from "../src/live/stream.ts";

const PROBLEM = { "Content-Type": "application/problem+json" };

/** The gateway's stream, said by the test. */
class Gateway implements Source {
  static made: Gateway[] = [];
  readonly url: string;
  readonly wake = vi.fn<() => void>();
  #hears: Hears | null = null;
  #over = Promise.withResolvers<void>();

  constructor(url: string) {
    this.url = url;
    Gateway.made.push(this);
  }

  follow(hears: Hears): Promise<void> {
    this.#hears = hears;
    return this.#over.promise;
  }

  say(event: "snapshot" | "delta", id: string, data: unknown): void {
    this.#hears?.event({ event, id, data: JSON.stringify(data) });
    this.#hears?.heard();
  }

  beat(): void {
    this.#hears?.heard();
  }

  lose(): void {
    this.#hears?.lost();
  }

  end(): void {
    this.#over.resolve();
  }
}

/** A page: its own store, and a port to the relay that can be held up, as a sleeping page holds it up. */
class Page {
  readonly store = new Store();
  readonly signedOut = vi.fn<() => void>();
  readonly live = new LiveStream(this.store, this.signedOut);
  readonly source: SharedSource;
  asleep = false;
  #waiting: ToPage[] = [];
  readonly #port: PagePort;

  constructor(relay: Relay | null) {
    const end: Port = {
      postMessage: message => {
        this.#waiting.push(message);
        if (!this.asleep) this.#hear();
      },
    };
    this.#port = { onmessage: null, postMessage: (message: FromPage) => relay?.take(end, message) };
    this.source = new SharedSource(this.#port, "/api/v1/live?user=u");
    void this.live.run(this.source);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  wakeUp(): void {
    this.asleep = false;
    this.#hear();
  }

  get lon(): number | null | undefined {
    return this.store.tables.truck.get("t1")?.lon;
  }

  #hear(): void {
    for (let said = this.#waiting.shift(); said; said = this.#waiting.shift())
      this.#port.onmessage?.({ data: said } as MessageEvent<ToPage>);
  }
}

const truck = (lon: number) => ({ truck_id: "t1", lon, lat: 41 }) as Truck;
const snapshot = (lon: number) => ({ now_ms: 1_000, rate: 1, trucks: [truck(lon)], stale_since_ms: null });
const delta = (lon: number) => ({ now_ms: 2_000, changes: [{ kind: "truck", id: "t1", value: truck(lon) }] });

let relay: Relay;
const gateway = (): Gateway => Gateway.made.at(-1) as Gateway;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  Gateway.made = [];
  relay = new Relay(url => new Gateway(url));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("pages of one browser", () => {
  test("share one connection; one that comes later gets all that is known now, then what comes", () => {
    const first = new Page(relay);
    gateway().say("snapshot", "e-1", snapshot(1));
    gateway().say("delta", "e-2", delta(2));
    const second = new Page(relay);
    expect(Gateway.made.map(one => one.url)).toEqual(["/api/v1/live?user=u"]);
    expect([first.lon, second.lon]).toEqual([2, 2]);
    expect([first.live.state, second.live.state]).toEqual(["open", "open"]);
    gateway().say("delta", "e-3", delta(3));
    expect([first.lon, second.lon]).toEqual([3, 3]);
  });

  test("all know that the connection is lost, also one that comes then, and that it is back", () => {
    const first = new Page(relay);
    gateway().say("snapshot", "e-1", snapshot(1));
    gateway().lose();
    const second = new Page(relay);
    expect([first.live.state, second.live.state]).toEqual(["lost", "lost"]);
    expect(second.lon).toBe(1);
    second.live.wake();
    expect(gateway().wake).toHaveBeenCalledTimes(1);
    gateway().beat();
    expect([first.live.state, second.live.state]).toEqual(["open", "open"]);
  });

  test("are all signed out when the session is over; who comes then is of another connection", async () => {
    const pages = [new Page(relay), new Page(relay)];
    gateway().say("snapshot", "e-1", snapshot(1));
    gateway().end();
    await vi.advanceTimersByTimeAsync(0);
    for (const page of pages) expect(page.signedOut).toHaveBeenCalledTimes(1);
    const next = new Page(relay);
    expect(Gateway.made).toHaveLength(2);
    expect(next.store.filled.value).toBe(false);
    gateway().say("snapshot", "f-1", snapshot(9));
    expect(next.lon).toBe(9);
  });

  test("do not let anything pile up for one that sleeps: it begins again with what is known when it wakes", () => {
    const awake = new Page(relay);
    const sleeper = new Page(relay);
    gateway().say("snapshot", "e-1", snapshot(1));
    sleeper.asleep = true;
    for (let n = 2; n < 2_000; n++) gateway().say("delta", `e-${n}`, delta(n));
    expect(sleeper.waiting).toBeLessThanOrEqual(MOST_UNDER_WAY);
    expect([awake.lon, sleeper.lon]).toEqual([1_999, 1]);
    sleeper.wakeUp();
    expect(sleeper.lon).toBe(1_999);
    gateway().say("delta", "e-2000", delta(7));
    expect([awake.lon, sleeper.lon]).toEqual([7, 7]);
  });

  test("that are left hear no more, and again when they are come back to", () => {
    const page = new Page(relay);
    gateway().say("snapshot", "e-1", snapshot(1));
    page.source.leave();
    gateway().say("delta", "e-2", delta(2));
    expect(page.lon).toBe(1);
    page.source.comeBack();
    expect(page.lon).toBe(2);
  });
});

describe("a page whose worker is dead", () => {
  test("asks it, waits for the answer, then follows alone", async () => {
    const asked = vi.fn(async () => new Response("{}", { status: 401, headers: PROBLEM }));
    vi.stubGlobal("fetch", asked);
    const page = new Page(null);
    await vi.advanceTimersByTimeAsync(24_000);
    expect(asked).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(asked).toHaveBeenCalledTimes(1);
    expect(page.signedOut).toHaveBeenCalledTimes(1);
  });

  test("is not what a silent gateway looks like: the worker answers, nobody goes alone", async () => {
    const asked = vi.fn(async () => new Response("{}", { status: 401, headers: PROBLEM }));
    vi.stubGlobal("fetch", asked);
    const page = new Page(relay);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(asked).not.toHaveBeenCalled();
    expect(page.signedOut).not.toHaveBeenCalled();
  });
});
