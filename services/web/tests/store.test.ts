import { effect } from "@preact/signals";
import { describe, expect, test } from "vitest";
import type { Bin, Change, CollectionDue } from "../src/contract.ts";
import { Store } from "../src/live/store.ts";

const bin = (bin_id: string, fill: number) => ({ bin_id, fill, lon: 0, lat: 0 }) as Bin;
const put = (kind: Change["kind"], id: string, value: unknown): Change => ({ kind, id, value });
const empty = { now_ms: 0, rate: 1, stale_since_ms: null };

describe("the store", () => {
  test("is the snapshot's things and nothing of before", () => {
    const store = new Store();
    store.takeSnapshot({ ...empty, bins: [bin("a", 0.1), bin("b", 0.2)] });
    store.takeSnapshot({ ...empty, bins: [bin("b", 0.3)] });
    expect([...store.tables.bin.items.keys()]).toEqual(["b"]);
    expect(store.tables.bin.get("b")?.fill).toBe(0.3);
  });

  test("tells its views once for a delta, however much it changes", () => {
    const store = new Store();
    store.takeSnapshot({ ...empty, bins: [bin("a", 0.1)] });
    let drawn = 0;
    effect(() => {
      store.tables.bin.version.value;
      drawn++;
    });
    store.takeDelta({
      now_ms: 1,
      changes: Array.from({ length: 500 }, (_, n) => put("bin", `b${n}`, bin(`b${n}`, 0))),
    });
    expect(drawn).toBe(2);
  });

  test("knows what changed since it was last asked, and everything the first time", () => {
    const store = new Store();
    store.takeSnapshot({ ...empty, bins: [bin("a", 0.1)] });
    expect(store.tables.bin.takeChanged()).toBeNull();
    store.takeDelta({ now_ms: 1, changes: [put("bin", "a", bin("a", 0.9))] });
    expect(store.tables.bin.takeChanged()).toEqual(new Set(["a"]));
    expect(store.tables.bin.takeChanged()).toEqual(new Set());
  });

  test("keeps a place that is no longer due as such, so that a plan made before knows it is done", () => {
    const store = new Store();
    const due = { place_id: "a", place_kind: "bin", due: true, material: "kitchen", at_ms: 5 } as CollectionDue;
    store.takeSnapshot({ ...empty, due: [due] });
    store.takeDelta({ now_ms: 9, changes: [put("due", "a", null)] });
    expect(store.tables.due.get("a")).toMatchObject({ due: false, at_ms: 9 });
  });

  test("finds a truck's reports among all, also after one has come", () => {
    const store = new Store();
    const action = (action_id: string, truck_id: string) => put("action", action_id, { action_id, truck_id });
    store.takeDelta({ now_ms: 1, changes: [action("a", "t1"), action("b", "t2"), action("c", "t1")] });
    expect(store.reports.get("t1").map(one => one.action_id)).toEqual(["a", "c"]);
    store.takeDelta({ now_ms: 2, changes: [action("d", "t1"), put("action", "a", null)] });
    expect(store.reports.get("t1").map(one => one.action_id)).toEqual(["c", "d"]);
    expect(store.reports.get("t9")).toEqual([]);
  });

  test("takes out what is gone and passes over kinds it does not know", () => {
    const store = new Store();
    store.takeSnapshot({ ...empty, bins: [bin("a", 0.1)] });
    store.takeDelta({ now_ms: 1, changes: [put("bin", "a", null), put("comet" as Change["kind"], "x", {})] });
    expect(store.tables.bin.items.size).toBe(0);
  });
});
