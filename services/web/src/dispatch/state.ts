/** What the desk looks at: the chosen thing, the open list, the filters; and names for ids. */

import { batch, computed, effect, signal } from "@preact/signals";
import { now } from "../clock.ts";
import type { PlanVisit, TruckPlan } from "../contract.ts";
import { TABS, type Tab } from "../domain/query.ts";
import type { CityMap } from "../map/city_map.ts";
import { remember, remembered } from "../remember.ts";
import type { Names } from "../say/plans.ts";
import { inAddress } from "../ui/address.ts";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";

export { TABS, type Tab };

export const tab = inAddress<Tab>("list", "trucks");
export const chosenTruck = inAddress<string>("truck", "");
export const chosenPlace = inAddress<string>("place", "");
/** Kinds of waste shown, as "kitchen,residual"; "" = all. */
export const materials = inAddress<string>("waste", "");
export const text = inAddress<string>("find", "");
/** The open list's own choice of rows, such as "unplanned"; "" = all. */
export const show = inAddress<string>("show", "");
/** The column the open list is sorted by, "-" before it for the largest first; "" = the list's own order. */
export const sort = inAddress<string>("sort", "");
/** Whose run sheets are on the page instead of the desk: a truck, "all" = those of the list; "" = the desk. */
export const printed = inAddress<string>("print", "");
export const map = signal<CityMap | null>(null);
export const following = signal<string | null>(null);

export const shownMaterials = computed<string[] | null>(() => (materials.value ? materials.value.split(",") : null));

export function isShown(material: string | null | undefined): boolean {
  const shown = shownMaterials.value;
  return !shown || shown.includes(material ?? "");
}

/** Open a list; choice and order of the one before are not its. */
export function openTab(to: Tab): void {
  if (tab.peek() === to) return;
  batch(() => {
    show.value = "";
    sort.value = "";
    tab.value = to;
  });
}

export function chooseTruck(truck_id: string): void {
  chosenPlace.value = "";
  chosenTruck.value = truck_id;
  if (truck_id) openTab("trucks");
}

// ----------------------------------------------------------------------------------------------------------- names

export function truckName(truck_id: string): string {
  const plate = store.tables.truck.get(truck_id)?.plate;
  return plate ? `${plate} (${truck_id})` : truck_id;
}

export function placeName(place_id: string): string {
  const { bin, facility, source, depot, order } = store.tables;
  const order_id = place_id.replace(/\/\d+$/, "");
  const named = bin.get(place_id) ?? facility.get(place_id) ?? source.get(place_id) ?? depot.get(place_id);
  if (named?.name) return named.name;
  const booked = order.get(order_id);
  if (!booked) return place_id;
  const site = source.get(booked.source_id)?.name ?? booked.source_id;
  const load = place_id.split("/")[1];
  return load ? `${site} #${load}` : site;
}

export const names: Names = { truck: truckName, place: placeName };

export function visitName(visit: PlanVisit): string {
  const w = words.value.visit;
  if (visit.kind === "break") return w.break;
  if (visit.kind === "end") return w.end;
  if (visit.kind === "start") return w.start;
  return visit.name ?? placeName(visit.stop_id ?? visit.facility_id ?? "");
}

/** For each place in a running plan: who comes and when. */
export const planned = computed(() => {
  const found = new Map<string, { truck_id: string; arrive_ms: number }[]>();
  for (const plan of store.tables.plan.all())
    for (const visit of plan.visits ?? []) {
      if (!visit.stop_id) continue;
      for (const id of new Set([visit.stop_id, ...(visit.order_id ? [visit.order_id] : [])]))
        found.set(id, [...(found.get(id) ?? []), { truck_id: plan.truck_id, arrive_ms: visit.arrive_ms }]);
    }
  return found;
});

// ---------------------------------------------------------------------------------------------- plans as they came

const LOG_KEPT = 200;

/** Every plan seen since the page was opened, newest first. The store keeps only the newest of a truck. */
export const planLog = signal<TruckPlan[]>([]);

/** City time up to which the person has seen the changes. */
export const seenUntil = signal(Number(remembered("changes-seen") ?? 0));

// a first visit begins with what is, not with everything that ever was
effect(() => {
  if (!seenUntil.peek() && store.filled.value && now.value) markSeen(now.value);
});

export function markSeen(now_ms: number): void {
  seenUntil.value = now_ms;
  remember("changes-seen", String(now_ms));
}

effect(() => {
  const known = new Set(planLog.peek().map(plan => `${plan.truck_id}@${plan.plan_version}`));
  const fresh = store.tables.plan.all().filter(plan => !known.has(`${plan.truck_id}@${plan.plan_version}`));
  if (!fresh.length) return;
  planLog.value = [...fresh, ...planLog.peek()].sort((a, b) => b.made_ms - a.made_ms).slice(0, LOG_KEPT);
});

export const unseen = computed(() => planLog.value.filter(plan => plan.made_ms > seenUntil.value).length);
