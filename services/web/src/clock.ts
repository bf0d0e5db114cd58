/**
 * The city's clock. In a demonstration the city runs faster than the wall; everything people see is in city time,
 * so pages never ask the computer what time it is, only how long ago the gateway last told them.
 *
 * While somebody looks at the past, `now` and `rate` are of the moment shown; `cityNow` and `cityRate` never are.
 */

import { computed, signal } from "@preact/signals";
import type { ClockReading } from "./contract.ts";

interface Anchor extends ClockReading {
  /** `performance.now()` when the reading came. */
  at_ms: number;
}

let anchor: Anchor | null = null;

/** The gateway has told the time since the page was opened; before, it is reckoned from the phone's own clock. */
export const told = signal(false);

/** How far the phone's own clock is ahead of the gateway's, ms of the wall. Good to a second or two. */
export const phoneAhead = signal(0);

/** City seconds in one wall second. */
export const rate = signal(1);

/** City time, moved on about once a second: what ages and clocks on the page are drawn from. */
export const now = signal(0);

/** The moment of the past that is shown, UTC ms city time; null = what is shown is of now. */
export const moment = signal<number | null>(null);
export const inPast = computed(() => moment.value !== null);

/** The gateway answered, and dated its answer (HTTP `Date`). */
export function heardDate(date: string | null): void {
  const wall_ms = date === null ? Number.NaN : Date.parse(date);
  if (Number.isFinite(wall_ms)) phoneAhead.value = Date.now() - wall_ms;
}

/** The gateway told the time. */
export function setClock(reading: ClockReading, wall_ms: number = performance.now()): void {
  told.value = true;
  take(reading, wall_ms);
}

/** Small steps back are taken as delay on the way, so the clock does not jump. */
function take(reading: ClockReading, wall_ms: number): void {
  const shown_ms = cityNow(wall_ms);
  const sameRate = anchor?.rate === reading.rate;
  const behind_ms = shown_ms - reading.now_ms;
  if (anchor && sameRate && behind_ms > 0 && behind_ms < 2_000 * reading.rate) return;
  anchor = { ...reading, at_ms: wall_ms };
  if (moment.peek() === null) rate.value = reading.rate;
  if (now.value === 0) now.value = reading.now_ms;
}

/** Show a moment of the past, which moves on at `speed`; null: now again. `quietly`: what ages is not drawn again yet. */
export function showMoment(at_ms: number | null, speed = 1, quietly = false): void {
  moment.value = at_ms;
  rate.value = at_ms === null ? cityRate() : speed;
  if (!quietly) now.value = at_ms ?? cityNow();
}

/** City seconds in one wall second, whatever is shown. */
export function cityRate(): number {
  return anchor?.rate ?? 1;
}

/** A clock as it was kept, with what the phone's own said then. */
export interface KeptClock extends ClockReading {
  wall_ms: number;
}

/** City time by a kept clock and the phone's own: right as long as nobody sets that one meanwhile. */
export function reckoned(kept: KeptClock, wall_ms: number = Date.now()): number {
  return kept.now_ms + Math.max(0, wall_ms - kept.wall_ms) * kept.rate;
}

/** Take up the clock of an earlier run of the page, for a phone that starts without a network. */
export function restoreClock(kept: KeptClock): void {
  if (!anchor) take({ now_ms: reckoned(kept), rate: kept.rate }, performance.now());
}

/** City time now, UTC ms; 0 before the gateway told it. */
export function cityNow(wall_ms: number = performance.now()): number {
  if (!anchor) return 0;
  return Math.round(anchor.now_ms + (wall_ms - anchor.at_ms) * anchor.rate);
}

/** Move `now` on every second as long as the page lives. */
export function startClock(): void {
  setInterval(() => {
    if (anchor) now.value = moment.peek() ?? cityNow();
  }, 1_000);
}
