import "fake-indexeddb/auto";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { DriverActionBody } from "../src/contract.ts";
import { Outbox, openPhone, type Phone, type Send } from "../src/driver/outbox.ts";
import { Refused, Unreachable } from "../src/http.ts";

let phone: Phone;
let number = 0;
beforeEach(async () => {
  phone = await openPhone(`phone-${number++}`);
});

const body = (kind: DriverActionBody["kind"]): DriverActionBody => ({ kind, event_time_ms: 1 });

/** An office that takes everything, and what it got. */
function office(): { got: string[]; send: Send } {
  const got: string[] = [];
  return {
    got,
    send: async action_id => {
      got.push(action_id);
    },
  };
}

const offline: Send = async () => {
  throw new Unreachable("no answer");
};

describe("the driver's outbox", () => {
  test("has a report on the phone when put returns, and sends it behind", async () => {
    const { got, send } = office();
    const box = new Outbox(phone, "u1", send);
    await box.open();
    await box.put("a1", body("collected"), "");
    expect(await phone.count("reports")).toBe(1);
    await vi.waitFor(() => expect(box.reports.value[0]?.state).toBe("received"));
    expect(got).toEqual(["a1"]);
    expect(box.waiting).toBe(0);
  });

  test("keeps 20 reports made without a network over a restart and sends each once, in order", async () => {
    const before = new Outbox(phone, "u1", offline);
    await before.open();
    const ids = Array.from({ length: 20 }, (_, n) => `a${n}`);
    for (const id of ids) await before.put(id, body("collected"), "");
    expect(before.waiting).toBe(20);

    const { got, send } = office();
    const after = new Outbox(phone, "u1", send);
    await after.open();
    await vi.waitFor(() => expect(after.waiting).toBe(0));
    expect(got).toEqual(ids);
  });

  test("does not send a later report before an earlier one that fails", async () => {
    const tried: string[] = [];
    const box = new Outbox(phone, "u1", async id => {
      tried.push(id);
      throw new Refused(503, {});
    });
    await box.open();
    await box.put("a1", body("collected"), "");
    await box.put("a2", body("tipped"), "");
    await box.flush();
    expect(new Set(tried)).toEqual(new Set(["a1"]));
    expect(box.waiting).toBe(2);
  });

  test("keeps a refused report with its reason and goes on with the next", async () => {
    const box = new Outbox(phone, "u1", async id => {
      if (id === "bad") throw new Refused(422, { code: "not_usable", detail: "skipped needs a reason" });
    });
    await box.open();
    await box.put("bad", body("skipped"), "");
    await box.put("good", body("collected"), "");
    await vi.waitFor(() => expect(box.waiting).toBe(0));
    expect(box.reports.value).toMatchObject([
      { action_id: "bad", state: "refused", problem: { code: "not_usable", detail: "skipped needs a reason" } },
      { action_id: "good", state: "received" },
    ]);
  });

  test("waits, and loses nothing, while the session is over", async () => {
    const box = new Outbox(phone, "u1", async () => {
      throw new Refused(401, {});
    });
    await box.open();
    await box.put("a1", body("collected"), "");
    await box.flush();
    expect(box.reports.value[0]?.state).toBe("saved");
  });

  test("does not send another driver's reports", async () => {
    const before = new Outbox(phone, "u1", offline);
    await before.open();
    await before.put("a1", body("collected"), "");
    const { got, send } = office();
    const after = new Outbox(phone, "u2", send);
    await after.open();
    await after.flush();
    expect(got).toEqual([]);
    expect(after.reports.value).toEqual([]);
  });

  test("refuses to hold one id twice: a tap is one report", async () => {
    const box = new Outbox(phone, "u1", offline);
    await box.open();
    await box.put("a1", body("collected"), "");
    await expect(box.put("a1", body("collected"), "")).rejects.toThrow();
    expect(await phone.count("reports")).toBe(1);
  });
});
