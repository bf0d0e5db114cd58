import "fake-indexeddb/auto";
import { effect } from "@preact/signals";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { DriverActionBody } from "../src/contract.ts";
import { Outbox, type Send, type StoredReport } from "../src/driver/outbox.ts";
import { openPhone, type Phone, photoShelf, reportShelf } from "../src/driver/phone.ts";
import { PhotoBox, photoAddress, type SendPhoto, sha256 } from "../src/driver/photos.ts";
import { fitted } from "../src/driver/picture.ts";
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

const stored = (action_id: string): StoredReport => ({
  action_id,
  user_id: "u1",
  body: body("collected"),
  about: "",
  state: "saved",
});

const offline: Send = async () => {
  throw new Unreachable("no answer");
};

describe("the driver's outbox", () => {
  test("has a report on the phone when put returns, and sends it behind", async () => {
    const { got, send } = office();
    const box = new Outbox(reportShelf(phone), "u1", send);
    await box.open();
    await box.put("a1", body("collected"), "");
    expect(await phone.count("reports")).toBe(1);
    await vi.waitFor(() => expect(box.reports.value[0]?.state).toBe("received"));
    expect(got).toEqual(["a1"]);
    expect(box.waiting).toBe(0);
  });

  test("keeps 20 reports made without a network over a restart and sends each once, in order", async () => {
    const before = new Outbox(reportShelf(phone), "u1", offline);
    await before.open();
    const ids = Array.from({ length: 20 }, (_, n) => `a${n}`);
    for (const id of ids) await before.put(id, body("collected"), "");
    expect(before.waiting).toBe(20);

    const { got, send } = office();
    const after = new Outbox(reportShelf(phone), "u1", send);
    await after.open();
    await vi.waitFor(() => expect(after.waiting).toBe(0));
    expect(got).toEqual(ids);
  });

  test("does not send a later report before an earlier one that fails", async () => {
    const tried: string[] = [];
    const box = new Outbox(reportShelf(phone), "u1", async id => {
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

  test("sends a call for help before what was reported earlier, all others in order", async () => {
    const { got, send } = office();
    let network = false;
    const box = new Outbox(reportShelf(phone), "u1", async (id, one) => (network ? send(id, one) : offline(id, one)));
    await box.open();
    await box.put("a1", body("collected"), "");
    await box.put("a2", body("tipped"), "");
    await box.put("broken", body("breakdown"), "");
    await box.put("help", body("sos"), "");
    await box.put("a3", body("corrected"), "");
    await vi.waitFor(() => expect(box.reports.value.every(one => one.state === "saved")).toBe(true));
    network = true;
    await box.flush();
    await vi.waitFor(() => expect(box.waiting).toBe(0));
    expect(got).toEqual(["broken", "help", "a1", "a2", "a3"]);
  });

  test("sends a call for help at once while an earlier report fails again and again, or has no answer yet", async () => {
    const { got, send } = office();
    const box = new Outbox(reportShelf(phone), "u1", async (id, one) => {
      if (id === "bad") throw new Refused(500, { code: "unexpected" });
      return send(id, one);
    });
    await box.open();
    await box.put("bad", body("collected"), "");
    await vi.waitFor(() => expect(box.reports.value[0]?.state).toBe("saved"));
    await box.put("help", body("sos"), "");
    await vi.waitFor(() => expect(got).toEqual(["help"]));

    const other = new Outbox(reportShelf(phone), "u2", async (id, one) =>
      id === "hangs" ? new Promise(() => undefined) : send(id, one),
    );
    await other.open();
    await other.put("hangs", body("collected"), "");
    await other.put("behind", body("tipped"), "");
    await other.put("help2", body("breakdown"), "");
    await vi.waitFor(() => expect(got).toEqual(["help", "help2"]));
    await vi.waitFor(() => {
      expect(other.reports.value.map(one => one.state)).toEqual(["sending", "saved", "received"]);
    });
  });

  test("sends the second call for help although the first fails, and the first again before all others", async () => {
    const { got, send } = office();
    let fails = true;
    const box = new Outbox(reportShelf(phone), "u1", async (id, one) => {
      if (id === "help" && fails) throw new Refused(500, { code: "unexpected" });
      return send(id, one);
    });
    await box.open();
    await box.put("help", body("sos"), "");
    await box.put("a1", body("corrected"), "");
    await box.put("help2", body("sos"), "");
    await vi.waitFor(() => expect(got).toEqual(["help2"]));
    fails = false;
    await box.flush();
    await vi.waitFor(() => expect(box.waiting).toBe(0));
    expect(got).toEqual(["help2", "help", "a1"]);
  });

  test("sends a report that comes while old ones are forgotten", async () => {
    const { got, send } = office();
    const shelf = reportShelf(phone);
    let late: Promise<void> | null = null;
    const remove: typeof shelf.remove = async seq => {
      late ??= box.put("a2", body("tipped"), "");
      await late;
      await shelf.remove(seq);
    };
    const box = new Outbox({ ...shelf, remove }, "u1", send, { kept: 0 });
    await box.open();
    await box.put("a1", body("collected"), "");
    await vi.waitFor(() => expect(got).toEqual(["a1", "a2"]));
  });

  describe("with a report that the gateway fails on again and again", () => {
    /** An office that fails on some ids. */
    const failingOn = (...ids: string[]) => {
      const { got, send } = office();
      const bad = new Set(ids);
      const tried: string[] = [];
      const answer: Send = async (id, one) => {
        tried.push(id);
        if (bad.has(id)) throw new Refused(500, { code: "unexpected" });
        return send(id, one);
      };
      return { got, tried, bad, answer };
    };
    const states = (box: Outbox) => box.reports.value.map(one => `${one.action_id} ${one.state}`);
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
      return () => vi.useRealTimers();
    });

    test("goes on with the others after eight tries, keeps it, and tries it again slowly", async () => {
      const { got, tried, bad, answer } = failingOn("bad");
      const idle = vi.fn();
      const box = new Outbox(reportShelf(phone), "u1", answer, { onIdle: idle });
      await box.open();
      await box.put("bad", body("collected"), "");
      await box.put("a1", body("tipped"), "");
      await box.put("a2", body("collected"), "");
      await vi.advanceTimersByTimeAsync(40_000);
      // taps and a network that comes back do not make the time longer
      for (let tap = 0; tap < 8; tap++) await box.flush();
      expect(got).toEqual([]);
      await vi.advanceTimersByTimeAsync(60_000);
      await vi.waitFor(() => expect(got).toEqual(["a1", "a2"]));
      expect(states(box)).toEqual(["bad aside", "a1 received", "a2 received"]);
      expect([box.waiting, box.aside]).toEqual([0, 1]);
      await vi.waitFor(() => expect(idle).toHaveBeenCalled());
      expect((await phone.getAll("reports"))[0]).toMatchObject({ state: "aside", problem: { code: "unexpected" } });

      const before = tried.length;
      await box.put("a3", body("collected"), "");
      await vi.waitFor(() => expect(got).toEqual(["a1", "a2", "a3"]));
      await vi.advanceTimersByTimeAsync(300_000);
      expect(tried.slice(before)).toEqual(["a3"]);
      await vi.advanceTimersByTimeAsync(300_000);
      expect(tried.slice(before)).toEqual(["a3", "bad"]);
      bad.clear();
      await vi.advanceTimersByTimeAsync(600_000);
      await vi.waitFor(() => expect(states(box)[0]).toBe("bad received"));
      expect(got).toEqual(["a1", "a2", "a3", "bad"]);
      expect(box.reports.value[0]).not.toHaveProperty("problem");
    });

    test("tries it at each restart, behind what waits in order", async () => {
      await phone.add("reports", { ...stored("bad"), state: "aside" });
      await phone.add("reports", stored("a1"));
      const { got, answer } = failingOn();
      const box = new Outbox(reportShelf(phone), "u1", answer);
      await box.open();
      await vi.waitFor(() => expect(box.aside).toBe(0));
      expect(got).toEqual(["a1", "bad"]);
    });

    test("does not let its correction pass it", async () => {
      await phone.add("reports", { ...stored("bad"), state: "aside" });
      const { got, tried, bad, answer } = failingOn("bad");
      const box = new Outbox(reportShelf(phone), "u1", answer);
      await box.open();
      await box.put("undo", { ...body("corrected"), corrects: "bad" }, "");
      await box.put("a1", body("collected"), "");
      await vi.waitFor(() => expect(got).toEqual(["a1"]));
      await vi.waitFor(() => expect(states(box)).toEqual(["bad aside", "undo aside", "a1 received"]));
      expect(box.waiting).toBe(0);
      expect(tried).not.toContain("undo");
      bad.clear();
      await vi.advanceTimersByTimeAsync(600_000);
      await vi.waitFor(() => expect(got).toEqual(["a1", "bad", "undo"]));
    });

    test("goes on without a call for help, which is tried on at its pace", async () => {
      const { got, tried, bad, answer } = failingOn("help");
      const box = new Outbox(reportShelf(phone), "u1", answer);
      await box.open();
      await box.put("help", body("sos"), "");
      await box.put("undo", { ...body("corrected"), corrects: "help" }, "");
      await box.put("a1", body("collected"), "");
      await vi.advanceTimersByTimeAsync(120_000);
      await vi.waitFor(() => expect(got).toEqual(["a1"]));
      const before = tried.length;
      await vi.advanceTimersByTimeAsync(120_000);
      expect(tried.slice(before).filter(id => id === "help").length).toBeGreaterThanOrEqual(3);
      bad.clear();
      await vi.advanceTimersByTimeAsync(31_000);
      await vi.waitFor(() => expect(got).toEqual(["a1", "help", "undo"]));
    });

    test("but keeps the order for as long as the database, or the network, is away", async () => {
      const tried = new Set<string>();
      const away = [new Refused(503, { code: "database_away" }), new Unreachable("502"), new Refused(429, {})];
      let at = 0;
      const box = new Outbox(reportShelf(phone), "u1", async id => {
        tried.add(id);
        throw away[at++ % away.length];
      });
      await box.open();
      await box.put("a1", body("collected"), "");
      await box.put("a2", body("tipped"), "");
      await vi.advanceTimersByTimeAsync(3_600_000);
      expect([...tried]).toEqual(["a1"]);
      expect(at).toBeGreaterThan(50);
      expect(box.waiting).toBe(2);
    });
  });

  test("keeps a refused report with its reason and goes on with the next", async () => {
    const box = new Outbox(reportShelf(phone), "u1", async id => {
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
    const box = new Outbox(reportShelf(phone), "u1", async () => {
      throw new Refused(401, {});
    });
    await box.open();
    await box.put("a1", body("collected"), "");
    await box.flush();
    expect(box.reports.value[0]?.state).toBe("saved");
  });

  test("does not send another driver's reports", async () => {
    const before = new Outbox(reportShelf(phone), "u1", offline);
    await before.open();
    await before.put("a1", body("collected"), "");
    const { got, send } = office();
    const after = new Outbox(reportShelf(phone), "u2", send);
    await after.open();
    await after.flush();
    expect(got).toEqual([]);
    expect(after.reports.value).toEqual([]);
  });

  test("refuses to hold one id twice: a tap is one report", async () => {
    const box = new Outbox(reportShelf(phone), "u1", offline);
    await box.open();
    await box.put("a1", body("collected"), "");
    await expect(box.put("a1", body("collected"), "")).rejects.toThrow();
    expect(await phone.count("reports")).toBe(1);
  });

  test("holds reports until the office has told the time, and corrects what a wrong clock stamped, with a mark", async () => {
    const sent: DriverActionBody[] = [];
    const send: Send = async (_, one) => {
      sent.push(one);
    };
    let told = false;
    const box = new Outbox(reportShelf(phone), "u1", send, { mayGo: () => told });
    await box.open();
    await box.put("a1", { kind: "collected", event_time_ms: DAY_MS + 5 }, "", true);
    await box.put("a2", { kind: "tipped", event_time_ms: 9 }, "");
    await box.flush();
    expect(sent).toEqual([]);
    told = true;
    await box.correct(DAY_MS);
    await box.flush();
    expect(sent).toEqual([
      { kind: "collected", event_time_ms: 5, clock_ahead_ms: DAY_MS },
      { kind: "tipped", event_time_ms: 9 },
    ]);
    expect((await phone.getAll("reports")).map(one => one.state)).toEqual(["received", "received"]);
  });

  test("put right when the time is told, rows that come and go later do not have it done again", async () => {
    const box = new Outbox(reportShelf(phone), "u1", offline);
    await box.open();
    await box.put("a1", body("collected"), "", true);
    let times = 0;
    const end = effect(() => {
      times++;
      void box.correct(0);
      void box.flush();
    });
    await box.put("a2", body("collected"), "");
    await box.flush();
    end();
    expect(times).toBe(1);
  });

  test("sends what a full phone cannot keep, in order, and says so", async () => {
    let full = false;
    const write = async <T>(what: () => Promise<T>): Promise<T> => {
      if (full) throw new DOMException("no room", "QuotaExceededError");
      return await what();
    };
    const shelf = reportShelf(phone);
    const { got, send } = office();
    let network = false;
    const box = new Outbox(
      { ...shelf, add: row => write(() => shelf.add(row)), put: row => write(() => shelf.put(row)) },
      "u1",
      async (id, one) => (network ? send(id, one) : offline(id, one)),
    );
    await box.open();
    await box.put("a1", body("collected"), "");
    full = true;
    await box.put("a2", body("tipped"), "");
    expect(box.full.value).toBe(true);
    expect(box.waiting).toBe(2);
    await vi.waitFor(() => expect(box.reports.value[0]?.state).toBe("saved"));
    network = true;
    await box.flush();
    await vi.waitFor(() => expect(box.waiting).toBe(0));
    expect(got).toEqual(["a1", "a2"]);
    full = false;
    await box.put("a3", body("collected"), "");
    expect(box.full.value).toBe(false);
    // what could not be written as received is sent again after a restart: the same under its id
    expect((await phone.getAll("reports")).map(one => one.action_id)).toEqual(["a1", "a3"]);
  });

  test("a correction of rows that wait does not call back one that has left meanwhile", async () => {
    const shelf = reportShelf(phone);
    let slow = false;
    const put: typeof shelf.put = async row => {
      if (slow) await new Promise(resolve => setTimeout(resolve, 30));
      return shelf.put(row);
    };
    const { send } = office();
    const box = new Outbox({ ...shelf, put }, "u1", send, { mayGo: () => slow });
    await box.open();
    await box.put("a1", { kind: "collected", event_time_ms: 9 }, "", true);
    await box.put("a2", { kind: "collected", event_time_ms: 9 }, "", true);
    slow = true;
    await Promise.all([box.correct(5), box.flush()]);
    await vi.waitFor(() => expect(box.waiting).toBe(0));
    expect(box.reports.value.map(one => one.state)).toEqual(["received", "received"]);
  });
});

const DAY_MS = 86_400_000;
const JPEG = new Uint8Array([0xff, 0xd8, 0xff, 0xd9]);
const TAKEN = { taken_ms: 7, stop_id: "s1", place: [-8.6, 41.15] as [number, number] };

describe("photos", () => {
  /** An outbox and a photo box on one phone, as the page has them. */
  const both = async (send: Send, sendPhoto: SendPhoto) => {
    let photos: PhotoBox | null = null;
    const box = new Outbox(reportShelf(phone), "u1", send, { onIdle: () => void photos?.flush() });
    photos = new PhotoBox(photoShelf(phone), "u1", sendPhoto, () => box.waiting === 0);
    await box.open();
    await photos.open();
    return { box, photos };
  };

  test("are on the phone when put returns, bound to their moment, and leave behind every report", async () => {
    const got: string[] = [];
    let office = false;
    const { box, photos } = await both(
      async id => {
        if (!office) throw new Unreachable("no answer");
        got.push(id);
      },
      async address => {
        got.push(address);
      },
    );
    await photos.put("p1", TAKEN, "Stop", JPEG);
    await vi.waitFor(() => expect(photos.waiting).toBe(0));
    await box.put("a1", body("skipped"), "");
    await photos.put("p2", TAKEN, "Stop", JPEG);
    await box.flush();
    expect(photos.waiting).toBe(1);
    office = true;
    await box.flush();
    await vi.waitFor(() => expect(photos.waiting).toBe(0));
    expect(got).toEqual([photoAddress("p1", TAKEN), "a1", photoAddress("p2", TAKEN)]);
    expect(photoAddress("p1", TAKEN)).toBe("/api/v1/photos/p1?taken_ms=7&stop_id=s1&lon=-8.6&lat=41.15");
  });

  test("are kept over a restart with their bytes, and let go of them only when the office has them", async () => {
    const before = await both(offline, async () => {
      throw new Unreachable("no answer");
    });
    await before.photos.put("p1", TAKEN, "Stop", JPEG);
    await before.photos.flush();
    expect((await phone.getAll("photos"))[0]?.bytes).toEqual(JPEG);
    const got: Uint8Array[] = [];
    const after = await both(office().send, async (_, bytes) => {
      got.push(bytes);
    });
    await vi.waitFor(() => expect(after.photos.waiting).toBe(0));
    expect(got).toEqual([JPEG]);
    expect((await phone.getAll("photos"))[0]).toMatchObject({ state: "received", bytes: new Uint8Array() });
  });

  test("stop on their way for a call for help, and are sent again after it under the same id", async () => {
    const got: string[] = [];
    const { box, photos } = await both(
      async id => {
        got.push(id);
      },
      async (address, _, signal) => {
        if (got.length) return void got.push(address);
        await new Promise((_resolve, stop) => signal.addEventListener("abort", () => stop(new Unreachable("stopped"))));
      },
    );
    await photos.put("p1", TAKEN, "Stop", JPEG);
    await vi.waitFor(() => expect(photos.rows.value[0]?.state).toBe("sending"));
    photos.giveWay();
    await box.put("sos", body("sos"), "");
    await vi.waitFor(() => expect(photos.waiting).toBe(0));
    expect(got).toEqual(["sos", photoAddress("p1", TAKEN)]);
  });

  test("go with the next report of their stop, once", async () => {
    const { photos } = await both(office().send, async () => undefined);
    await photos.put("p1", TAKEN, "Stop", JPEG);
    await photos.put("p2", { taken_ms: 8, facility_id: "f1" }, "Site", JPEG);
    expect(photos.loose({ stop_id: "s1" }).map(one => one.photo_id)).toEqual(["p1"]);
    expect(photos.loose({ facility_id: "f1" }).map(one => one.photo_id)).toEqual(["p2"]);
    await photos.attach(["p1"], "a1");
    expect(photos.loose({ stop_id: "s1" })).toEqual([]);
  });

  test("a refused one says why and holds up nothing; it goes with no report", async () => {
    const { photos } = await both(office().send, async address => {
      if (address.includes("bad")) throw new Refused(422, { code: "no_picture" });
    });
    await photos.put("bad", TAKEN, "Stop", JPEG);
    await photos.put("good", TAKEN, "Stop", JPEG);
    await vi.waitFor(() => expect(photos.waiting).toBe(0));
    expect(photos.rows.value).toMatchObject([
      { photo_id: "bad", state: "refused", problem: { code: "no_picture" } },
      { photo_id: "good", state: "received" },
    ]);
    expect(photos.loose({ stop_id: "s1" }).map(one => one.photo_id)).toEqual(["good"]);
  });

  test("have the hash anybody can make of their bytes, and edges that fit", async () => {
    expect(await sha256(new TextEncoder().encode("abc"))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    expect(fitted(8000, 6000)).toEqual([1600, 1200]);
    expect(fitted(1200, 1600)).toEqual([1200, 1600]);
    expect(fitted(20_000, 3)).toEqual([1600, 1]);
  });
});
