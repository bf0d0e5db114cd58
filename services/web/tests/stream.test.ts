import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Truck } from "../src/contract.ts";
import { Store } from "../src/live/store.ts";
import { LiveStream } from "../src/live/stream.ts";

/** A connection as the gateway gives one: pieces are pushed, then it is ended or left hanging. */
class Connection {
  readonly headers: Record<string, string>;
  readonly response: Response;
  #out!: ReadableStreamDefaultController<Uint8Array>;

  constructor(init: RequestInit) {
    this.headers = init.headers as Record<string, string>;
    const body = new ReadableStream<Uint8Array>({
      start: out => {
        this.#out = out;
      },
    });
    init.signal?.addEventListener("abort", () => this.fail());
    this.response = new Response(body, { status: 200 });
  }

  send(event: string, id: string, data: unknown): void {
    this.#out.enqueue(new TextEncoder().encode(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
  }

  end(): void {
    this.#out.close();
  }

  fail(): void {
    try {
      this.#out.error(new Error("gone"));
    } catch {
      // ended already
    }
  }
}

const truck = (lon: number) => ({ truck_id: "t1", lon, lat: 41 }) as Truck;
const snapshot = (lon: number) => ({ now_ms: 1_000, rate: 1, trucks: [truck(lon)], stale_since_ms: null });
const delta = (lon: number) => ({ now_ms: 2_000, changes: [{ kind: "truck", id: "t1", value: truck(lon) }] });

let connections: Connection[] = [];
let refuse: number | null = null;
let headers: Record<string, string>;
let store: Store;
let live: LiveStream;
let signedOut: ReturnType<typeof vi.fn<() => void>>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  connections = [];
  refuse = null;
  headers = { "Content-Type": "application/problem+json" };
  store = new Store();
  signedOut = vi.fn<() => void>();
  live = new LiveStream(store, signedOut);
  vi.stubGlobal("fetch", async (_url: string, init: RequestInit) => {
    if (refuse !== null) return new Response("{}", { status: refuse, headers });
    const made = new Connection(init);
    connections.push(made);
    return made.response;
  });
});

afterEach(() => {
  for (const one of connections) one.fail();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Let what is under way come to rest, without time passing. */
const settle = () => vi.advanceTimersByTimeAsync(0);

async function connection(number: number): Promise<Connection> {
  await vi.waitFor(() => expect(connections.length).toBe(number), { interval: 1 });
  const last = connections[number - 1];
  if (!last) throw new Error("no connection");
  return last;
}

describe("the live stream", () => {
  test("is lost until the snapshot, then open, and deltas change what is known", async () => {
    void live.run();
    const first = await connection(1);
    expect(live.state).toBe("lost");
    first.send("snapshot", "e-1", snapshot(1));
    await vi.waitFor(() => expect(live.state).toBe("open"));
    first.send("delta", "e-2", delta(2));
    await vi.waitFor(() => expect(store.tables.truck.get("t1")?.lon).toBe(2));
  });

  test("resumes after a break from the last event it took, and keeps what it knew meanwhile", async () => {
    void live.run();
    const first = await connection(1);
    first.send("snapshot", "e-1", snapshot(1));
    first.send("delta", "e-2", delta(2));
    await vi.waitFor(() => expect(store.tables.truck.get("t1")?.lon).toBe(2));
    first.end();
    await vi.waitFor(() => expect(live.state).toBe("lost"));
    expect(store.tables.truck.get("t1")?.lon).toBe(2);
    await vi.advanceTimersByTimeAsync(1_000);
    const second = await connection(2);
    expect(second.headers["Last-Event-ID"]).toBe("e-2");
    second.send("delta", "e-3", delta(3));
    await vi.waitFor(() => expect(live.state).toBe("open"));
    expect(store.tables.truck.get("t1")?.lon).toBe(3);
  });

  test("takes silence for a dead connection and makes a new one", async () => {
    void live.run();
    const first = await connection(1);
    first.send("snapshot", "e-1", snapshot(1));
    await vi.waitFor(() => expect(live.state).toBe("open"));
    await vi.advanceTimersByTimeAsync(36_000);
    expect(live.state).toBe("lost");
    await vi.advanceTimersByTimeAsync(1_000);
    await connection(2);
  });

  test("waits longer after each failure, but not when it is woken", async () => {
    refuse = 503;
    const asked = vi.fn(fetch);
    vi.stubGlobal("fetch", asked);
    void live.run();
    await settle();
    expect(asked).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(60_000);
    const tries = asked.mock.calls.length;
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(16);
    live.wake();
    await settle();
    expect(asked.mock.calls.length).toBe(tries + 1);
  });

  test("goes on when a captive portal refuses: only the gateway says that a session is over", async () => {
    refuse = 403;
    headers = { "Content-Type": "text/html" };
    const asked = vi.fn(fetch);
    vi.stubGlobal("fetch", asked);
    void live.run();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.mock.calls.length).toBeGreaterThan(2);
    expect(signedOut).not.toHaveBeenCalled();
  });

  test("ends when the session is over, and says so once", async () => {
    refuse = 401;
    await live.run();
    expect(signedOut).toHaveBeenCalledTimes(1);
  });

  test("is stale, not lost, while the gateway says its own data are old", async () => {
    void live.run();
    const first = await connection(1);
    first.send("snapshot", "e-1", { ...snapshot(1), stale_since_ms: 900 });
    await vi.waitFor(() => expect(live.state).toBe("stale"));
    expect(live.oldSince).toBe(900);
    first.send("delta", "e-2", { ...delta(2), stale_since_ms: null });
    await vi.waitFor(() => expect(live.state).toBe("open"));
  });
});
