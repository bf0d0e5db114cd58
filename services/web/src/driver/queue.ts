/**
 * Rows that wait on the phone until the office has them: kept first, sent behind, in order, one at a time; what is urgent
 * goes before all others. A row's own id makes what is sent twice one thing.
 */

import { signal } from "@preact/signals";
import { type ProblemBody, Refused } from "../http.ts";

export type ReportState =
  | "saved" // on this phone
  | "sending"
  | "received" // the gateway has it
  | "refused"; // the gateway will never take it; `problem` says why

export interface Queued {
  /** Order of the taps. */
  seq?: number;
  user_id: string;
  state: ReportState;
  problem?: ProblemBody;
}

/** Where rows are kept. */
export interface Shelf<Row> {
  all(): Promise<Row[]>;
  /** Returns the row's place in the order. */
  add(row: Row): Promise<number>;
  put(row: Row): Promise<unknown>;
  remove(seq: number): Promise<unknown>;
}

const BACK_OFF_MS = { first: 1_000, most: 30_000 } as const;

interface Options {
  /** Received rows older than this many are forgotten. */
  kept: number;
  /** Whether rows may leave now. */
  mayGo?: () => boolean;
  /** Nothing waits any more. */
  onIdle?: () => void;
}

/** One pass at a time; after one that left something undone the next comes by itself, later each time. */
class Lane {
  readonly #pass: () => Promise<boolean>;
  #running: Promise<void> | null = null;
  /** Somebody asked while a pass was on its way, which may have looked already. */
  #asked = false;
  #again: ReturnType<typeof setTimeout> | undefined;
  #backOff_ms: number = BACK_OFF_MS.first;

  /** `pass` says whether it did all it could do now. */
  constructor(pass: () => Promise<boolean>) {
    this.#pass = pass;
  }

  run(): Promise<void> {
    clearTimeout(this.#again);
    this.#asked = true;
    this.#running ??= this.#runAll();
    return this.#running;
  }

  async #runAll(): Promise<void> {
    let done = true;
    try {
      while (this.#asked && done) {
        this.#asked = false;
        done = await this.#pass();
      }
    } finally {
      // together with the last look at what was asked: whoever asks from now on begins anew
      this.#running = null;
    }
    if (done) {
      this.#backOff_ms = BACK_OFF_MS.first;
      return;
    }
    this.#again = setTimeout(() => void this.run(), this.#backOff_ms);
    this.#backOff_ms = Math.min(this.#backOff_ms * 2, BACK_OFF_MS.most);
  }
}

export abstract class Queue<Row extends Queued> {
  /** All rows of this user, oldest first. */
  readonly rows = signal<Row[]>([]);
  /** The phone's storage took no more: rows are here only as long as the page is, and are sent all the same. */
  readonly full = signal(false);
  readonly #shelf: Shelf<Row>;
  readonly #user_id: string;
  readonly #options: Options;
  readonly #urgent = new Lane(() => this.#sendUrgent());
  readonly #inOrder = new Lane(() => this.#sendInOrder());
  /** Places of rows that are only here; the shelf counts from 1. */
  #unkept = 0;

  constructor(shelf: Shelf<Row>, user_id: string, options: Options) {
    this.#shelf = shelf;
    this.#user_id = user_id;
    this.#options = options;
  }

  /** Send one row; throws what `http` throws. */
  protected abstract send(row: Row): Promise<unknown>;

  /** Whether a row is not to wait for others. */
  protected urgent(_row: Row): boolean {
    return false;
  }

  /** The row as it stays on the phone once the office has it. */
  protected received(row: Row): Row {
    return row;
  }

