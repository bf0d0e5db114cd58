/** By when an alert is to be acknowledged and settled: two countdowns from the moment it was raised. Pure. */

import type { Alert, Session, Severity } from "../contract.ts";
import { handling, isSettled } from "./standing.ts";

export type Times = NonNullable<Session["deadlines"]>;

/** City time by which each is due; null = done, or nothing is due. */
export interface Due {
  ack_ms: number | null;
  settle_ms: number | null;
}

const NOTHING: Due = { ack_ms: null, settle_ms: null };

export function dueOf(alert: Alert, times: Times | undefined): Due {
  const allowed = times?.[alert.severity as Severity];
  if (!allowed || alert.state === "cancelled" || isSettled(alert)) return NOTHING;
  return {
    ack_ms: handling(alert) === "new" ? alert.raised_ms + allowed.ack_ms : null,
    settle_ms: alert.raised_ms + allowed.settle_ms,
  };
}

/** What is due next, and when; null = nothing. */
export function nextDue(alert: Alert, times: Times | undefined): { what: "ack" | "settle"; at_ms: number } | null {
  const { ack_ms, settle_ms } = dueOf(alert, times);
  if (ack_ms !== null && (settle_ms === null || ack_ms <= settle_ms)) return { what: "ack", at_ms: ack_ms };
  return settle_ms === null ? null : { what: "settle", at_ms: settle_ms };
}

/** What is due first comes first; of what nothing is due, last. */
export const byDeadline = (times: Times | undefined) => (a: Alert, b: Alert) =>
  (nextDue(a, times)?.at_ms ?? Number.MAX_SAFE_INTEGER) - (nextDue(b, times)?.at_ms ?? Number.MAX_SAFE_INTEGER);
