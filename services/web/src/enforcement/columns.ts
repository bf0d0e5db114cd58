/** A track as the chart wants it. Pure. */

import type { TrackPoint } from "../contract.ts";

/** A longer silence than this is drawn as a gap, ms. */
const GAP_MS = 90_000;

/** Columns for the chart: seconds, load in kg, speed in km/h, with an empty row in each gap. */
export function columns(points: readonly TrackPoint[]): [number[], (number | null)[], (number | null)[]] {
  const times: number[] = [];
  const loads: (number | null)[] = [];
  const speeds: (number | null)[] = [];
  let last_ms: number | null = null;
  for (const [at_ms, , , speed_mps, load_kg] of points) {
    if (last_ms !== null && at_ms <= last_ms) continue;
    if (last_ms !== null && at_ms - last_ms > GAP_MS) {
      times.push((last_ms + at_ms) / 2_000);
      loads.push(null);
      speeds.push(null);
    }
    times.push(at_ms / 1_000);
    loads.push(load_kg);
    speeds.push(speed_mps === null ? null : speed_mps * 3.6);
    last_ms = at_ms;
  }
  return [times, loads, speeds];
}

/** The last fix up to a moment; none if it is so old that the graph has a gap there. */
export function pointAt(points: readonly TrackPoint[], at_ms: number): TrackPoint | null {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.[0] ?? 0) <= at_ms) low = middle + 1;
    else high = middle;
  }
  const found = points[low - 1];
  return found && at_ms - found[0] <= GAP_MS ? found : null;
}
