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

/** A time without fixes, or one in which a sensor said the same. */
export interface Span<T = null> {
  from_ms: number;
  to_ms: number;
  state: T;
}

/** Silences long enough to be drawn as gaps. */
export function gaps(points: readonly TrackPoint[]): Span[] {
  const found: Span[] = [];
  let last_ms: number | null = null;
  for (const [at_ms] of points) {
    if (last_ms !== null && at_ms - last_ms > GAP_MS) found.push({ from_ms: last_ms, to_ms: at_ms, state: null });
    last_ms = Math.max(at_ms, last_ms ?? at_ms);
  }
  return found;
}

/** What a sensor said and how long: until the next fix, but not over a gap. */
export function lane<T>(points: readonly TrackPoint[], state: (point: TrackPoint) => T): Span<T>[] {
  const found: Span<T>[] = [];
  for (const point of points) {
    const [at_ms] = point;
    const now = state(point);
    const last = found.at(-1);
    const close = last !== undefined && at_ms - last.to_ms <= GAP_MS;
    if (last && close) last.to_ms = Math.max(last.to_ms, at_ms);
    if (!last || !close || last.state !== now) found.push({ from_ms: at_ms, to_ms: at_ms, state: now });
  }
  return found;
}
