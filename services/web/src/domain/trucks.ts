/** What a truck's state means to people. Pure. */

import type { Truck } from "../contract.ts";

/** Older than this (city time) a position is called old. Terminals report at least once a minute. */
export const STALE_MS = 180_000;

export function isStale(truck: Truck, now_ms: number): boolean {
  return truck.event_time_ms === null || now_ms - truck.event_time_ms > STALE_MS;
}

/** The waste the truck is for: what its plan says, else the only one it may carry. */
export function materialOf(truck: Truck, planned: string | null | undefined): string {
  return planned ?? truck.materials[0] ?? "";
}

/** Load as a share of what it may carry; null when either is not known or the sensor cannot be trusted. */
export function loadShare(truck: Truck): number | null {
  const health = truck.sensor_health?.load;
  if (health === "suspect" || health === "open" || health === "short") return null;
  if (truck.load_kg !== null && truck.load_kg !== undefined && truck.payload_kg)
    return Math.max(0, truck.load_kg / truck.payload_kg);
  return null;
}

export const hasPlace = (truck: Truck): truck is Truck & { lon: number; lat: number } =>
  Number.isFinite(truck.lon) && truck.lon !== null && Number.isFinite(truck.lat) && truck.lat !== null;
