/** What the gateway counts for a period, as types; null = nobody measured it. And shares of it. Pure. */

import type { Severity } from "../contract.ts";

export interface Handled {
  raised: number;
  withdrawn: number;
  in_time: number;
  late: number;
  overdue: number;
  waiting: number;
  confirmed: number;
  dismissed: number;
}

export interface Loads {
  kg: number | null;
  loads: number;
  unknown_loads: number;
  rejected: number;
}

export interface ContractorRow extends Loads {
  /** "": trucks of which nobody says whose they are. */
  contractor_id: string;
  trucks: number;
  confirmed_alerts: number;
  confirmed_points: number;
  undecided_alerts: number;
  undecided_points: number;
  dismissed_alerts: number;
  collected: number;
  late_trucks: number;
}

export interface Figures {
  from_ms: number;
  to_ms: number;
  now_ms: number;
  /** Anything at all is recorded of the period. */
  heard: boolean;
  collections: {
    due: number;
    done: number;
    by_material: { material: string; due: number; done: number }[];
    collected: number;
    skipped: Record<string, number>;
  };
  overflows: { count: number; minutes: number; going_on: number };
  late: { trucks: number; worst_minutes: number | null };
  alerts: Handled & { by_rule: (Handled & { rule: string })[] };
  weighed: Loads & { by: (Loads & { facility_id: string; name: string | null; material: string | null })[] };
  balance: {
    receipts: number;
    compared: number;
    on_board_kg: number | null;
    weighed_kg: number | null;
    difference_kg: number | null;
    alerts: number;
    alerts_lost_kg: number | null;
    alerts_unknown: number;
  };
  contractors: ContractorRow[];
  reports: {
    sent: number;
    in_time: number;
    late: number;
    overdue: number;
    waiting: number;
    closed: number;
    declined: number;
  };
  series: { unit: "hour" | "day"; starts: number[] } & Record<SeriesName, (number | null)[]>;
  rules: {
    acknowledge_within_min: Record<Severity, number>;
    points: Record<Severity, number>;
    targets: Record<"collections_done" | "acknowledged_in_time" | "reports_in_time", number>;
  };
}

export const SERIES = ["weighed_kg", "collected", "alerts", "overflows"] as const;
export type SeriesName = (typeof SERIES)[number];

export type Answer = "in_time" | "late" | "overdue" | "waiting";
export const FIGURE_NAMES = [
  "due",
  "open",
  "overflows",
  "late",
  "skipped",
  "alerts",
  "weighed",
  "balance",
  "violations",
  "reports",
] as const;
export type FigureName = (typeof FIGURE_NAMES)[number];

/** One record behind a figure; which members it has goes by `kind`. */
export interface FigureRecord {
  kind: "place" | "truck" | "skip" | "alert" | "weighing" | "load" | "report";
  at_ms: number;
  until_ms?: number | null;
  place_id?: string;
  place_kind?: "bin" | "order";
  name?: string | null;
  material?: string | null;
  truck_id?: string | null;
  bin_id?: string | null;
  minutes?: number | null;
  stop_id?: string | null;
  exception?: string | null;
  alert_id?: string;
  rule?: string;
  severity?: Severity;
  handling?: "new" | "acknowledged" | "confirmed" | "dismissed";
  answer?: Answer;
  lost_kg?: number | null;
  points?: number | null;
  facility_id?: string | null;
  net_kg?: number | null;
  accepted?: boolean;
  on_board_kg?: number | null;
  weighed_kg?: number | null;
  report_id?: string;
  report_kind?: string;
  place?: string | null;
  state?: string;
}

/** A part of a whole; null where there is no whole: nothing of nothing is not everything. */
export function share(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

/** What was acknowledged in time, of all whose time is over: what still may be is not counted against anybody. */
export function inTime(counts: { in_time: number; late: number; overdue: number }): number | null {
  return share(counts.in_time, counts.in_time + counts.late + counts.overdue);
}

/** Where a record is to be seen on the other pages. */
export function linkOf(record: FigureRecord): string | null {
  const to = (path: string, query: Record<string, string>) => `${path}?${new URLSearchParams(query)}`;
  if (record.alert_id) return to("/enforcement", { alert: record.alert_id, state: "all" });
  if (record.report_id) return to("/intake", { report: record.report_id, state: "all" });
  if (record.place_id) return to("/dispatch", { list: "due", place: record.place_id });
  if (record.truck_id) return to("/dispatch", { truck: record.truck_id });
  return null;
}