  /** Read what an earlier run of the page left, and go on sending it. */
  async open(): Promise<void> {
    const all = await this.#shelf.all();
    // a page closed while sending does not know whether it arrived: the same id is sent again
    this.rows.value = all
      .filter(one => one.user_id === this.#user_id)
      .map(one => (one.state === "sending" ? { ...one, state: "saved" } : one));
    void this.flush();
  }

  get waiting(): number {
    return this.rows.value.filter(one => one.state === "saved" || one.state === "sending").length;
  }

  /** Keep a row. It is on the phone when this returns, unless that is `full`; sending goes on behind. */
  protected async keep(row: Row): Promise<void> {
    const seq = await this.#shelf.add(row).then(
      place => {
        this.full.value = false;
        return place;
      },
      (problem: unknown) => {
        if ((problem as Error).name === "ConstraintError") throw problem; // its id is there already
        this.full.value = true;
        return --this.#unkept;
      },
    );
    this.rows.value = [...this.rows.value, { ...row, seq }];
    void this.flush();
  }

  /** Change rows that wait, before they leave. */
  protected async change(edit: (row: Row) => Row): Promise<void> {
    // whoever has it done is not to be asked again by each row that goes
    for (const one of this.rows.peek()) {
      // it may have left while another was written
      const row = this.#now(one);
      const edited = edit(row);
      if (edited !== row) await this.#settle(row, edited);
    }
  }

  /** Send what waits until all is received or the network is gone: the urgent first, all others in order. */
  async flush(): Promise<void> {
    await Promise.all([this.#urgent.run(), this.#inOrder.run()]);
  }

  /** Each urgent row once: one that fails holds up none that may get through. False: some still wait. */
  async #sendUrgent(): Promise<boolean> {
    const tried = new Set<number | undefined>();
    for (;;) {
      const next = this.rows.peek().find(one => this.#waitsUrgently(one) && !tried.has(one.seq));
      if (!next) break;
      if (this.#options.mayGo?.() === false) return true;
      tried.add(next.seq);
      await this.#sendOne(next);
    }
    // what it held up
    if (tried.size) void this.#inOrder.run();
    return !this.rows.peek().some(one => this.#waitsUrgently(one));
  }

  async #sendInOrder(): Promise<boolean> {
    for (;;) {
      const rows = this.rows.peek();
      if (rows.some(one => this.#waitsUrgently(one))) return true;
      const next = rows.find(one => one.state === "saved");
      if (!next) break;
      if (this.#options.mayGo?.() === false) return true;
      if (!(await this.#sendOne(next))) return false;
    }
    await this.#forgetOld();
    this.#options.onIdle?.();
    return true;
  }

  #waitsUrgently(row: Row): boolean {
    return (row.state === "saved" || row.state === "sending") && this.urgent(row);
  }

  /** False: no answer or not now. The order is kept, so nothing in order behind it is tried. */
  async #sendOne(row: Row): Promise<boolean> {
    const sending = this.#show(row, { ...row, state: "sending" });
    try {
      await this.send(row);
      await this.#settle(sending, { ...this.received(this.#now(sending)), state: "received" });
      return true;
    } catch (problem) {
      if (problem instanceof Refused && problem.final) {
        await this.#settle(sending, { ...this.#now(sending), state: "refused", problem: problem.body });
        return true;
      }
      this.#show(sending, { ...this.#now(sending), state: "saved" });
      return false;
    }
  }

  /** The row as it stands by now. */
  #now(row: Row): Row {
    return this.rows.peek().find(one => one.seq === row.seq) ?? row;
  }

  #show(row: Row, as: Row): Row {
    this.rows.value = this.rows.peek().map(one => (one.seq === row.seq ? as : one));
    return as;
  }

  /** What cannot be written is sent again after a restart, under the same id. */
  async #settle(row: Row, as: Row): Promise<void> {
    this.#show(row, as);
    if ((as.seq ?? 0) > 0) await this.#shelf.put(as).catch(() => undefined);
  }

  async #forgetOld(): Promise<void> {
    const received = this.rows.peek().filter(one => one.state === "received");
    const old = new Set(received.slice(0, Math.max(0, received.length - this.#options.kept)));
    for (const one of old) if (one.seq !== undefined) await this.#shelf.remove(one.seq).catch(() => undefined);
    if (old.size) this.rows.value = this.rows.value.filter(one => !old.has(one));
  }
}
