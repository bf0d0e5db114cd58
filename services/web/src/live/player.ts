/**
 * Plays the past: a buffer of changes, a moment, a speed; gives the changes to apply as time goes on. Pure: whoever has
 * it fetches what it wants, tells it how much wall time has passed, and keeps the store.
 *
 * Changes come in steps: a delta says how things are at the end of its step. `sure_ms` is the end of the last one given
 * out; from there the changes can be asked for again, in other steps, without a gap.
 */

import type { Delta, PastChanges } from "../contract.ts";

export const SPEEDS = [1, 2, 5, 10, 30, 60, 300] as const;
export type Speed = (typeof SPEEDS)[number];

/** Pictures drawn in a second of the wall, as live has at most; fewer where there are many trucks. */
const PICTURES = { few: 4, many: 2 } as const;
const MANY_TRUCKS = 200;
const LEAST_STEP_MS = 1_000;
/** Wall time that is asked for at once, and below which more is asked for. */
const AHEAD_MS = { ask: 15_000, low: 8_000 } as const;
/** At the slowest speeds so much city time is asked for at least: a question costs the same whatever its span. */
const LEAST_SPAN_MS = 60_000;
/** The gateway tells at most so many steps at once. */
const MOST_STEPS = 300;

export interface Wanted {
  from_ms: number;
  to_ms: number;
  step_ms: number;
}

/** City time between two pictures at a speed. */
export function stepAt(speed: number, trucks: number): number {
  const pictures = trucks > MANY_TRUCKS ? PICTURES.many : PICTURES.few;
  return Math.max(LEAST_STEP_MS, Math.round((speed * 1_000) / pictures));
}

export class Player {
  #moment_ms: number;
  #sure_ms: number;
  /** Changes are known up to here. */
  #known_ms: number;
  #waiting: Delta[] = [];
  speed: number;

  constructor(at_ms: number, speed: number = 1) {
    this.#moment_ms = at_ms;
    this.#sure_ms = at_ms;
    this.#known_ms = at_ms;
    this.speed = speed;
  }

  get moment_ms(): number {
    return this.#moment_ms;
  }

  /** Whether it stands where nothing more is known yet. */
  get dry(): boolean {
    return this.#moment_ms >= this.#known_ms;
  }

  /** Play at another speed: what is buffered for the old one is asked for again in the new one's steps. */
  setSpeed(speed: number): void {
    if (speed === this.speed) return;
    this.speed = speed;
    this.#known_ms = this.#sure_ms;
    this.#waiting = [];
  }

  /** What to ask for next, not beyond `end_ms`; null while enough is known. */
  wants(end_ms: number, trucks: number): Wanted | null {
    const left_ms = (this.#known_ms - this.#moment_ms) / this.speed;
    if (left_ms > AHEAD_MS.low || this.#known_ms >= end_ms) return null;
    const step_ms = stepAt(this.speed, trucks);
    const from_ms = this.#known_ms;
    // after a change of speed the moment may be ahead of what is known
    const reach_ms = Math.max(from_ms, this.#moment_ms) + Math.max(LEAST_SPAN_MS, AHEAD_MS.ask * this.speed);
    return { from_ms, to_ms: Math.min(Math.round(reach_ms), end_ms, from_ms + MOST_STEPS * step_ms), step_ms };
  }

  /** More is known. An answer to a question that is no longer asked is passed over. */
  take(changes: Pick<PastChanges, "from_ms" | "to_ms" | "deltas">): void {
    if (changes.from_ms !== this.#known_ms) return;
    this.#waiting.push(...changes.deltas);
    this.#known_ms = changes.to_ms;
  }

  /** Let wall time pass; returns the changes up to the new moment, in order. It stops where nothing more is known. */
  advance(passed_ms: number): Delta[] {
    const wished_ms = this.#moment_ms + passed_ms * this.speed;
    this.#moment_ms = Math.max(this.#moment_ms, Math.min(wished_ms, this.#known_ms));
    const next = this.#waiting.findIndex(delta => delta.now_ms > this.#moment_ms);
    const due = this.#waiting.splice(0, next < 0 ? this.#waiting.length : next);
    this.#sure_ms = due.at(-1)?.now_ms ?? this.#sure_ms;
    return due;
  }
}
