/** The stretch of time a bar shows, and moments as an address says them. Pure. */

/** Minutes a bar may show. Ten: five before and five after. */
export const SPANS = [10, 60, 360, 1_440] as const;

export interface Span {
  from_ms: number;
  to_ms: number;
}

const MINUTE_MS = 60_000;

/** A stretch of so many minutes around a moment, ending at `end_ms` at the latest: there is nothing after now. */
export function around(at_ms: number, minutes: number, end_ms: number): Span {
  const long_ms = minutes * MINUTE_MS;
  const to_ms = Math.min(at_ms + long_ms / 2, Math.max(end_ms, at_ms));
  return { from_ms: to_ms - long_ms, to_ms };
}

/** What a bar shows of the past: what it showed, as long as the moment is in it; else the moment comes to its middle. */
export function spanOf(shown: Span | null, at_ms: number, minutes: number, end_ms: number): Span {
  const same = shown && Math.round((shown.to_ms - shown.from_ms) / MINUTE_MS) === minutes;
  return same && at_ms >= shown.from_ms && at_ms <= shown.to_ms ? shown : around(at_ms, minutes, end_ms);
}

/** What a bar shows of now: it ends a little later, so that it moves on in steps and not under a hand. */
export function spanUpTo(now_ms: number, minutes: number): Span {
  const step_ms = (minutes * MINUTE_MS) / 12;
  const to_ms = Math.ceil((now_ms + 1) / step_ms) * step_ms;
  return { from_ms: to_ms - minutes * MINUTE_MS, to_ms };
}

/** Where a moment is in a stretch, 0 to 1; null outside. */
export function shareOf(span: Span, at_ms: number): number | null {
  const share = (at_ms - span.from_ms) / (span.to_ms - span.from_ms);
  return share >= 0 && share <= 1 ? share : null;
}

/** A moment in an address: 2026-11-24T07:05:09Z. */
export const momentText = (at_ms: number): string => `${new Date(at_ms).toISOString().slice(0, 19)}Z`;

/** … and back; null if it is none. */
export function momentOf(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text)) return null;
  const at_ms = Date.parse(text);
  return Number.isNaN(at_ms) || at_ms < 0 ? null : at_ms;
}
