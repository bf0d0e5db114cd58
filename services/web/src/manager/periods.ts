/** Days and weeks of the city, and what they are compared with. Pure: the zone is given. */

import { fromField, toField } from "../words/format.ts";

export type PeriodKind = "day" | "week";
export type Compare = "before" | "year" | "none";

export interface Period {
  from_ms: number;
  to_ms: number;
}

/** "2026-11-28", so many days later. */
export function moveDate(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

export function dateOf(at_ms: number, zone: string): string {
  return toField(at_ms, zone).slice(0, 10);
}

/** The date a period begins with: itself, or its week's Monday. */
export function firstDate(kind: PeriodKind, date: string): string {
  if (kind === "day") return date;
  const sinceMonday = (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
  return moveDate(date, -sinceMonday);
}

/** The day or week (Monday to Sunday) a date is in, from midnight to midnight of the city; null: no such date. */
export function periodOf(kind: PeriodKind, date: string, zone: string): Period | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(date) || Number.isNaN(Date.parse(`${date}T00:00:00Z`))) return null;
  const first = firstDate(kind, date);
  const from_ms = fromField(`${first}T00:00`, zone);
  const to_ms = fromField(`${moveDate(first, LENGTH[kind])}T00:00`, zone);
  return from_ms === null || to_ms === null ? null : { from_ms, to_ms };
}

const LENGTH = { day: 1, week: 7 } as const;

/** Days back to what a period is compared with: the one before, or the same weekdays 52 weeks ago. */
export function daysBack(kind: PeriodKind, compare: Exclude<Compare, "none">): number {
  return compare === "year" ? 364 : LENGTH[kind];
}

/**
 * What a period is compared with; null: nothing. A period that is still going on is compared with as much of the other as
 * has passed of it: half a day with a whole one would always be less.
 */
export function comparedWith(
  kind: PeriodKind,
  date: string,
  compare: Compare,
  now_ms: number,
  zone: string,
): Period | null {
  if (compare === "none") return null;
  const [period, other] = [periodOf(kind, date, zone), periodOf(kind, moveDate(date, -daysBack(kind, compare)), zone)];
  if (!period || !other) return null;
  const passed_ms = now_ms - period.from_ms;
  if (now_ms >= period.to_ms || passed_ms <= 0) return other;
  return { from_ms: other.from_ms, to_ms: Math.min(other.to_ms, other.from_ms + passed_ms) };
}
