import { afterEach, describe, expect, test } from "vitest";
import { cityNow, rate, setClock } from "../src/clock.ts";
import { bearingDeg, boundsOf, distanceM, positions } from "../src/domain/places.ts";
import { newId, Refused } from "../src/http.ts";
import {
  ago,
  day,
  dayTime,
  distance,
  fromField,
  hourMinute,
  hourMinuteSecond,
  nearTime,
  number,
  percent,
  span,
  speed,
  timeZone,
  toField,
  weight,
} from "../src/words/format.ts";
import { language } from "../src/words/index.ts";

afterEach(() => {
  language.value = "en";
  timeZone.value = "UTC";
});

describe("figures for people", () => {
  test("are in the city's time zone, whatever the computer's", () => {
    const at_ms = Date.UTC(2026, 6, 1, 12, 0);
    timeZone.value = "Europe/Lisbon";
    expect(hourMinute(at_ms)).toBe("13:00");
    timeZone.value = "Asia/Shanghai";
    expect(hourMinute(at_ms)).toBe("20:00");
    language.value = "zh";
    expect(dayTime(at_ms)).toMatch(/7月1日/);
  });

  test("name the day only where it is another", () => {
    const at_ms = Date.UTC(2026, 6, 1, 12, 0);
    expect(nearTime(at_ms, at_ms + 3_600_000)).toBe("12:00");
    expect(nearTime(at_ms, at_ms + 86_400_000)).toMatch(/1 Jul/);
  });

  test("that are not known are a dash, never 0", () => {
    for (const figure of [number, hourMinute, span, weight, distance, speed, percent]) {
      expect(figure(null)).toBe("–");
      expect(figure(undefined)).toBe("–");
    }
    expect(ago(null, 0)).toBe("–");
    expect(weight(0)).toBe("0 kg");
  });

  test("that no calendar has are a dash too: one wrong record does not take the page away", () => {
    for (const at_ms of [1e17, -1e17, Number.NaN])
      for (const figure of [hourMinute, hourMinuteSecond, day, dayTime, (ms: number) => nearTime(ms, 0)])
        expect(figure(at_ms)).toBe("–");
  });

  test("have units that fit their size", () => {
    expect(weight(850)).toBe("850 kg");
    expect(weight(12_340)).toBe("12.3 t");
    expect(distance(344)).toBe("340 m");
    expect(distance(3_440)).toBe("3.4 km");
    expect(speed(10)).toBe("36 km/h");
    expect(span(59_000)).toBe("59 s");
    expect(span(3_600_000 * 2 + 300_000)).toBe("2 h 5 min");
    expect(span(3_600_000 * 72)).toBe("3 days");
  });
});

describe("a time typed in", () => {
  test("is city time, on both sides of a change of the clocks", () => {
    for (const at_ms of [
      Date.UTC(2026, 2, 29, 0, 30), // half an hour before Lisbon goes to summer time
      Date.UTC(2026, 2, 29, 1, 30), // half an hour after
      Date.UTC(2026, 9, 25, 3, 0),
      Date.UTC(2026, 10, 24, 7, 0),
    ])
      expect(fromField(toField(at_ms, "Europe/Lisbon"), "Europe/Lisbon")).toBe(at_ms);
    expect(fromField("2026-07-01T13:00", "Europe/Lisbon")).toBe(Date.UTC(2026, 6, 1, 12, 0));
  });

  test("that is no time is none", () => {
    expect(fromField("", "UTC")).toBeNull();
    expect(fromField("soon", "UTC")).toBeNull();
  });
});

describe("the city's clock", () => {
  test("runs at its rate between readings and does not jump back for a late reading", () => {
    setClock({ now_ms: 1_000_000, rate: 10 }, 0);
    expect(cityNow(1_000)).toBe(1_010_000);
    setClock({ now_ms: 1_005_000, rate: 10 }, 1_000);
    expect(cityNow(1_000)).toBe(1_010_000);
    setClock({ now_ms: 1_030_000, rate: 10 }, 2_000);
    expect(cityNow(2_000)).toBe(1_030_000);
    expect(rate.value).toBe(10);
  });

  test("goes back when it was really set back", () => {
    setClock({ now_ms: 5_000_000, rate: 1 }, 0);
    setClock({ now_ms: 1_000, rate: 1 }, 10);
    expect(cityNow(10)).toBe(1_000);
  });
});

describe("places", () => {
  test("are as far apart and in the direction the earth has it", () => {
    expect(distanceM([-8.61, 41.15], [-8.61, 41.16])).toBeCloseTo(1_112, 0);
    expect(bearingDeg([0, 0], [1, 0])).toBeCloseTo(90);
    expect(bearingDeg([0, 0], [0, -1])).toBeCloseTo(180);
  });

  test("of any geometry have bounds, and nothing has none", () => {
    const line = {
      type: "LineString" as const,
      coordinates: [
        [1, 2],
        [3, -4],
      ],
    };
    expect(boundsOf(positions(line))).toEqual([1, -4, 3, 2]);
    expect(boundsOf(positions(null))).toBeNull();
  });
});

describe("requests", () => {
  test("have ids that are UUIDs of version 7, in order of their time", () => {
    const zeros = new Uint8Array(10);
    const id = newId(0x0123456789ab, zeros);
    expect(id).toBe("01234567-89ab-7000-8000-000000000000");
    expect(newId(1_000, zeros) < newId(2_000, zeros)).toBe(true);
    expect(newId(5)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test("that were refused for good are told from those worth another try", () => {
    const code = "any";
    expect(new Refused(422, { code }).final).toBe(true);
    expect(new Refused(409, { code }).final).toBe(true);
    for (const status of [401, 408, 425, 429, 500, 503]) expect(new Refused(status, { code }).final).toBe(false);
  });
});
