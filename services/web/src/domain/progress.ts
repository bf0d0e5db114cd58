/** How far a truck is along its plan, from what drivers reported. Pure: the same for the phone and for the desk. */

import type { CollectionDue, DriverAction, LonLat, PlanVisit, TruckPlan } from "../contract.ts";
import { distanceM } from "./places.ts";

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
      // a truck may tip at one place many times a day: only a tip since this plan was made is this visit, also when
      // the driver had not seen the plan yet
      return (
        report.kind === "tipped" &&
        report.facility_id === visit.facility_id &&
        (ofThisPlan || report.event_time_ms >= plan.made_ms)
      );
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

/** Nearer than this a truck counts as there, as it does for the planner: GPS noise, the width of a street, a gate. */
const AT_PLACE_M = 80;

/**
 * How late the next visit is already, ms; 0 = in time. Only a lower bound while the truck is on its way; there, it is
 * late when it should have left. Nobody waits for a truck that only has to come home.
 */
export function lateness(left: readonly NumberedVisit[], place: LonLat | null, now_ms: number): number {
  const next = left[0]?.visit;
  if (!next || next.kind === "end") return 0;
  const there = place !== null && distanceM(place, [next.lon, next.lat]) <= AT_PLACE_M;
  return Math.max(0, now_ms - (there ? next.leave_ms : next.arrive_ms));
}
