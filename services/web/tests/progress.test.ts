import { describe, expect, test } from "vitest";
import type { PlanVisit, TruckPlan } from "../src/contract.ts";
import { lateness, numbered, onBreak, type Report, remaining } from "../src/domain/progress.ts";

const MINUTE_MS = 60_000;
const MADE_MS = 1_000 * MINUTE_MS;

const visit = (kind: PlanVisit["kind"], more: Partial<PlanVisit> = {}): PlanVisit => ({
  ...(kind ? { kind } : {}),
  arrive_ms: MADE_MS + 5 * MINUTE_MS,
  leave_ms: MADE_MS + 6 * MINUTE_MS,
  lon: 0,
  lat: 0,
  ...more,
});

const plan: TruckPlan = {
  truck_id: "t1",
  plan_version: 4,
  made_ms: MADE_MS,
  reason: "first_plan",
  visits: [
    visit("start"),
    visit("collect", { stop_id: "a" }),
    visit("collect", { stop_id: "b" }),
    visit("tip", { facility_id: "f" }),
    visit("break", { break_id: "lunch" }),
    visit("tip", { facility_id: "f" }),
    visit("end"),
  ],
};

let count = 0;
const report = (kind: Report["kind"], more: Partial<Report> = {}): Report => ({
  action_id: `r${count++}`,
  kind,
  event_time_ms: MADE_MS + MINUTE_MS,
  plan_version: 4,
  ...more,
});

const left = (reports: Report[]) =>
  remaining(plan, reports).map(({ visit: one }) => one.stop_id ?? one.facility_id ?? one.kind);

describe("how far a truck is", () => {
  test("everything but the start remains while nothing was reported", () => {
    expect(left([])).toEqual(["a", "b", "f", "break", "f", "end"]);
  });

  test("stops and tips are numbered in one row; start, break and end are not", () => {
    expect(numbered(plan).map(one => one.number)).toEqual([null, 1, 2, 3, null, 4, null]);
  });

  test("a stop collected or skipped is done, in any order", () => {
    expect(left([report("collected", { stop_id: "b" })])).toEqual(["a", "f", "break", "f", "end"]);
    expect(left([report("skipped", { stop_id: "a" })])).toEqual(["b", "f", "break", "f", "end"]);
  });

  test("one tip is one tip, though the plan tips twice at the same place", () => {
    expect(left([report("tipped", { facility_id: "f" })])).toEqual(["a", "b", "break", "f", "end"]);
  });

  test("a tip before this plan was made is not a tip of this one; one after it is, whatever plan the driver saw", () => {
    const before = { facility_id: "f", plan_version: 3, event_time_ms: MADE_MS - MINUTE_MS };
    expect(left([report("tipped", before)])).toHaveLength(6);
    expect(left([report("tipped", { ...before, event_time_ms: MADE_MS })])).toHaveLength(5);
  });

  test("a report that waits on the phone counts, whatever plan it saw", () => {
    expect(
      left([report("tipped", { facility_id: "f", plan_version: 3, event_time_ms: MADE_MS - 1, waiting: true })]),
    ).toHaveLength(5);
  });

  test("a stop collected just before the plan was made is done: the planner may not have known", () => {
    const just = { stop_id: "a", plan_version: 3, event_time_ms: MADE_MS - MINUTE_MS };
    const longAgo = { ...just, event_time_ms: MADE_MS - 60 * MINUTE_MS };
    expect(left([report("collected", just)])).not.toContain("a");
    expect(left([report("collected", longAgo)])).toContain("a");
  });

  test("what is corrected was not done", () => {
    const done = report("collected", { stop_id: "a" });
    expect(left([done, report("corrected", { corrects: done.action_id })])).toContain("a");
  });

  test("a bin no longer due since the plan was made is done; one emptied before is planned on purpose", () => {
    const due = (at_ms: number) => (id: string) =>
      id === "a" ? { place_id: "a", place_kind: "bin" as const, due: false, material: "kitchen", at_ms } : undefined;
    expect(remaining(plan, [], due(MADE_MS + 1)).map(one => one.visit.stop_id)).not.toContain("a");
    expect(remaining(plan, [], due(MADE_MS - 1)).map(one => one.visit.stop_id)).toContain("a");
  });

  test("without a plan nothing remains", () => {
    expect(remaining(null, [])).toEqual([]);
  });

  test("lateness counts from the planned arrival at what comes next, there from the planned departure", () => {
    const next = remaining(plan, []);
    expect(lateness(next, null, MADE_MS)).toBe(0);
    expect(lateness(next, null, MADE_MS + 8 * MINUTE_MS)).toBe(3 * MINUTE_MS);
    expect(lateness(next, [1, 1], MADE_MS + 8 * MINUTE_MS)).toBe(3 * MINUTE_MS);
    expect(lateness(next, [0, 0.0005], MADE_MS + 8 * MINUTE_MS)).toBe(2 * MINUTE_MS);
    expect(lateness([], null, MADE_MS)).toBe(0);
  });

  test("a truck that only has to come home is not late for anybody", () => {
    const home = remaining(plan, []).filter(one => one.visit.kind === "end");
    expect(home).toHaveLength(1);
    expect(lateness(home, null, MADE_MS + 500 * MINUTE_MS)).toBe(0);
  });

  test("a break lasts from its begin to its end, whichever way the reports lie", () => {
    const begin = report("break_start", { event_time_ms: 10 });
    const end = report("break_end", { event_time_ms: 20 });
    expect(onBreak([])).toBe(false);
    expect(onBreak([begin])).toBe(true);
    expect(onBreak([end, begin])).toBe(false);
  });
});
