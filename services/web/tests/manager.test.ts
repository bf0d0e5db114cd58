import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { byUrgency, type CitizenReport, needsReason, stepName } from "../src/intake/report.ts";
import { type FigureRecord, inTime, linkOf, share } from "../src/manager/figures.ts";
import { comparedWith, firstDate, moveDate, periodOf } from "../src/manager/periods.ts";

const ZONE = "Europe/Lisbon";
const HOUR_MS = 3_600_000;

describe("a period", () => {
  test("is a day or a week of the city, also where the clock is changed", () => {
    const day = periodOf("day", "2026-10-25", ZONE);
    expect(day && (day.to_ms - day.from_ms) / HOUR_MS).toBe(25);
    const week = periodOf("week", "2026-10-22", ZONE);
    expect(firstDate("week", "2026-10-25")).toBe("2026-10-19");
    expect(week && (week.to_ms - week.from_ms) / HOUR_MS).toBe(7 * 24 + 1);
    expect(week?.from_ms).toBe(Date.UTC(2026, 9, 18, 23));
    expect(periodOf("day", "2026-02-31x", ZONE)).toBeNull();
    expect(periodOf("day", "<b>", ZONE)).toBeNull();
    expect(moveDate("2026-03-01", -1)).toBe("2026-02-28");
  });

  test("that goes on is compared with as much of the other as has passed of it", () => {
    const noon_ms = Date.UTC(2026, 10, 28, 12);
    const yesterday = comparedWith("day", "2026-11-28", "before", noon_ms, ZONE);
    expect(yesterday).toEqual({ from_ms: Date.UTC(2026, 10, 27), to_ms: Date.UTC(2026, 10, 27, 12) });
    const whole = comparedWith("day", "2026-11-20", "before", noon_ms, ZONE);
    expect(whole).toEqual({ from_ms: Date.UTC(2026, 10, 19), to_ms: Date.UTC(2026, 10, 20) });
    expect(comparedWith("week", "2026-11-18", "year", noon_ms, ZONE)?.from_ms).toBe(Date.UTC(2025, 10, 17));
    expect(comparedWith("day", "2026-11-28", "none", noon_ms, ZONE)).toBeNull();
  });
});

describe("a figure", () => {
  test("of nothing is not known, and not everything", () => {
    expect(share(0, 0)).toBeNull();
    expect(inTime({ in_time: 0, late: 0, overdue: 0 })).toBeNull();
    expect(inTime({ in_time: 3, late: 0, overdue: 1 })).toBe(0.75);
  });

  test("leads to the page that shows its record, with names from outside as names", () => {
    const alert: FigureRecord = { kind: "alert", at_ms: 0, alert_id: "a&b=1", truck_id: "t1" };
    expect(linkOf(alert)).toBe("/enforcement?alert=a%26b%3D1&state=all");
    expect(linkOf({ kind: "weighing", at_ms: 0, truck_id: "t 1" })).toBe("/dispatch?truck=t+1");
    expect(linkOf({ kind: "place", at_ms: 0, place_id: "b1" })).toBe("/dispatch?list=due&place=b1");
    expect(linkOf({ kind: "report", at_ms: 0, report_id: "r1" })).toBe("/intake?report=r1&state=all");
    expect(linkOf({ kind: "skip", at_ms: 0 })).toBeNull();
  });
});

describe("citizens' reports", () => {
  const report = (report_id: string, next_due_ms: number | null, at_ms: number) =>
    ({ report_id, next_due_ms, at_ms }) as CitizenReport;

  test("stand by what is due first; what is over comes last, newest first", () => {
    const rows = [report("over", null, 1), report("late", 50, 9), report("soon", 60, 1), report("newer", null, 2)];
    expect(rows.sort(byUrgency).map(one => one.report_id)).toEqual(["late", "soon", "newer", "over"]);
  });

  test("need a reason to be declined, sent back or taken up again", () => {
    expect(needsReason("received", "declined")).toBe(true);
    expect(needsReason("handled", "dispatched")).toBe(true);
    expect(needsReason("declined", "filed")).toBe(true);
    expect(needsReason("filed", "dispatched")).toBe(false);
    expect([stepName("handled", "dispatched"), stepName("handled", "verified")]).toEqual(["back", "verified"]);
  });
});

describe("the citizen's page", () => {
  const read = (path: string) => readFileSync(resolve(import.meta.dirname, "../src", path), "utf8");
  const colours = (block: string) => new Map([...block.matchAll(/(--[\w-]+): (#\w+);/g)].map(one => [one[1], one[2]]));

  test("has the design system's colours, by day and by night", () => {
    const [day = "", night = ""] = read("styles/tokens.css").split(/:root\[data-theme="\w+"\]/);
    const [ownDay = "", ownNight = ""] = read("report/report.css").split("@media (prefers-color-scheme: dark)");
    for (const [ours, theirs] of [
      [ownDay, day],
      [ownNight, night],
    ] as const) {
      expect(colours(ours).size).toBeGreaterThan(10);
      for (const [name, value] of colours(ours)) expect(colours(theirs).get(name), name).toBe(value);
    }
  });
});
