/** Where the truck is: its terminal says so; the driver's phone, while its page is in front, only adds to that. Pure. */

import type { LonLat } from "../contract.ts";
import { distanceM } from "./places.ts";

/** One word about where something is. */
export interface Fix {
  place: LonLat;
  speed_mps: number | null;
  heading_deg: number | null;
  accuracy_m: number | null;
  age_ms: number;
}

/** Terminals report every 5 to 30 s on the road. */
const TERMINAL_FRESH_MS = 45_000;
const PHONE_FRESH_MS = 10_000;
const PHONE_GOOD_M = 60;
/** A phone farther than this from its truck is not in it. */
const IN_TRUCK_M = 300;

/** The better of two fixes: the phone's where it is fresh, exact and in the truck; else the terminal's, however old. */
export function bestFix(terminal: Fix | null, phone: Fix | null): Fix | null {
  const usable =
    phone !== null && phone.age_ms <= PHONE_FRESH_MS && (phone.accuracy_m ?? Number.POSITIVE_INFINITY) <= PHONE_GOOD_M;
  if (!usable) return terminal;
  if (terminal === null || terminal.age_ms > TERMINAL_FRESH_MS) return phone;
  return distanceM(terminal.place, phone.place) <= IN_TRUCK_M ? phone : terminal;
}

/** 8 km/h: above it a driver is driving; below half of it, standing again. */
const DRIVING_MPS = 2.2;

/** Whether the truck is being driven; between the two speeds what was holds. A speed that is old or not known is none. */
export function isDriving(fix: Fix | null, before: boolean): boolean {
  if (fix?.speed_mps == null || fix.age_ms > TERMINAL_FRESH_MS) return false;
  return fix.speed_mps > DRIVING_MPS || (before && fix.speed_mps > DRIVING_MPS / 2);
}

/** A fix older than this is called old. */
export const LAST_WORD_MS = 60_000;
