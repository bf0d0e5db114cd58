import { afterEach, describe, expect, test } from "vitest";
import type { LonLat, TruckPlan } from "../src/contract.ts";
import { announcement } from "../src/domain/announce.ts";
import { type Guidance, guide, wayTo } from "../src/domain/guidance.ts";
import { bestFix, type Fix, isDriving } from "../src/domain/position.ts";
import { lightAt, sunElevationDeg } from "../src/domain/sun.ts";
import { voiceFor } from "../src/driver/voice.ts";
import { arrowDeg, turnSpoken, turnText } from "../src/say/turns.ts";
import { language } from "../src/words/index.ts";

afterEach(() => {
  language.value = "en";
});

/** A place so many metres east and north of a corner of a street. */
const at = (east_m: number, north_m: number): LonLat => [
  east_m / (111_195 * Math.cos((41.15 * Math.PI) / 180)),
  41.15 + north_m / 111_195,
];

/** 1,000 m east, left, 500 m north to a; back the same way 500 m south, right …: a street driven twice. */
const plan: TruckPlan = {
  truck_id: "t1",
  plan_version: 1,
  made_ms: 0,
  reason: "first_plan",
  path: { type: "LineString", coordinates: [at(0, 0), at(1000, 0), at(1000, 500), at(1000, 0), at(2000, 0)] },
  guide: {
    roads: ["Rua A", "Rua B"],
    legs: [
      [
        [0, "depart", 0],
        [1, "turn:left", 1],
        [2, "arrive:right", 1],
      ],
      [
        [2, "depart", 1],
        [3, "turn:left", 0],
        [4, "arrive", 0],
      ],
    ],
  },
};

const on = (found: Guidance | null): Extract<Guidance, { on: true }> => {
  if (!found?.on) throw new Error("off the route");
  return found;
};

describe("the way to the next visit", () => {
  test("says the next turn, how far it is, and the one after it", () => {
    const found = on(guide(plan, 1, at(400, 8), null));
    expect(found.turn).toMatchObject({ code: "turn:left", road: "Rua B" });
    expect(found.ahead_m).toBeCloseTo(600, -1);
    expect(found.left_m).toBeCloseTo(1100, -1);
    expect(found.after).toMatchObject({ code: "arrive:right" });
    expect(found.road).toBe("Rua A");
  });

  test("counts down, goes on to the next turn at the corner, and ends at the arrival", () => {
    const turns = [0, 500, 980, 995].map(east_m => on(guide(plan, 1, at(east_m, 0), null)));
    expect(turns.map(one => Math.round(one.ahead_m / 10) * 10)).toEqual([1000, 500, 20, 510]);
    const there = on(guide(plan, 1, at(1000, 499), 1480));
    expect(there.turn.code).toBe("arrive:right");
    expect(there.after).toBeNull();
    expect(there.ahead_m).toBeLessThan(2);
  });

  test("of a street driven twice the half it is on is known by where it was", () => {
    const whole = wayTo(plan, 2, 1);
    expect(whole?.turns.map(turn => turn.code)).toEqual(["depart", "turn:left", "turn:left", "arrive"]);
    const going = on(guide(plan, 2, at(1000, 200), 280));
    expect(going.at_m).toBeCloseTo(300, -1);
    expect(going.turn.code).toBe("turn:left");
  });

  test("a stop that was skipped on the way there is driven past: the leg before counts as the way", () => {
    const found = on(guide(plan, 2, at(300, 0), null));
    expect(found.turn).toMatchObject({ code: "turn:left", road: "Rua B" });
    expect(found.left_m).toBeCloseTo(2700, -1);
  });

  test("off it, it points back to its nearest place", () => {
    const found = guide(plan, 1, at(500, 80), null);
    expect(found).toMatchObject({ on: false });
    if (found && !found.on) {
      expect(found.off_m).toBeCloseTo(80, 0);
      expect(found.bearing_deg).toBeCloseTo(180, 0);
    }
    expect(guide(plan, 1, at(500, 45), null)?.on).toBe(true);
  });

  test("a plan without turns, of one visit, or of another version of the world says nothing", () => {
    expect(guide({ ...plan, guide: null }, 1, at(0, 0), null)).toBeNull();
    expect(guide({ ...plan, path: null }, 1, at(0, 0), null)).toBeNull();
    expect(guide(plan, 0, at(0, 0), null)).toBeNull();
    expect(guide(plan, 9, at(0, 0), null)).toBeNull();
    const short = { ...plan, path: { type: "LineString" as const, coordinates: [at(0, 0)] } };
    expect(guide(short, 1, at(0, 0), null)).toBeNull();
  });

  test("a way of no length is an arrival", () => {
    const same: TruckPlan = {
      ...plan,
      guide: {
        legs: [
          [
            [0, "depart", -1],
            [0, "arrive", -1],
          ],
        ],
      },
    };
    expect(on(guide(same, 1, at(3, 0), null))).toMatchObject({ turn: { code: "arrive" }, ahead_m: 0 });
  });
});

