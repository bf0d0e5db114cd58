/** What a driver has confirmed of a route, and what a driver reported in a shift. Pure. */

import type { DriverAction, TruckPlan } from "../contract.ts";
import { standing } from "./progress.ts";

/** The report by which a driver confirmed this version, or the newest older one that was confirmed. */
export interface Confirmed {
  action: DriverAction;
  this_one: boolean;
}

export function confirmedOf(
  plan: Pick<TruckPlan, "truck_id" | "plan_version">,
  actions: readonly DriverAction[],
): Confirmed | null {
  const receipts = actions.filter(
    one => one.kind === "accepted_plan" && one.truck_id === plan.truck_id && one.plan_version !== undefined,
  );
  const newest = receipts.reduce<DriverAction | null>((found, one) => {
    const [version, known] = [one.plan_version ?? 0, found?.plan_version ?? -1];
    return version > known || (version === known && found && one.event_time_ms < found.event_time_ms) ? one : found;
  }, null);
  if (!newest) return null;
  // who confirmed a newer version has seen this one or was never shown it: either way it is answered
  return { action: newest, this_one: (newest.plan_version ?? -1) >= plan.plan_version };
}

/** What a truck's drivers reported since a time, newest first; without what they took back, and without mere receipts. */
export function reportsSince(truck_id: string, since_ms: number, actions: readonly DriverAction[]): DriverAction[] {
  return standing(actions.filter(one => one.truck_id === truck_id))
    .filter(one => one.kind !== "accepted_plan" && one.event_time_ms >= since_ms)
    .sort((a, b) => b.event_time_ms - a.event_time_ms);
}
