/** How far a truck is along its plan, from what drivers reported. Pure: the same for the phone and for the desk. */

import type { CollectionDue, DriverAction, PlanVisit, TruckPlan } from "../contract.ts";

/** A report as progress sees it; one that waits on the phone counts like one received. */
export type Report = Pick<
  DriverAction,
  "action_id" | "kind" | "event_time_ms" | "stop_id" | "facility_id" | "plan_version" | "corrects"
> & { waiting?: boolean };

export interface NumberedVisit {
  visit: PlanVisit;
  /** 1, 2, 3 … over stops and tips; null for start, break and end. */
  number: number | null;
  /** Place of the visit in the plan. */
  index: number;
}

/** A plan made shortly after a report may not have known it yet: such a stop is still done. */
const PLANNER_UNAWARE_MS = 10 * 60_000;

export function numbered(plan: TruckPlan | null | undefined): NumberedVisit[] {
  let number = 0;
  return (plan?.visits ?? []).map((visit, index) => {
    const kind = visit.kind ?? "collect";
    return { visit, index, number: kind === "collect" || kind === "tip" ? ++number : null };
  });
}

/** Reports that stand: without corrections and without what they took back. */
export function standing<R extends Report>(reports: readonly R[]): R[] {
  const corrected = new Set(reports.filter(one => one.kind === "corrected").map(one => one.corrects));
  return reports.filter(one => one.kind !== "corrected" && !corrected.has(one.action_id));
}

/** The visits that remain, in order. `due` (the desk has it) also ends a stop: a bin no longer due is done. */
export function remaining(
  plan: TruckPlan | null | undefined,
  reports: readonly Report[],
  due?: (place_id: string) => CollectionDue | undefined,
): NumberedVisit[] {
  if (!plan) return [];
  const valid = standing(reports);
  const used = new Set<Report>();
  return numbered(plan).filter(({ visit }) => {
    const kind = visit.kind ?? "collect";
    if (kind === "start") return false;
    const report = valid.find(one => !used.has(one) && ends(one, visit, plan));
    if (report) used.add(report);
    return !report && !(kind === "collect" && noLongerDue(visit, plan, due));
  });
}

function ends(report: Report, visit: PlanVisit, plan: TruckPlan): boolean {
  const ofThisPlan = report.plan_version === plan.plan_version || report.waiting === true;
  switch (visit.kind ?? "collect") {
    case "collect":
      return (
        (report.kind === "collected" || report.kind === "skipped") &&
        report.stop_id === visit.stop_id &&
        (ofThisPlan || report.event_time_ms >= plan.made_ms - PLANNER_UNAWARE_MS)
      );
    case "tip":
      // a truck may tip at one place many times a day: only a tip under this plan is this visit
      return report.kind === "tipped" && report.facility_id === visit.facility_id && ofThisPlan;
    case "break":
      return report.kind === "break_end" && (ofThisPlan || report.event_time_ms >= plan.made_ms);
    case "end":
      return report.kind === "off_duty" && report.event_time_ms >= plan.made_ms;
    default:
      return true;
  }
}

function noLongerDue(
  visit: PlanVisit,
  plan: TruckPlan,
  due?: (place_id: string) => CollectionDue | undefined,
): boolean {
  const record = visit.order_id ? undefined : due?.(visit.stop_id ?? "");
  return record !== undefined && !record.due && record.at_ms >= plan.made_ms;
}

/** Whether the driver is on a break now. */
export function onBreak(reports: readonly Report[]): boolean {
  const last = standing(reports)
    .filter(one => one.kind === "break_start" || one.kind === "break_end")
    .reduce<Report | null>((latest, one) => (latest && latest.event_time_ms > one.event_time_ms ? latest : one), null);
  return last?.kind === "break_start";
}

/** How late the next visit already is, ms; 0 = in time. Only a lower bound: the truck is not there yet. */
export function lateness(left: readonly NumberedVisit[], now_ms: number): number {
  const next = left[0]?.visit;
  return next ? Math.max(0, now_ms - next.arrive_ms) : 0;
}
