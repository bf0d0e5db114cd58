/** How alerts are handled and ordered. Pure. */

import type { Alert, Certainty, Severity, Truck } from "../contract.ts";
import { assigneeOf, type Handling, handling } from "./standing.ts";

const SEVERITY: Record<Severity, number> = { critical: 0, high: 1, medium: 2, low: 3 };
const CERTAINTY: Record<Certainty, number> = { observed: 0, likely: 1, possible: 2 };

/** Worst first, then surest, then newest; the id last, so that the order is one. */
export function byWeight(a: Alert, b: Alert): number {
  return (
    SEVERITY[a.severity] - SEVERITY[b.severity] ||
    CERTAINTY[a.certainty] - CERTAINTY[b.certainty] ||
    b.raised_ms - a.raised_ms ||
    (a.alert_id < b.alert_id ? -1 : 1)
  );
}

/** Surest first, then as `byWeight`. */
export function byCertainty(a: Alert, b: Alert): number {
  return CERTAINTY[a.certainty] - CERTAINTY[b.certainty] || byWeight(a, b);
}

/** SOS and breakdowns that nobody has taken up: the loudest there is. Oldest first: it waits longest. */
export function calls(alerts: Iterable<Alert>): Alert[] {
  return [...alerts]
    .filter(
      one => (one.rule === "sos" || one.rule === "breakdown") && one.state !== "cancelled" && handling(one) === "new",
    )
    .sort((a, b) => Number(b.rule === "sos") - Number(a.rule === "sos") || a.raised_ms - b.raised_ms);
}

/**
 * Trucks whose driver called, but for whom no alert came: the rules may be late or away, the call must be heard all
 * the same.
 */
export function unheard(trucks: Iterable<Truck>, alerts: Iterable<Alert>): Truck[] {
  const known = new Set(
    [...alerts]
      .filter(one => one.state === "raised" || one.state === "updated")
      .map(one => `${one.rule} ${one.truck_id}`),
  );
  return [...trucks].filter(truck => truck.down && !known.has(`${truck.down} ${truck.truck_id}`));
}

export interface Filters {
  handling: "open" | "all" | "asleep" | Handling;
  rule: string;
  severity: string;
  /** A login: of whom they are; "-" = nobody's; "" = whoever's. */
  owner: string;
  text: string;
}

export const NO_FILTERS: Filters = { handling: "open", rule: "", severity: "", owner: "", text: "" };

/** What nobody answers for. */
export const NOBODY = "-";

function stands(alert: Alert, wanted: Filters["handling"], asleep: boolean): boolean {
  const now = handling(alert);
  const open = (now === "new" || now === "acknowledged") && alert.state !== "cancelled";
  if (wanted === "open" || wanted === "asleep") return open && asleep === (wanted === "asleep");
  return wanted === "all" || wanted === now;
}

/** `asleep`: it is put off for now, and shown only to who asks for those. */
export function passes(alert: Alert, filters: Filters, asleep = false): boolean {
  if (!stands(alert, filters.handling, asleep)) return false;
  if (filters.owner && (assigneeOf(alert) ?? NOBODY) !== filters.owner) return false;
  if (filters.rule && alert.rule !== filters.rule) return false;
  if (filters.severity && alert.severity !== filters.severity) return false;
  const text = filters.text.trim().toLowerCase();
  const names = [
    alert.truck_id,
    ...(alert.truck_ids ?? []),
    alert.bin_id,
    alert.driver_id,
    alert.contractor_id,
    alert.source_id,
  ];
  return !text || names.some(name => name?.toLowerCase().includes(text));
}

/**
 * The order of rows on the screen while somebody reads: what is shown keeps its place, what is new waits to be let
 * in. Returns the rows to draw and the ids that wait.
 */
export function hold(sorted: readonly string[], shown: readonly string[]): { rows: string[]; waiting: string[] } {
  const present = new Set(sorted);
  const known = new Set(shown);
  return { rows: shown.filter(id => present.has(id)), waiting: sorted.filter(id => !known.has(id)) };
}
