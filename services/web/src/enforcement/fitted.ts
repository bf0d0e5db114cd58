/** What an alert says about load and speed, as lines for its chart: the loss it was fitted, the limits it was judged by. Pure. */

import type { Alert, TrackPoint } from "../contract.ts";

/** Readings of so long before the alert make the level before, where the alert does not say it. */
const LEVEL_MS = 5 * 60_000;

/** The load fell evenly from `before_kg` to `after_kg`; it may as well be `low_kg` or `high_kg` that is left. */
export interface Fit {
  from_ms: number;
  to_ms: number;
  before_kg: number;
  after_kg: number;
  low_kg: number;
  high_kg: number;
}

export interface Threshold {
  scale: "kg" | "kmh";
  at: number;
  /** The rule's own phrase. */
  condition: string;
}

/** Conditions whose limit is a load, as it stands on the scale. */
const LOADS = new Set([
  "middle of the readings while driving",
  "net weight on the weighbridge above the permitted load",
]);
const FELL = /^the load fell/;

const leading = (text: unknown, unit: string): number | null => {
  const found = typeof text === "string" ? new RegExp(`^(\\d+(?:\\.\\d+)?) ${unit}`).exec(text) : null;
  return found ? Number(found[1]) : null;
};

/** The load before, as the alert itself says it; else as the sensor read just before it. */
function beforeOf(alert: Alert, points: readonly TrackPoint[]): number | null {
  const said = alert.because?.find(one => one.condition === "loaded and driving");
  const told = leading(said?.measured, "kg before");
  if (told !== null) return told;
  const read = points.flatMap(([at_ms, , , , kg]) =>
    kg !== null && at_ms <= alert.start_ms && at_ms >= alert.start_ms - LEVEL_MS ? [kg] : [],
  );
  return read.length ? read.reduce((sum, kg) => sum + kg, 0) / read.length : null;
}

/** The fitted loss; null = the alert is not of a load that fell, or does not say how much. */
export function fitOf(alert: Alert, points: readonly TrackPoint[]): Fit | null {
  const { lost_kg, start_ms } = alert;
  if (lost_kg === null || lost_kg === undefined || !alert.because?.some(one => FELL.test(one.condition))) return null;
  const before_kg = beforeOf(alert, points);
  if (before_kg === null) return null;
  const left = (lost: number | null | undefined) => Math.max(0, before_kg - (lost ?? lost_kg));
  return {
    from_ms: start_ms,
    to_ms: Math.max(start_ms, alert.end_ms ?? alert.raised_ms),
    before_kg,
    after_kg: left(lost_kg),
    low_kg: left(alert.lost_kg_high),
    high_kg: left(alert.lost_kg_low),
  };
}

/** The limits it was judged by that a chart of load and speed can show. */
export function thresholdsOf(alert: Alert, fit: Fit | null): Threshold[] {
  const found: Threshold[] = [];
  for (const { condition, measured, limit, unit } of alert.because ?? []) {
    const posted = condition === "its limit" ? leading(measured, "km/h") : null;
    const permitted = condition === "permitted load" ? leading(measured, "kg") : null;
    if (posted !== null) found.push({ scale: "kmh", at: posted, condition });
    if (permitted !== null) found.push({ scale: "kg", at: permitted, condition });
    if (typeof limit !== "number") continue;
    if (unit === "km/h") found.push({ scale: "kmh", at: limit, condition });
    if (unit === "kg" && LOADS.has(condition)) found.push({ scale: "kg", at: limit, condition });
    // a fall has to reach below this
    if (unit === "kg" && FELL.test(condition) && fit)
      found.push({ scale: "kg", at: Math.max(0, fit.before_kg - limit), condition });
  }
  return found;
}
