import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { now } from "../src/clock.ts";
import type { TrackPoint, Truck } from "../src/contract.ts";
import { isStale, loadShare, STALE_MS } from "../src/domain/trucks.ts";
import { Store } from "../src/live/store.ts";
import { WhenCalm } from "../src/map/calm.ts";
import { Glide } from "../src/map/glide.ts";
import { type Label, labelsThatFit } from "../src/map/labels.ts";
import { keepSites } from "../src/map/sites.ts";
import { mapStyle } from "../src/map/style.ts";
import { sizeAt } from "../src/map/truck_canvas.ts";

const NOTHING = { sources: {}, layers: [] };

describe("gliding", () => {
  test("goes from place to place in the wall time that lay between them, and no further", () => {
    const glide = new Glide();
    glide.moveTo("t", [0, 0], 0, 0, 10);
    glide.moveTo("t", [0.001, 0], 10_000, 1_000, 10);
    expect(glide.at("t", 1_500)?.[0]).toBeCloseTo(0.0005);
    expect(glide.at("t", 9_000)).toEqual([0.001, 0]);
    expect(glide.moving(1_500)).toBe(true);
    expect(glide.moving(2_001)).toBe(false);
  });

  test("never shows the past for longer than 1.5 s", () => {
    const glide = new Glide();
    glide.moveTo("t", [0, 0], 0, 0, 1);
    glide.moveTo("t", [0.001, 0], 60_000, 1_000, 1);
    expect(glide.at("t", 2_500)).toEqual([0.001, 0]);
  });

  test("jumps where a truck cannot have driven", () => {
    const glide = new Glide();
    glide.moveTo("t", [0, 0], 0, 0, 1);
    glide.moveTo("t", [1, 1], 10_000, 1_000, 1);
    expect(glide.at("t", 1_000)).toEqual([1, 1]);
  });

  test("does not begin again for a fix it has", () => {
    const glide = new Glide();
    glide.moveTo("t", [0, 0], 0, 0, 1);
    glide.moveTo("t", [0.001, 0], 1_000, 1_000, 1);
    glide.moveTo("t", [0.001, 0], 1_000, 1_900, 1);
    expect(glide.at("t", 2_000)).toEqual([0.001, 0]);
  });
});

describe("the sites on the map", () => {
  test("are drawn open when the time of their closure is over, and only then anew", () => {
    const store = new Store();
    const drawn: string[][] = [];
    now.value = 1_000;
    store.tables.facility.replace([["f1", { id: "f1", kind: "facility", closed_until_ms: 3_000 }]]);
    const end = keepSites(
      { setSites: (_sites, _depots, _letters, _label, _depot, closed) => drawn.push([...closed]) },
      store,
      site => site.id,
    );
    now.value = 2_000;
    now.value = 3_000;
    now.value = 4_000;
    end();
    expect(drawn).toEqual([["f1"], []]);
  });
});

describe("a truck's state", () => {
  const truck = { event_time_ms: 0, load_kg: 500, payload_kg: 1_000, sensor_health: { load: "ok" } } as Truck;

  test("is old after three minutes of city time and when nothing was ever heard", () => {
    expect(isStale(truck, STALE_MS)).toBe(false);
    expect(isStale(truck, STALE_MS + 1)).toBe(true);
    expect(isStale({ ...truck, event_time_ms: null }, 0)).toBe(true);
  });

  test("has no load share where the sensor cannot be trusted or nothing was measured", () => {
    expect(loadShare(truck)).toBe(0.5);
    expect(loadShare({ ...truck, sensor_health: { load: "suspect" } })).toBeNull();
    expect(loadShare({ ...truck, load_kg: null })).toBeNull();
    expect(loadShare({ ...truck, payload_kg: null })).toBeNull();
  });
});

describe("the base map's style", () => {
  test("without an archive is a plain ground and asks for nothing", () => {
    const style = mapStyle("day", null, NOTHING);
    expect(style.layers.map(layer => layer.id)).toEqual(["ground"]);
    expect(style.sources).toEqual({});
  });

  test("draws only the layers an archive has", () => {
    const style = mapStyle("night", { url: "http://city/base.pmtiles", layers: new Set(["water"]) }, NOTHING);
    expect(style.layers.map(layer => layer.id)).toEqual(["ground", "water", "rivers"]);
  });

  test("asks no other host: no glyphs, no sprites, the archive's address only", () => {
    const style = mapStyle("day", { url: "http://city/base.pmtiles", layers: new Set(["roads"]) }, NOTHING);
    expect(style.glyphs).toBeUndefined();
    expect(style.sprite).toBeUndefined();
    expect(JSON.stringify(style).match(/https?:/g)).toEqual(["http:"]);
  });
});

