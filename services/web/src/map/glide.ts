/**
 * Trucks glide from fix to fix instead of jumping. Nothing is made up: a truck is only ever drawn between two places
 * it reported, arriving at the newer one after as much wall time as lay between the two, at most `MOST_MS`.
 */

import type { LonLat } from "../contract.ts";

/** Longer glides would show the past; what is shown must be the present within 2 s. */
const MOST_MS = 1_500;
/** A jump further than this is not a drive: the truck was silent, or its clock or receiver was wrong. */
const JUMP_DEGREES = 0.01;

interface Leg {
  from: LonLat;
  to: LonLat;
  start_ms: number;
  takes_ms: number;
  event_time_ms: number;
}

export class Glide {
  readonly #legs = new Map<string, Leg>();

  /** A new place of a truck, known since `wall_ms`; `rate` = city seconds in a wall second. */
  moveTo(id: string, to: LonLat, event_time_ms: number, wall_ms: number, rate: number): void {
    const leg = this.#legs.get(id);
    if (leg && leg.event_time_ms === event_time_ms && leg.to[0] === to[0] && leg.to[1] === to[1]) return;
    const from = leg ? this.at(id, wall_ms) : null;
    const far = !from || Math.abs(from[0] - to[0]) > JUMP_DEGREES || Math.abs(from[1] - to[1]) > JUMP_DEGREES;
    const takes_ms = leg && !far ? Math.min(MOST_MS, Math.max(0, (event_time_ms - leg.event_time_ms) / rate)) : 0;
    this.#legs.set(id, { from: far ? to : from, to, start_ms: wall_ms, takes_ms, event_time_ms });
  }

  at(id: string, wall_ms: number): LonLat | null {
    const leg = this.#legs.get(id);
    if (!leg) return null;
    const done = leg.takes_ms ? Math.min(1, Math.max(0, (wall_ms - leg.start_ms) / leg.takes_ms)) : 1;
    return [leg.from[0] + (leg.to[0] - leg.from[0]) * done, leg.from[1] + (leg.to[1] - leg.from[1]) * done];
  }

  /** Whether anything is still under way. */
  moving(wall_ms: number): boolean {
    for (const leg of this.#legs.values()) if (wall_ms < leg.start_ms + leg.takes_ms) return true;
    return false;
  }

  forget(id: string): void {
    this.#legs.delete(id);
  }
}
