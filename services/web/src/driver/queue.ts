/**
 * Rows that wait on the phone until the office has them: kept first, sent behind, in order, one at a time; what is urgent
 * goes before all others. A row's own id makes what is sent twice one thing.
 */

import { signal } from "@preact/signals";
import { type ProblemBody, Refused } from "../http.ts";

export type ReportState =
  | "saved" // on this phone
  | "sending"
  | "aside" // the gateway failed on it again and again; others go on, it is tried now and then
  | "received" // the gateway has it
  | "refused"; // the gateway will never take it

export interface Queued {
  /** Order of the taps. */
  seq?: number;
  user_id: string;
  state: ReportState;
  /** Why it is aside or refused. */
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

/** A row that the gateway fails on so often, for so long, holds up no others any more. */
const STEPS_ASIDE = { tries: 8, after_ms: 60_000 } as const;
/** What is aside is tried again so often, and when the page is opened. */
const ASIDE_EVERY_MS = 10 * 60_000;

interface Options {
  /** Received rows older than this many are forgotten. */
  kept: number;
  /** Whether rows may leave now. */
  mayGo?: () => boolean;
  /** Nothing waits any more. */
  onIdle?: () => void;
}

const waits = (row: Queued): boolean => row.state === "saved" || row.state === "sending";

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
  /** How often the gateway failed on a row, since when. */
  readonly #failed = new Map<number | undefined, { tries: number; since_ms: number }>();
  /** Rows aside whose turn has come. */
  readonly #due = new Set<number | undefined>();
  #slow: ReturnType<typeof setTimeout> | undefined;

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

  /** Whether a row says nothing before another has arrived. */
  protected follows(_row: Row, _other: Row): boolean {
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
    this.#callAside();
    void this.flush();
  }

  /** What goes out in order as soon as it can. */
  get waiting(): number {
    return this.rows.value.filter(waits).length;
  }

  /** What others have passed. */
  get aside(): number {
    return this.rows.value.filter(one => one.state === "aside").length;
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
    const left = () =>
      this.rows.peek().find(one => (waits(one) || one.state === "aside") && this.urgent(one) && !tried.has(one.seq));
    for (;;) {
      const next = left();
      if (!next) break;
      if (this.#options.mayGo?.() === false) return true;
      tried.add(next.seq);
      await this.#sendOne(next);
    }
    // what it held up
    if (tried.size) void this.#inOrder.run();
    tried.clear();
    return !left();
  }

  async #sendInOrder(): Promise<boolean> {
    for (;;) {
      const rows = this.rows.peek();
      if (rows.some(one => waits(one) && this.urgent(one))) return true;
      const next = rows.find(one => one.state === "saved") ?? rows.find(one => this.#mayComeBack(one));
      if (!next) break;
      if (this.#isBehindAside(next)) {
        // its turn comes when the other has arrived
        this.#due.add(next.seq);
        await this.#settle(next, { ...next, state: "aside" });
        continue;
      }
      if (this.#options.mayGo?.() === false) return true;
      if (!(await this.#sendOne(next))) return false;
    }
    await this.#forgetOld();
    this.#options.onIdle?.();
    return true;
  }

  #mayComeBack(row: Row): boolean {
    return row.state === "aside" && this.#due.has(row.seq) && !this.#isBehindAside(row);
  }

  #isBehindAside(row: Row): boolean {
    return this.rows.peek().some(one => one.state === "aside" && this.follows(row, one));
  }

  /** Let what is aside be tried once more, now and every so often. */
  #callAside(): void {
    clearTimeout(this.#slow);
    this.#slow = undefined;
    for (const one of this.rows.peek()) if (one.state === "aside" && !this.urgent(one)) this.#due.add(one.seq);
  }

  #callAsideLater(): void {
    if (this.#slow !== undefined || !this.rows.peek().some(one => one.state === "aside")) return;
    this.#slow = setTimeout(() => {
      this.#callAside();
      void this.flush();
    }, ASIDE_EVERY_MS);
  }

  /** False: no answer or not now. The order is kept, so nothing in order behind it is tried. */
  async #sendOne(row: Row): Promise<boolean> {
    // what is aside stays so in everybody's eyes until it is received
    const sending = row.state === "aside" ? row : this.#show(row, { ...row, state: "sending" });
    try {
      await this.send(row);
      const { problem: _, ...known } = this.received(this.#now(sending));
      await this.#settle(sending, { ...(known as Row), state: "received" });
      this.#forgetFailures(row);
      return true;
    } catch (problem) {
      const now = this.#now(sending);
      if (problem instanceof Refused && problem.final) {
        await this.#settle(sending, { ...now, state: "refused", problem: problem.body });
        this.#forgetFailures(row);
        return true;
      }
      const aside = row.state === "aside";
      if (aside || (problem instanceof Refused && problem.itself && this.#failsAgain(row))) {
        if (!aside) await this.#settle(sending, { ...now, state: "aside", problem: (problem as Refused).body });
        this.#forgetFailures(row);
        this.#callAsideLater();
        return true;
      }
      this.#show(sending, { ...now, state: "saved" });
      return false;
    }
  }

  /** Whether the gateway failed on it often enough, and for long enough: taps make tries quickly. */
  #failsAgain(row: Row): boolean {
    const failed = this.#failed.get(row.seq) ?? { tries: 0, since_ms: Date.now() };
    failed.tries++;
    this.#failed.set(row.seq, failed);
    return failed.tries >= STEPS_ASIDE.tries && Date.now() - failed.since_ms >= STEPS_ASIDE.after_ms;
  }

  #forgetFailures(row: Row): void {
    this.#failed.delete(row.seq);
    this.#due.delete(row.seq);
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
