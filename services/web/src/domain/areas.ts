/** Which piece of the city a place is in. Pure. */

import type { Geometry, Position } from "geojson";
import type { Alert, Zone } from "../contract.ts";
import { positions } from "./places.ts";

/** Whether a ring, as `[lon, lat]` points, holds the place: a ray to the east crosses it an odd number of times. */
function ringHolds(ring: readonly Position[], lon: number, lat: number): boolean {
  let inside = false;
  let before = ring.at(-1) ?? [];
  for (const point of ring) {
    const [lon1 = 0, lat1 = 0] = before;
    const [lon2 = 0, lat2 = 0] = point;
    if (lat1 > lat !== lat2 > lat && lon < lon1 + ((lat - lat1) / (lat2 - lat1)) * (lon2 - lon1)) inside = !inside;
    before = point;
  }
  return inside;
}

/** Whether an area (Polygon or MultiPolygon, with its holes) holds the place. */
export function holds(area: Geometry | null | undefined, [lon, lat]: Position): boolean {
  if (lon === undefined || lat === undefined) return false;
  const polygons =
    area?.type === "Polygon" ? [area.coordinates] : area?.type === "MultiPolygon" ? area.coordinates : [];
  return polygons.some(rings => rings.filter(ring => ringHolds(ring, lon, lat)).length % 2 === 1);
}

/** The districts, by name; the grid's cells do not come to the pages. */
export function districts(zones: readonly Zone[]): Zone[] {
  return zones
    .filter(zone => zone.kind === "district")
    .sort((a, b) => ((a.name ?? a.zone_id) < (b.name ?? b.zone_id) ? -1 : 1));
}

/** Whether an alert touches this district: it says so itself, or some place of it lies there. */
export function isIn(alert: Alert, district: Zone): boolean {
  if (alert.zone_ids?.includes(district.zone_id)) return true;
  return positions(alert.where).some(place => holds(district.area, place));
}
