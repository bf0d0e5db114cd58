import { describe, expect, test } from "vitest";
import type { Permit } from "../src/contract.ts";
import { corridorLines, fromLinesM, holds, isFor } from "../src/domain/permits.ts";
import { localTime } from "../src/words/format.ts";

const permit = (more: Partial<Permit> = {}): Permit => ({ permit_id: "p1", valid_from_ms: 0, ...more });
const MONDAY_7 = { day: 1, minute: 7 * 60 };

describe("a permit", () => {
  test("holds always without hours, never with none, and in its hours on its days", () => {
    expect(holds(permit(), 5, MONDAY_7)).toBe("now");
    expect(holds(permit({ hours: [] }), 5, MONDAY_7)).toBe("not_now");
    expect(holds(permit({ hours: [["06:00", "09:00"]] }), 5, MONDAY_7)).toBe("now");
    expect(holds(permit({ hours: [["06:00", "07:00"]] }), 5, MONDAY_7)).toBe("not_now");
    expect(holds(permit({ days: [2, 3] }), 5, MONDAY_7)).toBe("not_now");
  });

  test("an hour over midnight belongs to the day it begins", () => {
    const night = permit({ hours: [["22:00", "05:00"]], days: [7] });
    expect(holds(night, 5, { day: 7, minute: 23 * 60 })).toBe("now");
    expect(holds(night, 5, { day: 1, minute: 4 * 60 })).toBe("now");
    expect(holds(night, 5, { day: 7, minute: 4 * 60 })).toBe("not_now");
  });

  test("is over at its end, not begun before its beginning, and claims nothing of feasts it does not know", () => {
    expect(holds(permit({ valid_to_ms: 5 }), 5, MONDAY_7)).toBe("expired");
    expect(holds(permit({ valid_from_ms: 6 }), 5, MONDAY_7)).toBe("not_yet");
    expect(holds(permit({ calendar_id: "pt", hours: [["06:00", "09:00"]] }), 5, MONDAY_7)).toBe("hours_only");
  });

  test("is of the load if it is for its waste; one that names none is of every load", () => {
    expect(isFor(permit({ material: "kitchen" }), "kitchen")).toBe(true);
    expect(isFor(permit({ material: "kitchen" }), "construction")).toBe(false);
    expect(isFor(permit(), "construction")).toBe(true);
  });

  test("knows how far its road is", () => {
    const corridor = {
      type: "LineString" as const,
      coordinates: [
        [0, 41],
        [0.1, 41],
      ],
    };
    const lines = corridorLines(permit({ corridor }));
    expect(fromLinesM(lines, [0.05, 41.001])).toBeCloseTo(111, 0);
    expect(corridorLines(permit())).toEqual([]);
  });

  test("is read in its own zone", () => {
    expect(localTime(Date.UTC(2026, 10, 29, 23, 30), "Asia/Shanghai")).toEqual({ day: 1, minute: 450 });
  });
});
