/** Pinned views above the lists, each with how much is in it now. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { now } from "../clock.ts";
import { type Query, queryOf, type Tab } from "../domain/query.ts";
import { words } from "../words/index.ts";
import { alertsOf } from "./alerts_list.tsx";
import { changesAsked } from "./changes.tsx";
import { dueOf } from "./due_list.tsx";
import { leftOutOf } from "./left_out.tsx";
import { ordersOf } from "./orders.tsx";
import { sitesOf } from "./sites.tsx";
import { trucksOf } from "./truck_list.tsx";
import { openView, views } from "./views.ts";

const ROWS: Record<Tab, (asked: Query) => readonly unknown[]> = {
  trucks: trucksOf,
  due: dueOf,
  changes: changesAsked,
  left: leftOutOf,
  orders: ordersOf,
  alerts: alertsOf,
  sites: sitesOf,
};

/** A count may be so old, city time: it costs a walk through the list. */
const EVERY_MS = 2_000;

export function Pins() {
  const pinned = useComputed(() => views.value.filter(view => view.pinned));
  const counts = useSignal<ReadonlyMap<string, number>>(new Map());
  const beat = useComputed(() => Math.floor(now.value / EVERY_MS));
  useSignalEffect(() => {
    beat.value;
    counts.value = new Map(
      pinned.value.map(({ query }) => {
        const { tab, query: asked } = queryOf(query);
        return [query, ROWS[tab](asked).length];
      }),
    );
  });
  if (!pinned.value.length) return null;
  return (
    <nav class="pins" aria-label={words.value.list.views} data-testid="pins">
      {pinned.value.map(view => (
        <a
          key={view.name}
          class="button"
          href={`/dispatch?${view.query}`}
          onClick={event => openView(event, view.query)}
        >
          <bdi>{view.name}</bdi> <span class="count">{counts.value.get(view.query) ?? ""}</span>
        </a>
      ))}
    </nav>
  );
}
