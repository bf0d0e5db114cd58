/** What a move comes to, in words: a difference with its sign, and the first rule in the way. */

import type { Price, Rule } from "../contract.ts";
import { signed } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { phrase, type Said } from "./alerts.ts";
import { withDays } from "./plans.ts";

/** "+1.2 km" */
export function kilometres(price: Price): string {
  return `${signed(price.distance_m / 1_000, 1)} ${words.value.unit.km}`;
}

/** "−4 min", to the minute. */
export function minutes(of_s: number): string {
  return words.value.draft.minutes(signed(of_s / 60));
}

/** "+1.2 km · +4 min · overflow −12 min": all of it in one line; overtime only where there is some. */
export function priceText(price: Price): string {
  const w = words.value.draft;
  return [
    kilometres(price),
    minutes(price.duration_s),
    ...(Math.round(price.overtime_s / 60) ? [w.overtime(minutes(price.overtime_s))] : []),
    w.overflow(minutes(price.overflow_s)),
  ].join(" · ");
}

/** The rule by its name, and the planner's sentence with the numbers; the name is left out where the sentence is all. */
export function ruleText(rule: Rule): { name: string | null; sentence: Said } {
  const said = phrase(rule.reason);
  const name = rule.code === "no_vehicle" ? null : wordFor(words.value.leftOut, rule.code);
  return { name, sentence: { ...said, text: withDays(said.text) } };
}
