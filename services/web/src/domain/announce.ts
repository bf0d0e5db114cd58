/** When a turn is spoken: once from far, once near. Pure. */

import type { Guidance, TurnAhead } from "./guidance.ts";

/** Said before a turn, m; at 14 m/s (50 km/h) the first is 21 s ahead, the second 5 s. */
const FAR_M = 300;
const NEAR_M = 70;

/** What has been said of the way so far. */
export interface Said {
  at_m: number;
  code: string;
  near: boolean;
}

export interface Announcement {
  turn: TurnAhead;
  /** m to say before it; null = now. */
  in_m: number | null;
  said: Said;
}

/** What is to be said now, if anything. `said`: what this gave last on this way. */
export function announcement(guidance: Guidance, said: Said | null): Announcement | null {
  if (!guidance.on) return null;
  const { turn, ahead_m } = guidance;
  const known = said !== null && said.at_m === turn.at_m && said.code === turn.code;
  const near = ahead_m <= NEAR_M;
  if (ahead_m > FAR_M || (known && (said.near || !near))) return null;
  return {
    turn,
    in_m: near ? null : Math.round(ahead_m / 50) * 50,
    said: { at_m: turn.at_m, code: turn.code, near },
  };
}
