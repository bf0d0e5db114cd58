/** Which permits a load goes under, whether they hold now, and where their corridor is. Pure. */

import type { Position } from "geojson";
import type { LonLat, Permit } from "../contract.ts";
import { distanceM } from "./places.ts";

/** A moment as the city's calendar has it: `day` 1 = Monday … 7, `minute` of the day. */
export interface LocalTime {
  day: number;
  minute: number;
}

export type Holds = "now" | "not_now" | "expired" | "not_yet" | "hours_only";

/** Whether a permit is for this kind of waste; one that names none is for every kind. */
export function isFor(permit: Permit, material: string | null | undefined): boolean {
  return !permit.material || !material || permit.material === material;
}

/**
 * Whether a permit holds now, as far as the phone can tell. Hours: null = always, none = never; over midnight they belong
 * to the day they begin. Days of a calendar (feasts) are not known here: then the hours are shown, nothing is claimed.
 */
export function holds(permit: Permit, now_ms: number, local: LocalTime): Holds {
  if (now_ms < permit.valid_from_ms) return "not_yet";
  if (permit.valid_to_ms != null && now_ms >= permit.valid_to_ms) return "expired";
  if (permit.calendar_id) return "hours_only";
  const onDay = (day: number) => !permit.days || permit.days.includes(day);
  const before = local.day === 1 ? 7 : local.day - 1;
  const open = (permit.hours ?? [["00:00", "24:00"] as const]).some(([from, to]) => {
    const [begin, end] = [minutesOf(from), minutesOf(to)];
    if (end > begin) return onDay(local.day) && local.minute >= begin && local.minute < end;
    return (onDay(local.day) && local.minute >= begin) || (onDay(before) && local.minute < end);
  });
  return open ? "now" : "not_now";
}

function minutesOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  return hours * 60 + minutes;
}

/** The lines of a corridor; none = any road. */
export function corridorLines(permit: Permit): LonLat[][] {
  const { corridor } = permit;
  if (corridor?.type === "LineString") return [corridor.coordinates.map(lonLat)];
  if (corridor?.type === "MultiLineString") return corridor.coordinates.map(line => line.map(lonLat));
  return [];
}

const lonLat = ([lon = 0, lat = 0]: Position): LonLat => [lon, lat];

/** How far a place is from the nearest of some lines, m. */
export function fromLinesM(lines: readonly LonLat[][], here: LonLat): number {
  const shrink = Math.cos((here[1] * Math.PI) / 180);
  let least_m = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    line.forEach((b, at) => {
      const a = line[at - 1] ?? b;
      const [dx, dy] = [(b[0] - a[0]) * shrink, b[1] - a[1]];
      const length = dx * dx + dy * dy;
      const reach = length === 0 ? 0 : ((here[0] - a[0]) * shrink * dx + (here[1] - a[1]) * dy) / length;
      const share = Math.min(1, Math.max(0, reach));
      const foot: LonLat = [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
      least_m = Math.min(least_m, distanceM(here, foot));
    });
  }
  return least_m;
}
