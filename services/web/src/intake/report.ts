/** A citizen's report as the gateway shows it to staff, and what a page needs to know of it. Pure. */

import type { LonLat } from "../contract.ts";

export const STATES = ["received", "filed", "dispatched", "handled", "verified", "closed", "declined"] as const;
export type ReportState = (typeof STATES)[number];

export interface ReportStep {
  step_id: string;
  number: number;
  state: ReportState;
  actor: string;
  reason: string | null;
  at_ms: number;
  due_ms: number | null;
}

export interface CitizenReport {
  report_id: string;
  kind: string;
  place: string | null;
  lon: number | null;
  lat: number | null;
  note: string | null;
  language: string;
  at_ms: number;
  has_photo: boolean;
  state: ReportState;
  since_ms: number;
  /** By when the next step should be there; null: none is to follow. */
  next_due_ms: number | null;
  next_states: ReportState[];
  steps: ReportStep[];
}

/** What waits longest past its time first; what is over last, newest first. */
export function byUrgency(a: CitizenReport, b: CitizenReport): number {
  const due = (one: CitizenReport) => one.next_due_ms ?? Number.POSITIVE_INFINITY;
  const [first, second] = [due(a), due(b)];
  if (first !== second) return first - second;
  return b.at_ms - a.at_ms || (a.report_id < b.report_id ? -1 : 1);
}

/** What the step into `to` is called where it goes back or begins again. */
export function stepName(from: ReportState, to: ReportState): "back" | "again" | Exclude<ReportState, "received"> {
  if (from === "handled" && to === "dispatched") return "back";
  if (from === "declined") return "again";
  return to === "received" ? "filed" : to;
}

/** Steps the gateway takes only with a reason (`services/gateway/report_steps.py` asks the same). */
export function needsReason(from: ReportState, to: ReportState): boolean {
  return to === "declined" || ["back", "again"].includes(stepName(from, to));
}

export function placeOf(report: CitizenReport): LonLat | null {
  return report.lon !== null && report.lat !== null ? [report.lon, report.lat] : null;
}