describe("a turn is spoken", () => {
  test("once from far and once near, and not again", () => {
    let said: Parameters<typeof announcement>[1] = null;
    const heard: (number | null)[] = [];
    for (let east_m = 0; east_m <= 960; east_m += 20) {
      const next = announcement(on(guide(plan, 1, at(east_m, 0), null)), said);
      if (!next) continue;
      said = next.said;
      heard.push(next.in_m);
    }
    expect(heard).toEqual([300, null]);
  });

  test("only near, if the turn before was so late; never off the route", () => {
    const near = announcement(on(guide(plan, 1, at(950, 0), null)), null);
    expect(near).toMatchObject({ in_m: null, said: { near: true } });
    expect(announcement({ on: false, off_m: 90, bearing_deg: 0 }, null)).toBeNull();
  });

  test("in sentences of both languages, with the road and without, and for every code", () => {
    expect(turnSpoken(300, "turn:left", "Rua B", "")).toBe("In 300 metres, turn left into Rua B");
    expect(turnText("circle:2", "Rua B", "")).toBe("At the roundabout take exit 2 into Rua B");
    expect(turnText("arrive:right", "", "Cedofeita 1")).toBe("Arrive at Cedofeita 1, on the right");
    expect(turnText("turn:sharp_right", "", "")).toBe("Turn sharp right");
    language.value = "zh";
    expect(turnSpoken(300, "turn:left", "人民路", "")).toBe("300 米后左转，进入人民路");
    expect(turnText("circle:2", "", "")).toBe("进入环岛，从第 2 出口驶出");
    expect(turnText("keep:slight_left", "", "")).toBe("靠左行驶");
    const ways = ["left", "right", "slight_left", "slight_right", "sharp_left", "sharp_right", "straight", "uturn"];
    for (const which of ["en", "zh"] as const) {
      language.value = which;
      const codes = ["turn", "keep", "merge", "ramp", "exit"].flatMap(what => ways.map(way => `${what}:${way}`));
      for (const code of [...codes, "depart", "arrive", "circle:0", "arrive:left", "of:tomorrow", "turn:toString", ""])
        expect(turnText(code, "", "X"), code).not.toMatch(/undefined|null|^$/);
    }
    expect([arrowDeg("turn:left"), arrowDeg("keep:slight_right"), arrowDeg("of:tomorrow")]).toEqual([-90, 40, 0]);
  });

  test("by a voice that is on the phone, in the language of the page, or not at all", () => {
    const voice = (lang: string, localService: boolean) => ({ lang, localService });
    const far = voice("zh-CN", false);
    const near = voice("zh_CN", true);
    expect(voiceFor([far, voice("en-GB", true), near], "zh")).toBe(near);
    expect(voiceFor([far], "zh")).toBeNull();
  });
});

describe("where the truck is", () => {
  const fix = (more: Partial<Fix> = {}): Fix => ({
    place: at(0, 0),
    speed_mps: 5,
    heading_deg: 90,
    accuracy_m: 10,
    age_ms: 2_000,
    ...more,
  });

  test("its terminal says; the phone in it, while fresh and exact, says it better; in the dark the phone alone", () => {
    const terminal = fix({ accuracy_m: null, age_ms: 9_000 });
    expect(bestFix(terminal, null)).toBe(terminal);
    const phone = fix({ place: at(60, 0) });
    expect(bestFix(terminal, phone)).toBe(phone);
    expect(bestFix(terminal, fix({ place: at(5_000, 0) }))).toBe(terminal);
    expect(bestFix(terminal, fix({ accuracy_m: 400 }))).toBe(terminal);
    expect(bestFix(terminal, fix({ age_ms: 60_000 }))).toBe(terminal);
    const old = fix({ age_ms: 300_000 });
    const away = fix({ place: at(5_000, 0) });
    expect(bestFix(old, away)).toBe(away);
  });

  test("it is driven above 8 km/h, and stands again below half of it; an old speed is none", () => {
    expect(isDriving(fix({ speed_mps: 2.3 }), false)).toBe(true);
    expect(isDriving(fix({ speed_mps: 1.5 }), true)).toBe(true);
    expect(isDriving(fix({ speed_mps: 1.5 }), false)).toBe(false);
    expect(isDriving(fix({ speed_mps: 0.8 }), true)).toBe(false);
    expect(isDriving(fix({ speed_mps: null }), true)).toBe(false);
    expect(isDriving(fix({ age_ms: 120_000 }), true)).toBe(false);
    expect(isDriving(null, true)).toBe(false);
  });
});

describe("the light outside", () => {
  test("is the sun's height: noon of the solstices in Porto, sunset in Nantong", () => {
    const porto: LonLat = [-8.61, 41.15];
    // 90° - latitude ± 23.44° at the sun's highest
    expect(sunElevationDeg(Date.UTC(2026, 5, 21, 12, 36), porto)).toBeCloseTo(72.3, 0);
    expect(sunElevationDeg(Date.UTC(2026, 11, 21, 12, 33), porto)).toBeCloseTo(25.4, 0);
    // the middle of the sun meets the horizon of Nantong on 2026-11-28 at about 16:48
    const nantong: LonLat = [120.86, 32.01];
    expect(Math.abs(sunElevationDeg(Date.UTC(2026, 10, 28, 8, 48), nantong))).toBeLessThan(0.5);
    expect(lightAt(Date.UTC(2026, 10, 28, 14), nantong)).toBe("night");
    expect(lightAt(Date.UTC(2026, 10, 28, 1), nantong)).toBe("day");
    expect(lightAt(Date.UTC(2026, 5, 21, 12), porto)).toBe("sun");
  });
});
