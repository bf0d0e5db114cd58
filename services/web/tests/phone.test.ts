import "fake-indexeddb/auto";
import { openDB } from "idb";
import { describe, expect, test } from "vitest";
import { Outbox } from "../src/driver/outbox.ts";
import { HeldElsewhere, openPhone, reportShelf } from "../src/driver/phone.ts";

describe("the phone's storage", () => {
  test("held by a tab of an older release is said to be so, not waited for; later it is there", async () => {
    const old = await openDB("held", 1, {
      upgrade: db => {
        db.createObjectStore("reports", { keyPath: "seq", autoIncrement: true }).createIndex("action_id", "action_id");
        db.createObjectStore("kept");
      },
    });
    await old.add("reports", { action_id: "a1", user_id: "u1", state: "saved" });
    await expect(openPhone("held")).rejects.toBeInstanceOf(HeldElsewhere);
    old.close();
    const phone = await openPhone("held");
    expect((await phone.getAll("reports")).map(one => one.action_id)).toEqual(["a1"]);
    phone.close();
  });

  test("is let go of for a newer release; what is reported after that is sent, and the page says it must stay open", async () => {
    const phone = await openPhone("newer");
    const got: string[] = [];
    const box = new Outbox(reportShelf(phone), "u1", async action_id => {
      got.push(action_id);
    });
    await box.open();
    const newer = await openDB("newer", 3);
    await box.put("a1", { kind: "sos", event_time_ms: 1 }, "");
    await expect.poll(() => got).toEqual(["a1"]);
    expect(box.full.value).toBe(true);
    newer.close();
  });
});
