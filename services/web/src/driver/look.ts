/** Colours by the light outside or by hand, and which hand the buttons are for. */

import { computed, effect, signal } from "@preact/signals";
import { now } from "../clock.ts";
import { lightAt } from "../domain/sun.ts";
import { remember, remembered } from "../remember.ts";
import { session } from "../session.ts";
import { overruled } from "../ui/theme.ts";

export const LIGHTS = ["auto", "day", "night", "sun"] as const;
export type Light = (typeof LIGHTS)[number];
export const HANDS = ["right", "left"] as const;
export type Hand = (typeof HANDS)[number];

export const light = signal<Light>(LIGHTS.find(one => one === remembered("cab-light")) ?? "auto");
export const hand = signal<Hand>(HANDS.find(one => one === remembered("cab-hand")) ?? "right");

export function chooseLight(to: Light): void {
  light.value = to;
  remember("cab-light", to);
}

export function chooseHand(to: Hand): void {
  hand.value = to;
  remember("cab-hand", to);
}

/** City time to the minute: the sun is not in a hurry. */
const minute_ms = computed(() => Math.floor(now.value / 60_000) * 60_000);

/** The colours of the moment; null before time and city are known. */
const outside = computed(() => {
  const city = session.value?.city;
  return city && minute_ms.value ? lightAt(minute_ms.value, city.centre) : null;
});

effect(() => {
  overruled.value = light.value === "auto" ? outside.value : light.value;
});
