/** What the officer looks at. */

import { computed, effect, signal } from "@preact/signals";
import { now } from "../clock.ts";
import type { Alert, Zone } from "../contract.ts";
import { byCertainty, byWeight, type Filters, hold, NOBODY, passes } from "../domain/alerts.ts";
import { districts, isIn } from "../domain/areas.ts";
import { byDeadline } from "../domain/deadlines.ts";
import { type Group, grouped } from "../domain/grouping.ts";
import { positions } from "../domain/places.ts";
import { NOTHING, type Selection, shown as shownOf } from "../domain/selection.ts";
import { isAsleep } from "../domain/standing.ts";
import type { CityMap } from "../map/city_map.ts";
import type { Names } from "../say/plans.ts";
import { session } from "../session.ts";
import { inAddress } from "../ui/address.ts";
import { store } from "../ui/start.tsx";

export const chosen = inAddress<string>("alert", "");
export const byHandling = inAddress<Filters["handling"]>("state", "open");
export const byRule = inAddress<string>("rule", "");
export const bySeverity = inAddress<string>("severity", "");
/** "" = whoever's, "mine", "nobody", or a login. */
export const byOwner = inAddress<string>("owner", "");
/** A district's id. */
export const byArea = inAddress<string>("area", "");
export type Order = "weight" | "certainty" | "deadline" | "newest";
export const order = inAddress<Order>("order", "weight");
export const grouping = inAddress<"on" | "off">("group", "on");
/** What the list shows: alerts, where they come again, what was done with many. */
export const VIEWS = ["alerts", "places", "done"] as const;
export type View = (typeof VIEWS)[number];
export const view = inAddress<View>("view", "alerts");
export const find = inAddress<string>("find", "");
export const map = signal<CityMap | null>(null);

const owner = computed(() => {
  if (byOwner.value === "nobody") return NOBODY;
  return byOwner.value === "mine" ? (session.value?.user.login ?? "") : byOwner.value;
});

const filters = computed<Filters>(() => ({
  handling: byHandling.value,
  rule: byRule.value,
  severity: bySeverity.value,
  owner: owner.value,
  text: find.value,
}));

export const areas = computed<Zone[]>(() => districts(store.tables.zone.all()));
const area = computed(() => areas.value.find(one => one.zone_id === byArea.value) ?? null);

/** As text: it is another only when one is put off or wakes, not every second. */
const asleepText = computed(() =>
  store.tables.alert
    .all()
    .filter(one => isAsleep(one, now.value))
    .map(one => one.alert_id)
    .join(" "),
);
const asleep = computed(() => new Set(asleepText.value.split(" ")));

/** Whether an alert is of the area that is looked at. Where it lies does not change while it is the same alert. */
const areaOf = new WeakMap<Alert, { district: Zone; inside: boolean }>();
function inArea(alert: Alert): boolean {
  const district = area.value;
  if (!district) return !byArea.value;
  const known = areaOf.get(alert);
  if (known?.district === district) return known.inside;
  const inside = isIn(alert, district);
  areaOf.set(alert, { district, inside });
  return inside;
}

const orders: Record<Order, () => (a: Alert, b: Alert) => number> = {
  weight: () => byWeight,
  certainty: () => byCertainty,
  deadline: () => {
    const first = byDeadline(session.value?.deadlines);
    return (a, b) => first(a, b) || byWeight(a, b);
  },
  newest: () => (a, b) => b.raised_ms - a.raised_ms || byWeight(a, b),
};

const sorted = computed<string[]>(() =>
  store.tables.alert
    .all()
    .filter(
      alert =>
        alert.alert_id === chosen.value ||
        (passes(alert, filters.value, asleep.value.has(alert.alert_id)) && inArea(alert)),
    )
    .sort((orders[order.value] ?? orders.weight)())
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

const wish = computed(() => [filters.value, byArea.value, order.value]);
let lastWish: unknown = null;
effect(() => {
  const changedWish = lastWish !== wish.value;
  lastWish = wish.value;
  sorted.value;
  // a filter is the reader's own wish: it may move rows; where there is no row, none can move
  if (!reading.value || changedWish || !rows.value.length) letIn();
});

// ------------------------------------------------------------------------------------------------- groups and choice

/** As text: the rows are grouped anew when other rows are shown, not when one of them is acknowledged. */
const rowText = computed(() => rows.value.join(" "));

/** The rows as they are drawn: by themselves, or what belongs together under one head. */
export const groups = computed<Group[]>(() => {
  const ids = rowText.value ? rowText.value.split(" ") : [];
  if (grouping.value === "off") return ids.map(id => ({ id, ids: [id], why: null }));
  return grouped(ids.flatMap(id => store.tables.alert.items.get(id) ?? []));
});

/** Groups whose members are shown, by the id of any of them: which one is first may change. */
export const unfolded = signal<ReadonlySet<string>>(new Set());
export const isUnfolded = (group: Group): boolean => group.ids.some(id => unfolded.value.has(id));

export function fold(group: Group): void {
  const next = new Set(unfolded.value);
  if (isUnfolded(group)) for (const id of group.ids) next.delete(id);
  else for (const id of group.ids) next.add(id);
  unfolded.value = next;
}

/** Ids in the order in which they stand on the screen. A folded group stands there as its first. */
export const visible = computed(() =>
  groups.value.flatMap(group => (group.ids.length === 1 || isUnfolded(group) ? group.ids : group.ids.slice(0, 1))),
);

/** All ids of what a row stands for. */
export const idsOf = (id: string): string[] => {
  const group = groups.value.find(one => one.id === id);
  return group && !isUnfolded(group) ? group.ids : [id];
};

export const selection = signal<Selection>(NOTHING);
/** What is picked, in the order of the groups' members: what a filter hides is not acted on. */
export const picked = computed<Alert[]>(() => {
  store.tables.alert.version.value;
  const inOrder = groups.value.flatMap(group => group.ids);
  return shownOf(selection.value, inOrder).flatMap(id => store.tables.alert.items.get(id) ?? []);
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
