import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Change, Truck, TruckPlan } from "../src/contract.ts";

const T = Date.UTC(2026, 10, 24, 7, 0, 0);
const HOUR = 3_600_000;
const truck = (lon: number) => ({ truck_id: "t1", lon, lat: 41 }) as Truck;
const put = (lon: number): Change => ({ kind: "truck", id: "t1", value: truck(lon) });
const kept = { places: "every", every_from_ms: 0, minute_from_ms: null };

/** A gateway whose truck stands at its age: minutes since `T` as its longitude. */
function answer(path: string): unknown {
  const query = new URL(path, "http://city.example").searchParams;
  const of = (name: string) => Number(query.get(name));
  if (path.startsWith("/api/v1/history?"))
    return { now_ms: of("at_ms"), rate: 1, stale_since_ms: null, trucks: [truck((of("at_ms") - T) / 60_000)], kept };
  if (path.startsWith("/api/v1/history/events")) {
    const events = query.get("newest_first")
      ? [{ at_ms: T + 600_000, kind: "alert", id: "a1", code: "spillage", truck_id: "t1", severity: "high" }]
      : [];
    return { events, more: false };
  }
  const deltas = [];
  for (let at = of("from_ms") + of("step_ms"); at <= of("to_ms"); at += of("step_ms"))
    deltas.push({ now_ms: at, changes: [put((at - T) / 60_000)] });
  return { from_ms: of("from_ms"), to_ms: of("to_ms"), deltas, next: null, kept };
}

async function page() {
  const [past, start, clock, { Store }] = await Promise.all([
    import("../src/past/past.ts"),
    import("../src/ui/start.tsx"),
    import("../src/clock.ts"),
    import("../src/live/store.ts"),
  ]);
  clock.setClock({ now_ms: T + HOUR, rate: 1 }, performance.now());
  start.store.takeSnapshot({ now_ms: T + HOUR, rate: 1, stale_since_ms: null, trucks: [truck(60)] });
  return { ...past, ...start, ...clock, Store };
}

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  vi.stubGlobal("location", { search: "", pathname: "/dispatch", href: "http://city.example/dispatch" });
  vi.stubGlobal("history", {
    replaceState: (_state: unknown, _title: string, address: string) => {
      location.search = address.split("?")[1] ?? "";
    },
  });
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined }));
  vi.stubGlobal("document", { body: { dataset: {} }, documentElement: { dataset: {} }, visibilityState: "visible" });
  vi.stubGlobal("fetch", async (path: string) => new Response(JSON.stringify(answer(path))));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("looking at the past", () => {
  test("shows the moment in the page's store, while the stream goes on beside it; then now, as it is by then", async () => {
    const { lookAt, backToNow, store, live, inPast, now } = await page();
    expect(await lookAt(T + 600_000)).toBe(true);
    expect([store.tables.truck.get("t1")?.lon, inPast.value, now.value]).toEqual([10, true, T + 600_000]);
    expect(location.search).toContain("at=2026-11-24T07%3A10%3A00Z");
    live.into.value.takeDelta({ now_ms: T + HOUR + 1, changes: [put(61)] });
    expect(store.tables.truck.get("t1")?.lon).toBe(10);
    backToNow();
    expect([store.tables.truck.get("t1")?.lon, inPast.value, location.search]).toEqual([61, false, ""]);
    expect(live.into.value).toBe(store);
    expect(now.value).toBeGreaterThanOrEqual(T + HOUR);
  });

  test("plays on at a speed, can be paused, and comes back to now by itself at the end", async () => {
    const { lookAt, play, pause, setSpeed, store, inPast, moment } = await page();
    await lookAt(T);
    setSpeed(60);
    play();
    await vi.advanceTimersByTimeAsync(5_000);
    const lon = store.tables.truck.get("t1")?.lon ?? 0;
    expect(lon).toBeGreaterThan(3);
    expect(lon).toBeLessThan(5.1);
    pause();
    const paused_ms = moment.value;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(moment.value).toBe(paused_ms);
    setSpeed(300);
    play();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(inPast.value).toBe(false);
    expect(store.tables.truck.get("t1")?.lon).toBe(60);
  });

  test("stays where it was and says why, when a moment cannot be had", async () => {
    const { lookAt, failure, inPast, store, live } = await page();
    const headers = { "Content-Type": "application/problem+json" };
    const away = () => new Response(JSON.stringify({ code: "database_away" }), { status: 503, headers });
    vi.stubGlobal("fetch", async () => away());
    expect(await lookAt(T)).toBe(false);
    expect(failure.value).not.toBe("");
    expect([inPast.value, live.into.value === store]).toEqual([false, true]);
  });

  test("so near to now is now", async () => {
    const { lookAt, inPast } = await page();
    expect(await lookAt(T + HOUR - 1_000)).toBe(true);
    expect(inPast.value).toBe(false);
  });

  test("finds the moment before, and none after the last", async () => {
    const { lookAt, nextMoment } = await page();
    await lookAt(T + 1_200_000);
    expect((await nextMoment(-1, "alert", ""))?.id).toBe("a1");
    expect(await nextMoment(1, "alert", "")).toBeNull();
  });

  test("nobody may order anything", async () => {
    const { lookAt } = await page();
    const { mayDispatch, mayAcknowledge, session } = await import("../src/session.ts");
    session.value = { user: { role: "administrator" } } as typeof session.value;
    expect([mayDispatch(), mayAcknowledge()]).toEqual([true, true]);
    await lookAt(T);
    expect([mayDispatch(), mayAcknowledge()]).toEqual([false, false]);
  });

  test("a draft waits, priced by the plans of now, and is not sent", async () => {
    const { lookAt, backToNow, live } = await page();
    const { session } = await import("../src/session.ts");
    const draft = await import("../src/dispatch/draft.ts");
    session.value = { user: { role: "dispatcher" } } as typeof session.value;
    const asked: string[] = [];
    vi.stubGlobal("fetch", async (path: string, { method }: RequestInit) => {
      asked.push(`${method} ${path.split("?")[0]}`);
      const move = {
        stop_id: "b1",
        truck_id: "t1",
        from_truck_id: null,
        at_ms: null,
        rule: null,
        resting: null,
        after: null,
      };
      const priced = {
        made_ms: T,
        plan_versions: { t1: 3 },
        gone: [],
        price: null,
        moves: [move],
        offers: [],
        asked: [],
      };
      return new Response(JSON.stringify(path.includes("/prices") ? priced : answer(path)));
    });
    draft.give(["b1"], "t1");
    await vi.waitFor(() => expect(draft.ready.value).toBe(true));
    await lookAt(T);
    expect(draft.ready.value).toBe(false);
    await draft.send();
    expect(asked).toEqual(["POST /api/v1/prices", "GET /api/v1/history"]);
    // a plan of now makes the price old, whatever moment is shown
    const plan = { truck_id: "t1", plan_version: 4 } as TruckPlan;
    live.into.value.takeDelta({ now_ms: T + HOUR + 1, changes: [{ kind: "plan", id: "t1", value: plan }] });
    expect(asked.at(-1)).toBe("POST /api/v1/prices");
    backToNow();
    expect(draft.ready.value).toBe(false);
  });
});
