import { afterEach, describe, expect, test, vi } from "vitest";
import type { DriverAction } from "../src/contract.ts";
import { confirmedOf, reportsSince } from "../src/domain/receipt.ts";

let count = 0;
const action = (kind: DriverAction["kind"], more: Partial<DriverAction> = {}): DriverAction => ({
  action_id: `a${count++}`,
  truck_id: "t1",
  kind,
  event_time_ms: 100,
  ...more,
});
const plan = { truck_id: "t1", plan_version: 4 };

describe("a driver's receipt", () => {
  test("is of this version, of a newer one, or of an older one that is named", () => {
    expect(confirmedOf(plan, [])).toBeNull();
    const older = action("accepted_plan", { plan_version: 3 });
    expect(confirmedOf(plan, [older])).toEqual({ action: older, this_one: false });
    const same = action("accepted_plan", { plan_version: 4 });
    expect(confirmedOf(plan, [same, older])).toEqual({ action: same, this_one: true });
    expect(confirmedOf(plan, [action("accepted_plan", { plan_version: 5 })])?.this_one).toBe(true);
  });

  test("is this truck's, and the first where two phones confirmed", () => {
    expect(confirmedOf(plan, [action("accepted_plan", { plan_version: 4, truck_id: "t2" })])).toBeNull();
    const first = action("accepted_plan", { plan_version: 4, event_time_ms: 90 });
    const again = action("accepted_plan", { plan_version: 4, event_time_ms: 95 });
    expect(confirmedOf(plan, [again, first])?.action).toBe(first);
  });
});

describe("a truck's reports", () => {
  test("are those that stand, newest first, since the shift began", () => {
    const taken = action("collected", { event_time_ms: 120 });
    const reports = [
      action("skipped", { event_time_ms: 110 }),
      taken,
      action("corrected", { corrects: taken.action_id, event_time_ms: 130 }),
      action("accepted_plan", { plan_version: 1, event_time_ms: 115 }),
      action("tipped", { event_time_ms: 140 }),
      action("tipped", { event_time_ms: 50 }),
      action("sos", { truck_id: "t2", event_time_ms: 150 }),
    ];
    expect(reportsSince("t1", 100, reports).map(one => one.kind)).toEqual(["tipped", "skipped"]);
  });
});

describe("the clock of a page without a network", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.resetModules();
  });

  test("goes on from what was kept by the phone's own, is not believed yet, and gives way to the office", async () => {
    const clock = await import("../src/clock.ts");
    const kept = { now_ms: 1_000_000, rate: 2, wall_ms: Date.now() - 5_000 };
    clock.restoreClock(kept);
    expect(clock.told.value).toBe(false);
    expect(clock.cityNow() - 1_010_000).toBeLessThan(1_000);
    clock.setClock({ now_ms: 500_000, rate: 2 });
    expect(clock.told.value).toBe(true);
    expect(clock.cityNow() - 500_000).toBeLessThan(1_000);
    // the phone was a day ahead: so far off was what it stamped
    expect(clock.reckoned(kept, kept.wall_ms + 86_400_000) - 1_000_000).toBe(2 * 86_400_000);
  });

  test("knows from the date of an answer how wrong the phone's is", async () => {
    const clock = await import("../src/clock.ts");
    clock.heardDate(new Date(Date.now() - 86_400_000).toUTCString());
    expect(Math.abs(clock.phoneAhead.value - 86_400_000)).toBeLessThan(2_000);
    clock.heardDate("yesterday");
    clock.heardDate(null);
    expect(Math.abs(clock.phoneAhead.value - 86_400_000)).toBeLessThan(2_000);
  });
});
