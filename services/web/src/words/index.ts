/** The language of the page: the browser's at first, then what the person chose. */

import { computed, effect, signal } from "@preact/signals";
import { remember, remembered } from "../remember.ts";
import { en, type Words } from "./en.ts";
import { zh } from "./zh.ts";

export type Language = "zh" | "en";
export type { Words };

const LANGUAGES: Record<Language, { words: Words; tag: string }> = {
  zh: { words: zh, tag: "zh-Hans" },
  en: { words: en, tag: "en" },
};

/** The first language of the browser that we speak. */
export function preferred(languages: readonly string[]): Language {
  for (const tag of languages) {
    if (/^zh\b/i.test(tag)) return "zh";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

function initial(): Language {
  const kept = remembered("language");
  return kept === "zh" || kept === "en" ? kept : preferred(globalThis.navigator?.languages ?? []);
}

export const language = signal<Language>(initial());

/** Another language's length or letters, tried on the pages without being one of ours: tests put it there before they load. */
const tried = (globalThis as { qingyunWords?: (words: Words) => Words }).qingyunWords ?? ((of: Words) => of);

/** All words in the language of the moment; reading it subscribes. */
export const words = computed<Words>(() => tried(LANGUAGES[language.value].words));

export function wordsIn(which: Language): Words {
  return LANGUAGES[which].words;
}

export function setLanguage(to: Language): void {
  language.value = to;
  remember("language", to);
}

/** A word by a key that came from outside; the key itself where we have no word for it. */
export function wordFor(table: Record<string, string>, key: string | null | undefined): string {
  if (key === null || key === undefined || key === "") return words.value.app.unknown;
  return Object.hasOwn(table, key) ? (table[key] ?? key) : key;
}

if (typeof document !== "undefined") {
  effect(() => {
    document.documentElement.lang = LANGUAGES[language.value].tag;
  });
}
