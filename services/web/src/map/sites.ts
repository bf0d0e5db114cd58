/** Facilities and depots on the map, drawn again when one of them changes, and when a closure is over. */

import { computed, effect } from "@preact/signals";
import { now } from "../clock.ts";
import type { Facility } from "../contract.ts";
import { isClosed } from "../domain/places.ts";
import type { Store } from "../live/store.ts";
import { wordFor, words } from "../words/index.ts";
import type { CityMap } from "./city_map.ts";

/** Returns how to end it. */
export function keepSites(map: Pick<CityMap, "setSites">, store: Store, label: (site: Facility) => string): () => void {
  const { facility, depot } = store.tables;
  // as text: it is another only when a site closes or opens, not every second
  const closed = computed(() =>
    JSON.stringify(facility.all().flatMap(one => (isClosed(one, now.value) ? one.id : []))),
  );
  return effect(() =>
    map.setSites(
      facility.all(),
      depot.all(),
      site => wordFor(words.value.facilityLetter, site.facility_type),
      label,
      "P",
      new Set<string>(JSON.parse(closed.value)),
    ),
  );
}
