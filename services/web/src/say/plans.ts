/** Why a plan was made, what it changed and what was left out, as sentences of the page's language. */

import type { LeftOut, Params, PlanChange, TruckPlan } from "../contract.ts";
import { hourMinute, percent, weight } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";

/** How to call things by name; the desk and the phone know different amounts. */
export interface Names {
  truck: (truck_id: string) => string;
  place: (place_id: string) => string;
}

/** Parameters as people read them: ids as names, `_ms` as times of day, skip reasons and kinds of waste as words. */
export function readable(params: Params | undefined, names: Names): Params {
  const said: Params = { ...params };
  for (const [key, value] of Object.entries(params ?? {})) {
    const text = String(value);
    if (key === "truck_id" || key === "truck") said.truck = names.truck(text);
    else if (key === "facility_id" || key === "facility") said.facility = String(params?.name ?? names.place(text));
    else if (/^(bin_id|stop_id|place_id|source_id|bin|stop|place)$/.test(key)) said.place = names.place(text);
    else if (key === "order_id") said.order = text;
    else if (/_ms$/.test(key) && typeof value === "number" && value > 1e11) said.time = hourMinute(value);
    else if (key === "load_kg" && typeof value === "number") said.load = weight(value);
    else if (key === "exception") said.exception = wordFor(words.value.skip, text);
    else if (key === "late_s" && typeof value === "number") said.minutes = Math.round(value / 60);
    else if ((key === "late_ms" || key === "lateness_ms") && typeof value === "number")
      said.minutes = Math.round(value / 60_000);
  }
  return said;
}

type Reasons = Record<string, (params: Params) => string>;

export function planReason(of: Pick<TruckPlan, "reason" | "reason_params">, names: Names): string {
  const reasons = words.value.planReason as Reasons;
  const say = Object.hasOwn(reasons, of.reason) ? reasons[of.reason] : undefined;
  return say ? say(readable(of.reason_params, names)) : of.reason;
}

export function changesOf(plan: TruckPlan): PlanChange[] {
  return Array.isArray(plan.changed) ? plan.changed : [];
}

export function changeText(change: PlanChange, names: Names): string {
  const w = words.value.change;
  const place_id = change.stop_id ?? change.facility_id;
  const name = change.name ?? (place_id ? names.place(place_id) : words.value.visit.break);
  const other = (id: string | null | undefined) => (id ? names.truck(id) : null);
  switch (change.what) {
    case "added":
      return w.added(name, other(change.from_truck_id));
    case "removed":
      return w.removed(name, other(change.to_truck_id));
    case "moved":
      return w.moved(name, change.position ?? null);
    case "facility":
      return w.facility(change.name ?? names.place(change.facility_id ?? ""));
    case "later":
      return w.later(name);
    case "earlier":
      return w.earlier(name);
    default:
      return name;
  }
}

/**
 * Why a visit or a change is there. The planner writes codes: `overflow:<ms>`, `promised:<ms>`, `fill:<0 to 1>`, or the
 * reason of a plan; other text is shown as it came.
 */
export function whyText(why: string | null | undefined, names: Names): string {
  if (!why) return "";
  const [code = "", value = ""] = why.split(":", 2);
  const w = words.value.why;
  const amount = Number(value);
  if (code === "overflow" && amount > 0) return w.overflow(hourMinute(amount));
  if (code === "promised" && amount > 0) return w.promised(hourMinute(amount));
  if (code === "fill" && value) return w.fill(percent(amount));
  return planReason({ reason: why }, names);
}

/** The short reason; the planner's own sentence with its numbers stands beside it. */
export function leftOutText(left: Pick<LeftOut, "code">): string {
  return wordFor(words.value.leftOut, left.code);
}

/** A time of day past 24:00, as the optimiser counts on over midnight: "30:05" is five past six the next day. */
const PAST_MIDNIGHT = /\b(\d{2,3}):([0-5]\d)\b/g;

/** A sentence of the planner with its times as people read them. */
export function withDays(sentence: string): string {
  return sentence.replace(PAST_MIDNIGHT, (time, hours: string, minutes: string) => {
    const days = Math.floor(Number(hours) / 24);
    if (days === 0 || time === "24:00") return time;
    const hour = String(Number(hours) % 24).padStart(2, "0");
    return words.value.desk.left.laterDay(`${hour}:${minutes}`, days);
  });
}
