/**
 * What a driver reports, kept on the phone first and sent in order until the office has it, a call for help before all
 * others. There is no offline mode: every report goes this way. An id made at the tap makes a report sent twice one report.
 */

import type { DriverActionBody } from "../contract.ts";
import { Queue, type Queued, type Shelf } from "./queue.ts";

export interface StoredReport extends Queued {
  action_id: string;
  body: DriverActionBody;
  /** What it was about, in words of the moment. */
  about: string;
  /** Stamped by a clock that the office had not confirmed since the page was opened. */
  guessed?: boolean;
}

const RECEIVED_KEPT = 300;

export type Send = (action_id: string, body: DriverActionBody) => Promise<unknown>;

interface Options {
  /** Received reports older than this many are forgotten. */
  kept?: number;
  mayGo?: () => boolean;
  onIdle?: () => void;
}

export class Outbox extends Queue<StoredReport> {
  readonly #user_id: string;
  readonly #send: Send;

  constructor(shelf: Shelf<StoredReport>, user_id: string, send: Send, options: Options = {}) {
    super(shelf, user_id, { kept: RECEIVED_KEPT, ...options });
    this.#user_id = user_id;
    this.#send = send;
  }

  /** All reports of this user, oldest first. */
  get reports() {
    return this.rows;
  }

  protected override send(row: StoredReport): Promise<unknown> {
    return this.#send(row.action_id, row.body);
  }

  protected override urgent({ body }: StoredReport): boolean {
    return body.kind === "sos" || body.kind === "breakdown";
  }

  /** A correction that comes before what it corrects is passed over. */
  protected override follows({ body }: StoredReport, other: StoredReport): boolean {
    return body.corrects === other.action_id;
  }

  /** Keep a report. It is on the phone when this returns. */
  put(action_id: string, body: DriverActionBody, about: string, guessed = false): Promise<void> {
    const mark = guessed ? { guessed } : {};
    return this.keep({ action_id, user_id: this.#user_id, body, about, state: "saved", ...mark });
  }

  /** The office told the time, and the clock that guessed was `ahead_ms` ahead: what it stamped is corrected, with a mark. */
  async correct(ahead_ms: number): Promise<void> {
    await this.change(row => {
      if (!row.guessed || row.state !== "saved") return row;
      const { guessed: _, ...known } = row;
      if (ahead_ms === 0) return known;
      const event_time_ms = row.body.event_time_ms - ahead_ms;
      return { ...known, body: { ...row.body, event_time_ms, clock_ahead_ms: ahead_ms } };
    });
  }
}
