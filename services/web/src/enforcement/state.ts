/** What the officer looks at. */

import { computed, effect, signal } from "@preact/signals";
import { byWeight, type Filters, hold, passes } from "../domain/alerts.ts";
import { positions } from "../domain/places.ts";
import type { CityMap } from "../map/city_map.ts";
import type { Names } from "../say/plans.ts";
import { inAddress } from "../ui/address.ts";
import { store } from "../ui/start.tsx";

export const chosen = inAddress<string>("alert", "");
export const byHandling = inAddress<Filters["handling"]>("state", "open");
export const byRule = inAddress<string>("rule", "");
export const bySeverity = inAddress<string>("severity", "");
export const find = inAddress<string>("find", "");
export const map = signal<CityMap | null>(null);

const filters = computed<Filters>(() => ({
  handling: byHandling.value,
  rule: byRule.value,
  severity: bySeverity.value,
  text: find.value,
}));

const sorted = computed<string[]>(() =>
  store.tables.alert
    .all()
    .filter(alert => alert.alert_id === chosen.value || passes(alert, filters.value))
    .sort(byWeight)
    .map(alert => alert.alert_id),
);

/** Somebody's pointer or focus is on the list: rows stay where they are. */
export const reading = signal(false);
const shown = signal<string[]>([]);

/** Let in what waits and put all in order. */
export function letIn(): void {
  shown.value = sorted.peek();
}

const held = computed(() => hold(sorted.value, shown.value));
export const rows = computed(() => held.value.rows);
export const waiting = computed(() => held.value.waiting.length);

let lastFilters: Filters | null = null;
effect(() => {
  const changedFilters = lastFilters !== filters.value;
  lastFilters = filters.value;
  sorted.value;
  // a filter is the reader's own wish: it may move rows
  if (!reading.value || changedFilters) letIn();
});

export const names: Names = {
  truck: truck_id => {
    const plate = store.tables.truck.get(truck_id)?.plate;
    return plate ? `${plate} (${truck_id})` : truck_id;
  },
  place: place_id => {
    const { bin, facility, source, depot } = store.tables;
    return (
      (bin.get(place_id) ?? facility.get(place_id) ?? source.get(place_id) ?? depot.get(place_id))?.name ?? place_id
    );
  },
};

/** Bring the whole place or stretch of the chosen alert into view. */
export function showWhole(): void {
  const where = store.tables.alert.get(chosen.peek())?.where;
  if (positions(where).length) map.peek()?.showAll([where], 15.5);
}