describe("the chart's columns", () => {
  test("keep a silence as a gap and drop points out of order", async () => {
    const { columns } = await import("../src/enforcement/columns.ts");
    const at = (time_ms: number, speed: number | null, load: number | null): TrackPoint => [
      time_ms,
      0,
      0,
      speed,
      load,
      "closed",
      "level",
    ];
    const [times, loads, speeds] = columns([
      at(0, 10, 100),
      at(10_000, null, 90),
      at(5_000, 1, 1),
      at(200_000, 5, null),
    ]);
    expect(times).toEqual([0, 10, 105, 200]);
    expect(loads).toEqual([100, 90, null, null]);
    expect(speeds).toEqual([36, null, null, 18]);
  });
});

describe("trucks above the map", () => {
  const label = (x: number, y: number, width_px = 40): Label => ({ lines: [`${x}`], x, y, width_px, height_px: 13 });

  test("labels that would lie over one before them are left out, and no others", () => {
    const [first, over, beside, below] = [label(100, 100), label(120, 108), label(143, 100), label(100, 116)];
    expect(labelsThatFit([first, over, beside, below])).toEqual([first, beside, below]);
  });

  test("no two labels that are shown lie over each other, however many there are", () => {
    const many = Array.from({ length: 400 }, (_, n) => label((n * 97) % 700, (n * 61) % 500, 20 + (n % 90)));
    const shown = labelsThatFit(many);
    const lies = (a: Label, b: Label) =>
      Math.abs(a.x - b.x) < (a.width_px + b.width_px) / 2 && Math.abs(a.y - b.y) < a.height_px;
    for (const one of shown) expect(shown.filter(other => other !== one && lies(one, other))).toEqual([]);
    for (const one of many)
      if (!shown.includes(one))
        expect(shown.some(other => lies(one, { ...other, width_px: other.width_px + 4, height_px: 15 }))).toBe(true);
  });

  test("icons grow with the zoom, from one size to another", () => {
    expect([5, 10, 11.5, 13, 14, 15, 20].map(sizeAt)).toEqual([0.6, 0.6, 0.725, 0.85, 0.925, 1, 1]);
  });
});

describe("work that waits until nobody presses anything", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  const page = new EventTarget();
  const begin = () => {
    const work = vi.fn();
    return { work, calm: new WhenCalm(work, { least_ms: 2_000, calm_ms: 1_000, most_ms: 15_000 }, page) };
  };
  const press = (type = "pointerdown") => page.dispatchEvent(new Event(type));

  test("is done once for all who asked, when it is calm", () => {
    const { work, calm } = begin();
    calm.ask();
    vi.advanceTimersByTime(1_000);
    calm.ask();
    vi.advanceTimersByTime(999);
    expect(work).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(work).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(60_000);
    expect(work).toHaveBeenCalledOnce();
    calm.end();
  });

  test("waits while somebody presses, a second longer, and fifteen in all; a mouse that passes holds up nothing", () => {
    const { work, calm } = begin();
    calm.ask();
    vi.advanceTimersByTime(1_500);
    press();
    press("pointermove");
    vi.advanceTimersByTime(999);
    expect(work).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(work).toHaveBeenCalledOnce();
    calm.ask();
    for (let second = 0; second < 29; second++) {
      press("keydown");
      expect(work).toHaveBeenCalledOnce();
      vi.advanceTimersByTime(500);
    }
    vi.advanceTimersByTime(500);
    expect(work).toHaveBeenCalledTimes(2);
    calm.end();
  });

  test("is not done when it has been, or its page is gone", () => {
    const { work, calm } = begin();
    calm.ask();
    calm.forget();
    vi.advanceTimersByTime(20_000);
    calm.ask();
    calm.end();
    vi.advanceTimersByTime(20_000);
    expect(work).not.toHaveBeenCalled();
  });
});
