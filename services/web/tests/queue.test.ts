import { describe, expect, test } from "vitest";
import type { CollectionDue, Facility, Order, PlanningRun, PlanVisit } from "../src/contract.ts";
import { decisions, type OnTheWay, type Situation } from "../src/domain/queue.ts";

const NOW_MS = 1_000 * 60_000;
const at = (minutes: number) => NOW_MS + minutes * 60_000;

const due = (place_id: string, overflow: number | null): CollectionDue => ({
  place_id,
  place_kind: "bin",
  due: true,
  material: "residual",
  at_ms: 0,
  overflow_ms: overflow === null ? null : at(overflow),
});

const truck = (truck_id: string, ...visits: Partial<PlanVisit>[]): OnTheWay => ({
  truck_id,
  material: "residual",
  place: null,
  left: visits.map((visit, index) => ({
    visit: { lon: 0, lat: 0, arrive_ms: at(30), leave_ms: at(31), ...visit },
    index,
    number: index + 1,
  })),
});

const town = (more: Partial<Situation>): Situation => ({
  now_ms: NOW_MS,
  due: [],
  runs: [],
  orders: new Map<string, Order>(),
  facilities: [],
  trucks: [],
  late_after_ms: 15 * 60_000,
  ...more,
});

describe("the work queue", () => {
  test("has overflows nobody reaches in time, the earliest first; what a truck reaches is quiet", () => {
    const found = decisions(
      town({
        due: [
          due("reached", 40),
          due("too-late", 20),
          due("nobody", 60),
          due("over", -5),
          due("far", 121),
          due("?", null),
        ],
        trucks: [
          truck("t1", { stop_id: "reached" }, { stop_id: "too-late", arrive_ms: at(45) }),
          truck("t2", { stop_id: "nobody-else" }),
        ],
      }),
    );
    expect(found.map(one => one.id)).toEqual(["over", "too-late", "nobody"]);
    expect(found.map(one => one.kind === "overflow" && one.arrive_ms)).toEqual([null, at(45), null]);
  });

  test("has bookings left out although a time was promised, but not what a dispatcher left out", () => {
    const left = (stop_id: string, code: string) => ({
      stop_id,
      place_kind: "order" as const,
      place_id: stop_id,
      code,
      reason: "",
    });
    const run = { run_id: "r", material: "construction", made_ms: 0, reason: "" };
    const runs: PlanningRun[] = [
      { ...run, left_out: [left("o1/2", "capacity"), left("o1/3", "excluded"), left("o2/1", "capacity")] },
    ];
    const orders = new Map([
      ["o1", { due_ms: at(90) } as Order],
      ["o2", { due_ms: null } as Order],
    ]);
    expect(decisions(town({ runs, orders })).map(one => one.id)).toEqual(["o1/2"]);
  });

  test("has sites that trucks still go to although they are closed when they come, or full", () => {
    const site = (id: string, more: Partial<Facility>) => ({ id, kind: "facility", ...more }) as Facility;
    const facilities = [
      site("closed", { closed_until_ms: at(60) }),
      site("opens-before", { closed_until_ms: at(20) }),
      site("full", { daily_kg: 10, today_kg: 10 }),
      site("unknown", { daily_kg: 10, today_kg: null }),
      site("nobody", { closed_until_ms: at(60) }),
    ];
    const tips = ["closed", "opens-before", "full", "unknown"].map(id => ({ kind: "tip" as const, facility_id: id }));
    const found = decisions(town({ facilities, trucks: [truck("t1", ...tips)] }));
    expect(found.map(one => [one.id, one.kind === "site" && one.why])).toEqual([
      ["closed", "closed"],
      ["full", "full"],
    ]);
  });

  test("has late trucks last, the latest first", () => {
    const trucks = [
      truck("in-time", { arrive_ms: at(-10) }),
      truck("late", { arrive_ms: at(-20) }),
      truck("later", { arrive_ms: at(-50) }),
    ];
    const found = decisions(town({ trucks, due: [due("b", 10)] }));
    expect(found.map(one => one.id)).toEqual(["b", "later", "late"]);
  });
});
