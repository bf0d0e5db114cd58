import { describe, expect, test } from "vitest";
import type { Alert, AlertAction, Truck } from "../src/contract.ts";
import { byWeight, calls, hold, NO_FILTERS, passes, unheard } from "../src/domain/alerts.ts";
import { handling } from "../src/domain/standing.ts";

const alert = (alert_id: string, more: Partial<Alert> = {}): Alert => ({
  alert_id,
  revision: 1,
  rule: "illegal-dump",
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
const deed = (kind: AlertAction["kind"], at_ms: number): AlertAction => ({
  action_id: `${kind}${at_ms}`,
  alert_id: "a",
  actor: "officer",
  kind,
  at_ms,
});

describe("how an alert is handled", () => {
  test("is what the last deed that counts made of it; notes change nothing", () => {
    expect(handling(alert("a"))).toBe("new");
    expect(handling(alert("a", { actions: [deed("ack", 1), deed("note", 2)] }))).toBe("acknowledged");
    expect(handling(alert("a", { actions: [deed("confirm", 2), deed("ack", 1)] }))).toBe("confirmed");
  });

  test("undo takes back one deed after the other", () => {
    const actions = [deed("ack", 1), deed("dismiss", 2), deed("undo", 3)];
    expect(handling(alert("a", { actions }))).toBe("acknowledged");
    expect(handling(alert("a", { actions: [...actions, deed("undo", 4)] }))).toBe("new");
    expect(handling(alert("a", { actions: [...actions, deed("undo", 4), deed("undo", 5)] }))).toBe("new");
  });
});

describe("the order of alerts", () => {
  test("is worst, then surest, then newest", () => {
    const rows = [
      alert("low", { severity: "low", raised_ms: 99 }),
      alert("old", { raised_ms: 1 }),
      alert("likely", { certainty: "likely", raised_ms: 50 }),
      alert("new", { raised_ms: 2 }),
      alert("critical", { severity: "critical", certainty: "possible" }),
    ];
    expect(rows.sort(byWeight).map(one => one.alert_id)).toEqual(["critical", "new", "old", "likely", "low"]);
  });

  test("holds still while somebody reads: rows keep their place, new ones wait, gone ones go", () => {
    expect(hold(["new", "b", "a"], ["a", "b", "gone"])).toEqual({ rows: ["a", "b"], waiting: ["new"] });
  });
});

describe("what is shown", () => {
  test("open means not judged and not withdrawn", () => {
    expect(passes(alert("a"), NO_FILTERS)).toBe(true);
    expect(passes(alert("a", { actions: [deed("ack", 1)] }), NO_FILTERS)).toBe(true);
    expect(passes(alert("a", { actions: [deed("dismiss", 1)] }), NO_FILTERS)).toBe(false);
    expect(passes(alert("a", { state: "cancelled" }), NO_FILTERS)).toBe(false);
    expect(passes(alert("a", { state: "cancelled" }), { ...NO_FILTERS, handling: "all" })).toBe(true);
  });

  test("text finds trucks, also those of a joint alert", () => {
    const joint = alert("a", { truck_ids: ["t1", "T22"] });
    expect(passes(joint, { ...NO_FILTERS, text: " t22 " })).toBe(true);
    expect(passes(joint, { ...NO_FILTERS, text: "t3" })).toBe(false);
  });

  test("calls are SOS before breakdowns, the longest waiting first, until somebody takes them up", () => {
    const found = calls([
      alert("b1", { rule: "breakdown", raised_ms: 1 }),
      alert("s2", { rule: "sos", raised_ms: 9 }),
      alert("s1", { rule: "sos", raised_ms: 5 }),
      alert("taken", { rule: "sos", actions: [deed("ack", 1)] }),
      alert("withdrawn", { rule: "sos", state: "cancelled" }),
      alert("dump"),
    ]);
    expect(found.map(one => one.alert_id)).toEqual(["s1", "s2", "b1"]);
  });

  test("a driver's call is heard though its alert is not there, and once though it is", () => {
    const down = { truck_id: "t1", down: "sos" } as Truck;
    const well = { truck_id: "t2", down: null } as Truck;
    expect(unheard([down, well], [])).toEqual([down]);
    expect(unheard([down], [alert("x", { rule: "sos", truck_id: "t1" })])).toEqual([]);
    expect(unheard([down], [alert("x", { rule: "sos", truck_id: "t1", state: "ended" })])).toEqual([down]);
  });
});
