import { afterEach, describe, expect, test } from "vitest";
import { cityNow, moment, now, rate, setClock, showMoment } from "../src/clock.ts";
import type { Bin, TrackPoint } from "../src/contract.ts";
import { pointAt } from "../src/enforcement/columns.ts";
import { Store } from "../src/live/store.ts";
import { around, momentOf, momentText, shareOf, spanOf, spanUpTo } from "../src/past/span.ts";

const T = Date.UTC(2026, 10, 24, 7, 5, 9);
const MINUTE = 60_000;

afterEach(() => showMoment(null));

describe("the stretch a bar shows", () => {
  test("of an alert is five minutes before and five after", () => {
    expect(around(T, 10, T + 3_600_000)).toEqual({ from_ms: T - 5 * MINUTE, to_ms: T + 5 * MINUTE });
  });

  test("ends now at the latest, and is as long all the same", () => {
    expect(around(T, 60, T + MINUTE)).toEqual({ from_ms: T - 59 * MINUTE, to_ms: T + MINUTE });
  });

  test("stays while the moment is in it, and follows it out of it or when its length is changed", () => {
    const shown = around(T, 10, T + 3_600_000);
    expect(spanOf(shown, T + 4 * MINUTE, 10, T + 3_600_000)).toBe(shown);
    expect(spanOf(shown, T + 6 * MINUTE, 10, T + 3_600_000)).toEqual(around(T + 6 * MINUTE, 10, T + 3_600_000));
    expect(spanOf(shown, T, 60, T + 3_600_000)).toEqual(around(T, 60, T + 3_600_000));
  });

  test("of now holds now and moves on in steps", () => {
    const span = spanUpTo(T, 60);
    expect(shareOf(span, T)).not.toBeNull();
    expect(spanUpTo(T + 1_000, 60)).toEqual(span);
    expect(spanUpTo(T + 5 * MINUTE, 60).to_ms).toBe(span.to_ms + 5 * MINUTE);
  });

  test("knows where a moment is, and that another is not in it", () => {
    const span = { from_ms: 1_000, to_ms: 3_000 };
    expect([shareOf(span, 1_500), shareOf(span, 999), shareOf(span, 3_001)]).toEqual([0.25, null, null]);
  });
});

describe("a moment in the address", () => {
  test("can be read by people and comes back", () => {
    expect(momentText(T + 400)).toBe("2026-11-24T07:05:09Z");
    expect(momentOf("2026-11-24T07:05:09Z")).toBe(T);
  });

  test("that is none is none", () => {
    for (const text of ["", "now", "2026-11-24", "2026-99-24T07:05:09Z", "1960-01-01T00:00:00Z"])
      expect(momentOf(text)).toBeNull();
  });
});

describe("the clock", () => {
  test("of the page is the moment shown; the city's goes on", () => {
    setClock({ now_ms: T, rate: 2 }, performance.now());
    showMoment(T - 3_600_000, 60);
    expect([now.value, rate.value]).toEqual([T - 3_600_000, 60]);
    setClock({ now_ms: T + 5_000, rate: 3 }, performance.now());
    expect([now.value, rate.value]).toEqual([T - 3_600_000, 60]);
    expect(cityNow()).toBeGreaterThanOrEqual(T + 5_000);
    showMoment(null);
    expect(moment.value).toBeNull();
    expect(rate.value).toBe(3);
    expect(now.value).toBeGreaterThanOrEqual(T + 5_000);
  });
});

describe("the way back to now", () => {
  test("brings what the stream brought meanwhile, and nothing of the past", () => {
    const bin = (bin_id: string, fill: number) => ({ bin_id, fill, lon: 0, lat: 0 }) as Bin;
    const empty = { now_ms: T, rate: 1, stale_since_ms: null };
    const shown = new Store();
    shown.takeSnapshot({ ...empty, bins: [bin("a", 0.1), bin("b", 0.2)] });
    const beside = new Store();
    beside.takeFrom(shown);
    shown.takeSnapshot({ ...empty, bins: [bin("old", 0.9)] });
    beside.takeDelta({ now_ms: T, changes: [{ kind: "bin", id: "a", value: bin("a", 0.5) }] });
    shown.takeFrom(beside);
    expect([...shown.tables.bin.items.values()].map(one => [one.bin_id, one.fill])).toEqual([
      ["a", 0.5],
      ["b", 0.2],
    ]);
    expect(shown.tables.bin.takeChanged()).toBeNull();
    expect(shown.filled.value).toBe(true);
  });
});

describe("the values under the cursor", () => {
  test("are the last ones before it, and none in a gap", () => {
    const point = (at_ms: number, load: number): TrackPoint => [at_ms, 0, 0, 1, load, "closed", "level"];
    const points = [point(T, 100), point(T + 5_000, 200), point(T + 600_000, 300)];
    expect(pointAt(points, T + 4_999)?.[4]).toBe(100);
    expect(pointAt(points, T + 60_000)?.[4]).toBe(200);
    expect(pointAt(points, T + 300_000)).toBeNull();
    expect(pointAt(points, T - 1)).toBeNull();
    expect(pointAt([], T)).toBeNull();
  });
});
