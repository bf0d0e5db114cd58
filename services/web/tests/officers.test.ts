import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import type { Alert, AlertAction, Cover, TrackPoint, Zone } from "../src/contract.ts";
import { byCertainty, NO_FILTERS, NOBODY, passes } from "../src/domain/alerts.ts";
import { districts, holds, isIn } from "../src/domain/areas.ts";
import { byDeadline, dueOf, nextDue, type Times } from "../src/domain/deadlines.ts";
import { grouped } from "../src/domain/grouping.ts";
import { all, extend, NOTHING, neighbour, shown, toggle } from "../src/domain/selection.ts";
import { assigneeOf, handling, isAsleep, standing, standingActions } from "../src/domain/standing.ts";
import { gaps, lane } from "../src/enforcement/columns.ts";
import { fitOf, thresholdsOf } from "../src/enforcement/fitted.ts";
import { deedText, writtenOf } from "../src/say/deeds.ts";
import { en } from "../src/words/en.ts";

const MINUTE = 60_000;
const alert = (alert_id: string, more: Partial<Alert> = {}): Alert => ({
  alert_id,
  revision: 1,
  rule: "spillage",
  rule_version: "1",
  state: "raised",
  severity: "high",
  certainty: "observed",
  start_ms: 0,
  raised_ms: 0,
  emitted_ms: 0,
  actions: [],
  ...more,
});
const deed = (kind: AlertAction["kind"], at_ms: number, more: Partial<AlertAction> = {}): AlertAction => ({
  action_id: `${kind}${at_ms}`,
  alert_id: "a",
  actor: "lin",
  kind,
  at_ms,
  ...more,
});
const at = (lon: number, lat = 41): Pick<Alert, "where"> => ({ where: { type: "Point", coordinates: [lon, lat] } });
/** Degrees of longitude of so many metres at 41° north. */
const m = (metres: number) => metres / (111_195 * Math.cos((41 * Math.PI) / 180));

