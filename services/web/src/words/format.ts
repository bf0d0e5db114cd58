/**
 * Numbers, times and spans as people of the language and the city write them. Times are shown in the city's time
 * zone whatever the computer's is; a value that is not known is "–", never 0.
 */

import { signal } from "@preact/signals";
import { language, words } from "./index.ts";

export const UNKNOWN = "–";

/** The city's time zone; set once the session is known. */
export const timeZone = signal("UTC");

const LOCALE = { zh: "zh-CN", en: "en-GB" } as const;

type Known = number | null | undefined;

const formats = new Map<string, Intl.DateTimeFormat>();

function timeFormat(style: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${style}|${language.value}|${timeZone.value}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(LOCALE[language.value], {
      ...options,
      timeZone: timeZone.value,
      hourCycle: "h23",
    });
    formats.set(key, format);
  }
  return format;
}

const missing = (value: Known): value is null | undefined =>
  value === null || value === undefined || !Number.isFinite(value);

/** A day outside what `Date` knows is not known either. */
const noTime = (at_ms: Known): at_ms is null | undefined => missing(at_ms) || Math.abs(at_ms) > 8.64e15;

export function number(value: Known, digits = 0): string {
  if (missing(value)) return UNKNOWN;
  return value.toLocaleString(LOCALE[language.value], { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

/** With its sign, a real minus; 0 has none, also what rounds to it. */
export function signed(value: Known, digits = 0): string {
  if (missing(value)) return UNKNOWN;
  const rounded = Number(value.toFixed(digits));
  const sign = rounded > 0 ? "+" : rounded < 0 ? "−" : "";
  return sign + number(Math.abs(rounded), digits);
}

/** 07:05 */
export function hourMinute(at_ms: Known): string {
  return noTime(at_ms) ? UNKNOWN : timeFormat("hm", { hour: "2-digit", minute: "2-digit" }).format(at_ms);
}

/** 07:05:09 */
export function hourMinuteSecond(at_ms: Known): string {
  return noTime(at_ms)
    ? UNKNOWN
    : timeFormat("hms", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at_ms);
}

/** Tue 24 Nov, 07:05 / 11月24日周二 07:05 */
export function dayTime(at_ms: Known): string {
  return noTime(at_ms) ? UNKNOWN : `${day(at_ms)} ${hourMinute(at_ms)}`;
}

/** Tue 24 Nov / 11月24日周二 */
export function day(at_ms: Known): string {
  return noTime(at_ms)
    ? UNKNOWN
    : timeFormat("day", { weekday: "short", day: "numeric", month: "short" }).format(at_ms);
}

/** The time alone on the day of `now_ms`, with its day otherwise. */
export function nearTime(at_ms: Known, now_ms: number): string {
  if (missing(at_ms)) return UNKNOWN;
  return day(at_ms) === day(now_ms) ? hourMinute(at_ms) : dayTime(at_ms);
}

/** 12 s, 5 min, 2 h 5 min, 3 days. */
export function span(of_ms: Known): string {
  if (missing(of_ms)) return UNKNOWN;
  const { unit } = words.value;
  const seconds = Math.max(0, Math.round(of_ms / 1_000));
  if (seconds < 60) return unit.seconds(seconds);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return unit.minutes(minutes);
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? unit.hours(hours, minutes % 60) : unit.days(Math.floor(hours / 24));
}

export function ago(then_ms: Known, now_ms: number): string {
  if (missing(then_ms)) return UNKNOWN;
  return now_ms - then_ms < 5_000 ? words.value.unit.justNow : words.value.unit.ago(span(now_ms - then_ms));
}

/** Kilograms below a tonne, tonnes above. */
export function weight(kg: Known): string {
  if (missing(kg)) return UNKNOWN;
  const { unit } = words.value;
  return Math.abs(kg) < 1_000 ? `${number(kg)} ${unit.kg}` : `${number(kg / 1_000, 1)} ${unit.t}`;
}

export function distance(m: Known): string {
  if (missing(m)) return UNKNOWN;
  const { unit } = words.value;
  if (m < 1_000) return `${number(Math.round(m / 10) * 10)} ${unit.m}`;
  return `${number(m / 1_000, m < 10_000 ? 1 : 0)} ${unit.km}`;
}

export function speed(mps: Known): string {
  return missing(mps) ? UNKNOWN : `${number(mps * 3.6)} ${words.value.unit.kmh}`;
}

export function percent(fraction: Known): string {
  return missing(fraction) ? UNKNOWN : words.value.unit.percent(number(fraction * 100));
}

/** A moment on the calendar of a zone: `day` 1 = Monday … 7, `minute` of the day. */
export function localTime(at_ms: number, zone: string | null | undefined): { day: number; minute: number } {
  const local = new Date(at_ms + zoneOffset(at_ms, zone ?? timeZone.value));
  return { day: local.getUTCDay() || 7, minute: local.getUTCHours() * 60 + local.getUTCMinutes() };
}

// -------------------------------------------------------------------------------------------------- times as input

/** How far the zone is ahead of UTC at that moment, ms. */
function zoneOffset(at_ms: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(at_ms);
  const part = (type: string) => Number(parts.find(one => one.type === type)?.value);
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return local - Math.floor(at_ms / 1_000) * 1_000;
}

/** What a `datetime-local` field says ("2026-11-24T07:05"), read as city time; null if it says nothing. */
export function fromField(text: string, zone: string = timeZone.value): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text)) return null;
  const asUtc = Date.parse(`${text}:00Z`);
  if (Number.isNaN(asUtc)) return null;
  // the offset is that of the answer, which is not known yet: the second round settles the hours around a change
  const first = asUtc - zoneOffset(asUtc, zone);
  return asUtc - zoneOffset(first, zone);
}

/** City time as a `datetime-local` field wants it. */
export function toField(at_ms: number, zone: string = timeZone.value): string {
  return new Date(at_ms + zoneOffset(at_ms, zone)).toISOString().slice(0, 16);
}
