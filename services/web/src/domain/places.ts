/** Distances and shapes on the ground. Places are `[lon, lat]` in degrees. */

import type { Geometry, Position } from "geojson";
import type { Asset, LonLat } from "../contract.ts";

const EARTH_RADIUS_M = 6_371_008.8; // mean radius, IUGG
const RADIANS = Math.PI / 180;

/** Great-circle distance, m. */
export function distanceM([lon1, lat1]: LonLat, [lon2, lat2]: LonLat): number {
  const lat = Math.sin(((lat2 - lat1) * RADIANS) / 2);
  const lon = Math.sin(((lon2 - lon1) * RADIANS) / 2);
  const chord = lat * lat + Math.cos(lat1 * RADIANS) * Math.cos(lat2 * RADIANS) * lon * lon;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** Initial course from one place to another, degrees clockwise from north. */
export function bearingDeg([lon1, lat1]: LonLat, [lon2, lat2]: LonLat): number {
  const turn = (lon2 - lon1) * RADIANS;
  const y = Math.sin(turn) * Math.cos(lat2 * RADIANS);
  const x =
    Math.cos(lat1 * RADIANS) * Math.sin(lat2 * RADIANS) -
    Math.sin(lat1 * RADIANS) * Math.cos(lat2 * RADIANS) * Math.cos(turn);
  return (Math.atan2(y, x) / RADIANS + 360) % 360;
}

/** Whether a dispatcher has closed it, and the time is not over. */
export function isClosed(site: Pick<Asset, "closed_until_ms">, now_ms: number): boolean {
  return (site.closed_until_ms ?? 0) > now_ms;
}

/** Every position of a geometry. */
export function positions(geometry: Geometry | null | undefined): Position[] {
  if (!geometry) return [];
  switch (geometry.type) {
    case "Point":
      return [geometry.coordinates];
    case "MultiPoint":
    case "LineString":
      return geometry.coordinates;
    case "MultiLineString":
    case "Polygon":
      return geometry.coordinates.flat();
    case "MultiPolygon":
      return geometry.coordinates.flat(2);
    case "GeometryCollection":
      return geometry.geometries.flatMap(positions);
  }
}

/** west, south, east, north; null for no place at all. */
export function boundsOf(places: readonly Position[]): [number, number, number, number] | null {
  const lons = places.map(place => place[0] ?? Number.NaN).filter(Number.isFinite);
  const lats = places.map(place => place[1] ?? Number.NaN).filter(Number.isFinite);
  if (!lons.length || !lats.length) return null;
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}