describe("where an alert stands", () => {
  test("follows what an undo names, and else the last judgement", () => {
    const said = [deed("ack", 1), deed("assign", 2, { assignee: "wu" }), deed("confirm", 3)];
    const back = alert("a", { actions: [...said, deed("undo", 4, { undoes: "ack1" })] });
    expect([handling(back), assigneeOf(back)]).toEqual(["confirmed", "wu"]);
    const more = alert("b", { actions: [...said, deed("undo", 4, { undoes: "assign2" }), deed("undo", 5)] });
    expect([handling(more), assigneeOf(more)]).toEqual(["acknowledged", null]);
    expect(standing(more).newest_ms).toBe(5);
  });

  test("gives what can be taken back, newest first", () => {
    const actions = [deed("ack", 1), deed("assign", 2, { assignee: "wu" }), deed("note", 3)];
    expect(standingActions(alert("a", { actions })).map(one => one.kind)).toEqual(["assign", "ack"]);
  });

  test("is asleep until its time, and the list to be handled does not show it so long", () => {
    const asleep = alert("a", { actions: [deed("snooze", 1, { until_ms: 100 })] });
    expect([isAsleep(asleep, 99), isAsleep(asleep, 100)]).toEqual([true, false]);
    expect(passes(asleep, NO_FILTERS, true)).toBe(false);
    expect(passes(asleep, { ...NO_FILTERS, handling: "asleep" }, true)).toBe(true);
    expect(passes(asleep, NO_FILTERS, false)).toBe(true);
  });

  test("is found by who answers for it, and by nobody doing so", () => {
    const mine = alert("a", { actions: [deed("assign", 1, { assignee: "lin" })] });
    expect(passes(mine, { ...NO_FILTERS, owner: "lin" })).toBe(true);
    expect(passes(mine, { ...NO_FILTERS, owner: NOBODY })).toBe(false);
    expect(passes(alert("b"), { ...NO_FILTERS, owner: NOBODY })).toBe(true);
  });

  test("is told in words, also of actions from before there were notes", () => {
    const person = (login: string) => login.toUpperCase();
    expect(deedText(deed("assign", 1, { assignee: "wu" }), person)).toBe("assigned to WU");
    expect(deedText(deed("dismiss", 1, { reason: "other: a wedding" }), person)).toMatch(/^dismissed \(Other/);
    expect(writtenOf(deed("dismiss", 1, { reason: "other: a wedding" }))).toBe("a wedding");
    expect(writtenOf(deed("dismiss", 1, { reason: "sensor" }))).toBeNull();
    expect(writtenOf(deed("note", 1, { reason: "seen" }))).toBe("seen");
  });
});

describe("deadlines", () => {
  const of = (ack: number, settle: number) => ({ ack_ms: ack * MINUTE, settle_ms: settle * MINUTE });
  const times: Times = { critical: of(5, 60), high: of(15, 240), medium: of(60, 1440), low: of(480, 4320) };

  test("are two: the one to acknowledge is gone when somebody does, both when it is settled or withdrawn", () => {
    expect(dueOf(alert("a"), times)).toEqual({ ack_ms: 15 * MINUTE, settle_ms: 240 * MINUTE });
    expect(dueOf(alert("a", { actions: [deed("ack", 1)] }), times)).toEqual({ ack_ms: null, settle_ms: 240 * MINUTE });
    expect(nextDue(alert("a", { actions: [deed("dismiss", 1)] }), times)).toBeNull();
    expect(nextDue(alert("a", { state: "cancelled" }), times)).toBeNull();
    expect(nextDue(alert("a"), undefined)).toBeNull();
  });

  test("put what is due first at the top, and what nothing is due of at the end", () => {
    const rows = [
      alert("done", { actions: [deed("confirm", 1)] }),
      alert("low", { severity: "low" }),
      alert("high, late", { raised_ms: 20 * MINUTE }),
      alert("critical", { severity: "critical", raised_ms: 8 * MINUTE }),
    ];
    expect(rows.sort(byDeadline(times)).map(one => one.alert_id)).toEqual(["critical", "high, late", "low", "done"]);
  });

  test("and certainty sorts the surest first, then by weight", () => {
    const rows = [alert("b", { certainty: "likely", severity: "critical" }), alert("a", { severity: "low" })];
    expect(rows.sort(byCertainty).map(one => one.alert_id)).toEqual(["a", "b"]);
  });
});

describe("a district", () => {
  const ring = (x0: number, y0: number, x1: number, y1: number) => [
    [x0, y0],
    [x1, y0],
    [x1, y1],
    [x0, y1],
    [x0, y0],
  ];
  const area = { type: "Polygon" as const, coordinates: [ring(0, 0, 10, 10), ring(4, 4, 6, 6)] };
  const zone: Zone = { zone_id: "d1", kind: "district", name: "North", area };

  test("holds what is inside it and not in its hole", () => {
    expect([holds(area, [1, 1]), holds(area, [5, 5]), holds(area, [11, 1]), holds(null, [1, 1])]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(holds({ type: "MultiPolygon", coordinates: [[ring(20, 20, 21, 21)], [ring(0, 0, 1, 1)]] }, [0.5, 0.5])).toBe(
      true,
    );
  });

  test("has the alerts that say so, and those with a place in it; one without a place is nowhere", () => {
    expect(isIn(alert("a", { zone_ids: ["d1"] }), zone)).toBe(true);
    const line = {
      type: "LineString" as const,
      coordinates: [
        [-5, 1],
        [1, 1],
      ],
    };
    expect(isIn(alert("a", { where: line }), zone)).toBe(true);
    expect(isIn(alert("a"), zone)).toBe(false);
    expect(districts([{ ...zone, kind: "forbidden" }, zone])).toEqual([zone]);
  });
});

describe("what belongs together", () => {
  const ids = (alerts: Alert[]) => grouped(alerts).map(group => [group.why, ...group.ids]);

  test("is what one truck did near in time and place, whatever the rules", () => {
    const rows = [
      alert("spill", { truck_id: "t1", ...at(0), start_ms: 0, end_ms: 5 * MINUTE }),
      alert("other truck", { truck_id: "t2", rule: "overspeed", ...at(0) }),
      alert("cover", { truck_id: "t1", rule: "uncovered-load", ...at(m(900)), start_ms: 30 * MINUTE }),
      alert("far", { truck_id: "t1", rule: "off-route", ...at(m(5_000)), start_ms: 40 * MINUTE }),
      alert("later", { truck_id: "t1", rule: "off-route", ...at(m(5_000)), start_ms: 200 * MINUTE }),
    ];
    expect(ids(rows)).toEqual([
      ["truck", "spill", "cover"],
      [null, "other truck"],
      ["place", "far", "later"],
    ]);
  });

  test("is one load's, however far the truck drove with it", () => {
    const rows = [
      alert("a", { truck_id: "t1", ticket_id: "k1", ...at(0) }),
      alert("b", { truck_id: "t1", ticket_id: "k1", ...at(m(9_000)), start_ms: 90 * MINUTE }),
      alert("c", { truck_id: "t1", ticket_id: "k2", rule: "overload", ...at(m(20_000)), start_ms: 100 * MINUTE }),
    ];
    expect(ids(rows)).toEqual([
      ["truck", "a", "b"],
      [null, "c"],
    ]);
  });

  test("is one place of one rule within a week, near to its first: places do not creep", () => {
    const day = 24 * 60 * MINUTE;
    const rows = [0, 80, 160, 240].map((metres, n) =>
      alert(`a${n}`, { truck_id: `t${n}`, ...at(m(metres)), start_ms: n * day }),
    );
    const late = alert("late", { truck_id: "t9", ...at(0), start_ms: 8 * day });
    expect(ids([...rows, late])).toEqual([
      ["place", "a0", "a1"],
      ["place", "a2", "a3"],
      [null, "late"],
    ]);
  });

  test("keeps the order of the rows, and alerts of no place or truck alone", () => {
    const rows = [alert("b", { bin_id: "b1" }), alert("a", { bin_id: "b1" })];
    expect(ids(rows)).toEqual([
      [null, "b"],
      [null, "a"],
    ]);
    const pair = [alert("new", { truck_id: "t1", ...at(0), start_ms: 9 }), alert("old", { truck_id: "t1", ...at(0) })];
    expect(ids(pair)).toEqual([["truck", "new", "old"]]);
  });

  test("is found among 2,000 alerts of one rule on one street in a tenth of a second", () => {
    const rows = Array.from({ length: 2_000 }, (_, n) =>
      alert(`a${n}`, { truck_id: `t${n}`, ...at(m(n * 120)), start_ms: n }),
    );
    const begin = performance.now();
    expect(grouped(rows)).toHaveLength(2_000);
    expect(performance.now() - begin).toBeLessThan(500);
  });
});

describe("a selection", () => {
  const rows = ["a", "b", "c", "d"];

  test("picks and lets go, one row or a group's", () => {
    const one = toggle(NOTHING, ["b"]);
    expect([...toggle(one, ["b", "c"]).ids]).toEqual(["b", "c"]);
    expect([...toggle(toggle(one, ["b", "c"]), ["b", "c"]).ids]).toEqual([]);
  });

  test("reaches with shift from the row picked last to this one, up or down", () => {
    expect([...extend(toggle(NOTHING, ["b"]), rows, "d").ids]).toEqual(["b", "c", "d"]);
    expect([...extend(toggle(NOTHING, ["c"]), rows, "a").ids].sort()).toEqual(["a", "b", "c"]);
    expect([...extend(NOTHING, rows, "c").ids]).toEqual(["c"]);
    expect([...extend(toggle(NOTHING, ["gone"]), rows, "c").ids].sort()).toEqual(["c", "gone"]);
  });

  test("acts only on what is shown, in its order", () => {
    expect(shown(toggle(toggle(NOTHING, ["d", "a"]), ["gone"]), rows)).toEqual(["a", "d"]);
    expect(shown(all(rows), ["c"])).toEqual(["c"]);
  });

  test("and the keys step from row to row and stop at the ends", () => {
    expect([
      neighbour(rows, "", 1),
      neighbour(rows, "a", 1),
      neighbour(rows, "a", -1),
      neighbour(rows, "d", 1),
    ]).toEqual(["a", "b", "a", "d"]);
    expect(neighbour([], "", 1)).toBeNull();
  });
});

describe("the chart of an alert", () => {
  const fix = (at_ms: number, kg: number | null, cover: Cover = "closed"): TrackPoint => [
    at_ms,
    0,
    41,
    8,
    kg,
    cover,
    "level",
  ];
  const fell = { condition: "the load fell while driving", measured: 900, limit: 300, unit: "kg", met: true };
  const spill = (more: Partial<Alert> = {}) =>
    alert("s", {
      start_ms: 10 * MINUTE,
      raised_ms: 14 * MINUTE,
      lost_kg: 1_000,
      lost_kg_low: 800,
      lost_kg_high: 1_200,
      because: [{ condition: "loaded and driving", measured: "9000 kg before", met: true }, fell],
      ...more,
    });

  test("draws the loss the alert was fitted: from its own level before, with what may be left", () => {
    expect(fitOf(spill(), [])).toEqual({
      from_ms: 10 * MINUTE,
      to_ms: 14 * MINUTE,
      before_kg: 9_000,
      after_kg: 8_000,
      low_kg: 7_800,
      high_kg: 8_200,
    });
  });

  test("takes the level before from the readings where the alert does not say it, and draws nothing it does not know", () => {
    const dump = spill({ because: [fell] });
    const points = [fix(2 * MINUTE, 1), fix(8 * MINUTE, 5_000), fix(9 * MINUTE, 5_200), fix(11 * MINUTE, 100)];
    expect(fitOf(dump, points)?.before_kg).toBe(5_100);
    expect(fitOf(dump, [fix(9 * MINUTE, null)])).toBeNull();
    expect(fitOf(spill({ lost_kg: null }), points)).toBeNull();
    expect(fitOf(spill({ because: [] }), points)).toBeNull();
  });

  test("draws the limits that are loads or speeds, those of a fall from the level before", () => {
    const found = thresholdsOf(spill(), fitOf(spill(), []));
    expect(found).toEqual([{ scale: "kg", at: 8_700, condition: fell.condition }]);
    const because = [
      { condition: "its limit", measured: "50 km/h", met: true },
      { condition: "fastest", measured: 71, limit: 55, unit: "km/h", met: true },
      { condition: "permitted load", measured: "9000 kg", met: true },
      { condition: "middle of the readings while driving", measured: 9_900, limit: 9_450, unit: "kg", met: true },
      { condition: "missing on the weighbridge", measured: 900, limit: 500, unit: "kg", met: true },
      { condition: "above it for at least 60 s", measured: 90, limit: 60, unit: "s", met: true },
    ];
    expect(thresholdsOf(spill({ because }), null).map(one => [one.scale, one.at])).toEqual([
      ["kmh", 50],
      ["kmh", 55],
      ["kg", 9_000],
      ["kg", 9_450],
    ]);
  });

  test("shows what a sensor said until the next fix, and nothing over a gap", () => {
    const points = [fix(0, 1), fix(60_000, 1), fix(120_000, 1, "open"), fix(600_000, 1, "open"), fix(630_000, 1)];
    expect(gaps(points)).toEqual([{ from_ms: 120_000, to_ms: 600_000, state: null }]);
    expect(lane(points, ([, , , , , cover]) => cover)).toEqual([
      { from_ms: 0, to_ms: 120_000, state: "closed" },
      { from_ms: 120_000, to_ms: 120_000, state: "open" },
      { from_ms: 600_000, to_ms: 630_000, state: "open" },
      { from_ms: 630_000, to_ms: 630_000, state: "closed" },
    ]);
  });
});

describe("the words of the officers", () => {
  const source = readFileSync(resolve(import.meta.dirname, "../../gateway/handling.py"), "utf8");
  const listed = (begin: RegExp) =>
    [...(source.split(begin)[1]?.split("]")[0] ?? "").matchAll(/"(\w+)"/g)].map(one => one[1]);

  test("say every reason to dismiss and every refusal the gateway knows", () => {
    expect(Object.keys(en.alerts.dismissReasons).sort()).toEqual(listed(/DismissReason = Literal\[/).sort());
    expect(Object.keys(en.enf.refusal).sort()).toEqual(listed(/code: Literal\[/).sort());
  });
});
