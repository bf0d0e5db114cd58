/** The city's map with a cross in its middle: where it stands is the place. By hand, by arrow keys, or by a tap. */

import type { City, LonLat } from "../contract.ts";
import { CityMap } from "../map/city_map.ts";
import { language } from "../words/index.ts";

const NEAR_ZOOM = 16;

/** Calls `take` whenever somebody has moved the map. Throws where a map cannot be drawn. */
export function chooseOnMap(
  canvas: HTMLElement,
  city: City,
  tag: string,
  typed: readonly [number, number] | null,
  take: (place: LonLat) => void,
): void {
  language.value = tag.startsWith("zh") ? "zh" : "en";
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const { gl } = new CityMap(canvas, city, dark ? "night" : "day", () => undefined);
  if (typed?.every(Number.isFinite)) gl.jumpTo({ center: [typed[0], typed[1]], zoom: NEAR_ZOOM });
  const here = { byHand: true };
  gl.on("click", event => gl.easeTo({ center: event.lngLat, zoom: Math.max(gl.getZoom(), NEAR_ZOOM - 1) }, here));
  gl.on("moveend", event => {
    // the map's own first view is nobody's choice
    if (!("byHand" in event) && !("originalEvent" in event && event.originalEvent)) return;
    const { lng, lat } = gl.getCenter();
    take([lng, lat]);
  });
}
