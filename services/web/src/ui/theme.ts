/** Day or night: the system's wish unless the person chose. */

import { computed, effect, signal } from "@preact/signals";
import { remember, remembered } from "../remember.ts";

export type Choice = "auto" | "day" | "night";

const dark = signal(false);
if (typeof matchMedia !== "undefined") {
  const query = matchMedia("(prefers-color-scheme: dark)");
  dark.value = query.matches;
  query.addEventListener("change", () => {
    dark.value = query.matches;
  });
}

function initial(): Choice {
  const kept = remembered("theme");
  return kept === "day" || kept === "night" ? kept : "auto";
}

export const themeChoice = signal<Choice>(initial());
export const theme = computed<"day" | "night">(() =>
  themeChoice.value === "auto" ? (dark.value ? "night" : "day") : themeChoice.value,
);

/** A page that has its own idea of light: the driver's. */
export const overruled = signal<"day" | "night" | "sun" | null>(null);

export function chooseTheme(to: Choice): void {
  themeChoice.value = to;
  remember("theme", to);
}

if (typeof document !== "undefined") {
  effect(() => {
    document.documentElement.dataset.theme = overruled.value ?? theme.value;
  });
}
