/** How high the sun stands. Pure: the low-precision formulas of the Astronomical Almanac, good to 0.1° until 2050. */

import type { LonLat } from "../contract.ts";

const RADIANS = Math.PI / 180;
/** 2000-01-01 12:00 UTC: the epoch the formulas count days from. */
const EPOCH_MS = Date.UTC(2000, 0, 1, 12);
const DAY_MS = 86_400_000;

/** Degrees above the horizon, without refraction; below 0 it has set. */
export function sunElevationDeg(at_ms: number, [lon, lat]: LonLat): number {
  const days = (at_ms - EPOCH_MS) / DAY_MS;
  const anomaly = (357.528 + 0.9856003 * days) * RADIANS;
  const ecliptic = (280.46 + 0.9856474 * days + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * RADIANS;
  const tilt = (23.439 - 0.0000004 * days) * RADIANS;
  const ascension = Math.atan2(Math.cos(tilt) * Math.sin(ecliptic), Math.cos(ecliptic));
  const declination = Math.asin(Math.sin(tilt) * Math.sin(ecliptic));
  const sidereal = (280.46062 + 360.9856473 * days + lon) * RADIANS;
  const hour = sidereal - ascension;
  const sine =
    Math.sin(lat * RADIANS) * Math.sin(declination) + Math.cos(lat * RADIANS) * Math.cos(declination) * Math.cos(hour);
  return Math.asin(sine) / RADIANS;
}

/** Higher than this it shines on the screen, not on the roof. */
const GLARE_DEG = 35;

/** The colours for the light outside. */
export function lightAt(at_ms: number, place: LonLat): "day" | "night" | "sun" {
  const height = sunElevationDeg(at_ms, place);
  if (height < 0) return "night";
  return height > GLARE_DEG ? "sun" : "day";
}
