/** An alert in the language of the page: the sentence, the conditions with their numbers, what it was judged with. */

import type { Alert, Condition } from "../contract.ts";
import { number, UNKNOWN, weight } from "../words/format.ts";
import { language, wordFor, words } from "../words/index.ts";
import { inChinese } from "./phrases.ts";
import type { Names } from "./plans.ts";

type Sentences = Record<string, (who: string, lost: string | null) => string>;

/** Who or what it is about, by name. */
export function subject(alert: Alert, names: Names): string {
  if (alert.truck_ids?.length) return alert.truck_ids.map(names.truck).join(", ");
  if (alert.truck_id) return names.truck(alert.truck_id);
  const place = alert.bin_id ?? alert.facility_id ?? alert.source_id;
  return place ? names.place(place) : words.value.app.unknown;
}

export function alertSentence(alert: Alert, names: Names): string {
  const sentences = words.value.ruleSentence as Sentences;
  const say = Object.hasOwn(sentences, alert.rule) ? sentences[alert.rule] : undefined;
  const who = subject(alert, names);
  const lost = alert.lost_kg === null || alert.lost_kg === undefined ? null : `≈ ${weight(alert.lost_kg)}`;
  return say ? say(who, lost) : `${wordFor(words.value.rule, alert.rule)}: ${who}`;
}

export interface Said {
  text: string;
  /** The language it is in, where that is not the page's. */
  lang: "en" | undefined;
}

/** A phrase of the rules (they speak English) in the page's language; English, marked so, where none is known. */
export function phrase(text: string): Said {
  if (language.value === "en") return { text, lang: undefined };
  const chinese = inChinese(text);
  return chinese === null ? { text, lang: "en" } : { text: chinese, lang: undefined };
}

/** "74 s (limit 20 s)"; "" where nothing was measured. */
export function measuredText({ measured, limit, unit }: Condition): string {
  const w = words.value.alerts;
  const value = (what: number | string | null | undefined) =>
    what === null || what === undefined
      ? null
      : typeof what === "number"
        ? `${number(what, Math.abs(what) < 10 && !Number.isInteger(what) ? 1 : 0)}${unit ? ` ${phrase(unit).text}` : ""}`
        : phrase(what).text;
  const found = value(measured);
  const bound = value(limit);
  if (found === null && bound === null) return "";
  return `${w.measured} ${found ?? UNKNOWN}${bound === null ? "" : ` · ${w.limit} ${bound}`}`;
}

/** `used` as lines "permit p3@2". */
export function usedLines(used: Record<string, unknown> | undefined): string[] {
  return Object.entries(used ?? {}).flatMap(([kind, value]) => {
    if (value === null || value === undefined) return [];
    const text = Array.isArray(value)
      ? value.join(", ")
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);
    return text ? [`${phrase(kind).text} ${text}`] : [];
  });
}
