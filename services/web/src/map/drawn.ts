/** A truck as the map draws it, in the words of the page. */

import { now } from "../clock.ts";
import type { Truck } from "../contract.ts";
import { isStale, materialOf } from "../domain/trucks.ts";
import { span } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import type { DrawnTruck } from "./city_map.ts";

export function drawnTruck(truck: Truck, planned: string | null | undefined): DrawnTruck {
  const material = materialOf(truck, planned);
  const stale = isStale(truck, now.value) && truck.event_time_ms !== null;
  return {
    truck,
    material,
    letter: wordFor(words.value.materialLetter, material).slice(0, 2),
    label: truck.plate ?? truck.truck_id,
    age: stale ? span(now.value - (truck.event_time_ms ?? 0)) : "",
  };
}
