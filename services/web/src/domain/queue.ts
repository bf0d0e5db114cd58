/** What needs a decision at the desk beside calls for help, loudest first. What the planner has in hand is not here. Pure. */

import type { CollectionDue, Facility, LonLat, Order, PlanningRun } from "../contract.ts";
import { isClosed } from "./places.ts";
import { lateness, type NumberedVisit } from "./progress.ts";

export type Decision =
  | { kind: "overflow"; id: string; material: string; at_ms: number; arrive_ms: number | null }
  | { kind: "promise"; id: string; material: string; at_ms: number; place_id: string; code: string }
  | { kind: "site"; id: string; at_ms: number; why: "closed" | "full"; truck_ids: string[] }
  | { kind: "late"; id: string; at_ms: number; late_ms: number; material: string };

/** A truck with what is left of its plan. */
export interface OnTheWay {
  truck_id: string;
  material: string;
  place: LonLat | null;
  left: readonly NumberedVisit[];
}

export interface Situation {
  now_ms: number;
  due: Iterable<CollectionDue>;
  runs: Iterable<PlanningRun>;
  orders: { get(order_id: string): Order | undefined };
  facilities: Iterable<Facility>;
  trucks: readonly OnTheWay[];
  /** From here on a truck counts as late. */
  late_after_ms: number;
}

/** An overflow further ahead than this is the planner's, which plans again long before. */
export const AHEAD_MS = 2 * 3_600_000;
/** A truck that comes within this is on its way: nothing is to be decided. */
export const SOON_MS = 30 * 60_000;

const LOUDNESS: Record<Decision["kind"], number> = { overflow: 0, promise: 1, site: 2, late: 3 };

export function decisions(town: Situation): Decision[] {
  return [...overflows(town), ...promises(town), ...sites(town), ...late(town)].sort(
    (a, b) => LOUDNESS[a.kind] - LOUDNESS[b.kind] || a.at_ms - b.at_ms || (a.id < b.id ? -1 : 1),
  );
}

/** Places that overflow soon, or do already, before any truck comes. What has no forecast is not known to overflow. */
function* overflows({ now_ms, due, trucks }: Situation): Generator<Decision> {
  const arrivals = arrivalsOf(trucks);
  for (const one of due) {
    const at_ms = one.overflow_ms;
    if (!one.due || at_ms === null || at_ms === undefined || at_ms > now_ms + AHEAD_MS) continue;
    const arrive_ms = arrivals.get(one.place_id) ?? null;
    if (arrive_ms !== null && arrive_ms <= Math.max(at_ms, now_ms + SOON_MS)) continue;
    yield { kind: "overflow", id: one.place_id, material: one.material, at_ms, arrive_ms };
  }
}

/** The first arrival at each place that is still to come. */
function arrivalsOf(trucks: readonly OnTheWay[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { left } of trucks)
    for (const { visit } of left) {
      const known = visit.stop_id && found.get(visit.stop_id);
      if (visit.stop_id && (!known || visit.arrive_ms < known)) found.set(visit.stop_id, visit.arrive_ms);
    }
  return found;
}

/** Bookings with a promised time that no truck will fetch; what a dispatcher has left out is decided. */
function* promises({ runs, orders }: Situation): Generator<Decision> {
  for (const run of runs)
    for (const left of run.left_out ?? []) {
      const due_ms = left.place_kind === "order" ? orders.get(left.place_id.replace(/\/\d+$/, ""))?.due_ms : null;
      if (typeof due_ms !== "number" || left.code === "excluded") continue;
      const material = left.material ?? run.material;
      yield { kind: "promise", id: left.stop_id, material, at_ms: due_ms, place_id: left.place_id, code: left.code };
    }
}

/** Sites that plans still go to, and that will not take it: closed when the truck comes, or full for today. */
function* sites({ now_ms, facilities, trucks }: Situation): Generator<Decision> {
  for (const site of facilities) {
    const full = Boolean(site.daily_kg && typeof site.today_kg === "number" && site.today_kg >= site.daily_kg);
    if (!full && !isClosed(site, now_ms)) continue;
    const going = trucks.flatMap(({ truck_id, left }) => {
      const tip = left.find(({ visit }) => visit.kind === "tip" && visit.facility_id === site.id)?.visit;
      return tip && (full || tip.arrive_ms < (site.closed_until_ms ?? 0)) ? [{ truck_id, at_ms: tip.arrive_ms }] : [];
    });
    if (!going.length) continue;
    const at_ms = Math.min(...going.map(one => one.at_ms));
    yield {
      kind: "site",
      id: site.id,
      at_ms,
      why: full ? "full" : "closed",
      truck_ids: going.map(one => one.truck_id),
    };
  }
}

function* late({ now_ms, trucks, late_after_ms }: Situation): Generator<Decision> {
  for (const { truck_id, material, place, left } of trucks) {
    const late_ms = lateness(left, place, now_ms);
    if (late_ms > late_after_ms) yield { kind: "late", id: truck_id, at_ms: now_ms - late_ms, late_ms, material };
  }
}
