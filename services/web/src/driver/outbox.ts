/**
 * What a driver reports, kept on the phone first and sent in order until the office has it. There is no offline mode:
 * every report goes this way. An id made at the tap makes a report sent twice one report.
 */

import { signal } from "@preact/signals";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { DriverActionBody } from "../contract.ts";
import { type ProblemBody, Refused } from "../http.ts";

export type ReportState =
  | "saved" // on this phone
  | "sending"
  | "received" // the gateway has it
  | "refused"; // the gateway will never take it; `problem` says why

export interface StoredReport {
  /** Order of the taps. */
  seq?: number;
  action_id: string;
  user_id: string;
  body: DriverActionBody;
  /** What it was about, in words of the moment. */
  about: string;
  state: ReportState;
  problem?: ProblemBody;
}

interface Tables extends DBSchema {
  reports: { key: number; value: StoredReport; indexes: { action_id: string } };
  kept: { key: string; value: unknown };
}

export type Phone = IDBPDatabase<Tables>;

/** The phone's own storage. Throws where the browser forbids it (some private modes). */
export function openPhone(name = "qingyun-driver"): Promise<Phone> {
  return openDB<Tables>(name, 1, {
    upgrade(db) {
      const reports = db.createObjectStore("reports", { keyPath: "seq", autoIncrement: true });
      reports.createIndex("action_id", "action_id", { unique: true });
      db.createObjectStore("kept");
    },
  });
}

/** Received reports older than this many are forgotten. */
const RECEIVED_KEPT = 300;
const BACK_OFF_MS = { first: 1_000, most: 30_000 } as const;

export type Send = (action_id: string, body: DriverActionBody) => Promise<unknown>;

export class Outbox {
  /** All reports of this user, oldest first. */
  readonly reports = signal<StoredReport[]>([]);
  readonly #phone: Phone;
  readonly #user_id: string;
  readonly #send: Send;
  #flushing: Promise<void> | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;
  #backOff_ms: number = BACK_OFF_MS.first;

  constructor(phone: Phone, user_id: string, send: Send) {
    this.#phone = phone;
    this.#user_id = user_id;
    this.#send = send;
  }

  /** Read what an earlier run of the page left, and go on sending it. */
  async open(): Promise<void> {
    const all = await this.#phone.getAll("reports");
    // a page closed while sending does not know whether it arrived: the same id is sent again
    this.reports.value = all
      .filter(one => one.user_id === this.#user_id)
      .map(one => (one.state === "sending" ? { ...one, state: "saved" } : one));
    void this.flush();
  }

  get waiting(): number {
    return this.reports.value.filter(one => one.state === "saved" || one.state === "sending").length;
  }

  /** Keep a report. It is on the phone when this returns; sending goes on behind. */
  async put(action_id: string, body: DriverActionBody, about: string): Promise<void> {
    const report: StoredReport = { action_id, user_id: this.#user_id, body, about, state: "saved" };
    const seq = await this.#phone.add("reports", report);
    this.reports.value = [...this.reports.value, { ...report, seq }];
    void this.flush();
  }

  /** Send what waits, in order, until all is received or the network is gone. One flush at a time. */
  flush(): Promise<void> {
    clearTimeout(this.#again);
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #flushAll(): Promise<void> {
    for (;;) {
      const next = this.reports.value.find(one => one.state === "saved");
      if (!next) break;
      if (!(await this.#sendOne(next))) return this.#tryLater();
    }
    this.#backOff_ms = BACK_OFF_MS.first;
    await this.#forgetOld();
  }

  /** False: no answer or not now. The order is kept, so nothing behind it is tried. */
  async #sendOne(report: StoredReport): Promise<boolean> {
    this.#show(report, "sending");
    try {
      await this.#send(report.action_id, report.body);
      await this.#settle({ ...report, state: "received" });
      return true;
    } catch (problem) {
      if (problem instanceof Refused && problem.final) {
        await this.#settle({ ...report, state: "refused", problem: problem.body });
        return true;
      }
      this.#show(report, "saved");
      return false;
    }
  }

  #show(report: StoredReport, state: ReportState): void {
    this.reports.value = this.reports.value.map(one => (one.action_id === report.action_id ? { ...one, state } : one));
  }

  async #settle(report: StoredReport): Promise<void> {
    await this.#phone.put("reports", report);
    this.reports.value = this.reports.value.map(one => (one.action_id === report.action_id ? report : one));
  }

  #tryLater(): void {
    this.#again = setTimeout(() => void this.flush(), this.#backOff_ms);
    this.#backOff_ms = Math.min(this.#backOff_ms * 2, BACK_OFF_MS.most);
  }

  async #forgetOld(): Promise<void> {
    const received = this.reports.value.filter(one => one.state === "received");
    const old = new Set(received.slice(0, Math.max(0, received.length - RECEIVED_KEPT)));
    for (const one of old) if (one.seq !== undefined) await this.#phone.delete("reports", one.seq);
    if (old.size) this.reports.value = this.reports.value.filter(one => !old.has(one));
  }
}
