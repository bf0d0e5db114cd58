/** Single keys that do something anywhere on a page. They can all be switched off (WCAG 2.1.4), and are off while somebody types. */

import { signal } from "@preact/signals";
import { remember, remembered } from "../remember.ts";

export const DEEDS = ["search", "next", "previous", "follow", "help"] as const;
export type Deed = (typeof DEEDS)[number];

export const KEYS: Record<Deed, string> = { search: "/", next: "j", previous: "k", follow: "f", help: "?" };

export const keysOn = signal(remembered("keys") !== "off");

export function switchKeys(on: boolean): void {
  keysOn.value = on;
  remember("keys", on ? "on" : "off");
}

type Pressed = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "isComposing" | "defaultPrevented">;

/** What a key means; null = nothing of ours: with a modifier, in the middle of a Chinese word, taken already. */
export function deedOf(pressed: Pressed): Deed | null {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey || pressed.isComposing || pressed.defaultPrevented)
    return null;
  return DEEDS.find(deed => KEYS[deed] === pressed.key) ?? null;
}

/** Whether keys go into this element as text or choose in it. */
export function takesText(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable], dialog") !== null;
}

/** Let `act` hear the keys as long as the page lives; returns the end of it. */
export function hearKeys(act: (deed: Deed) => boolean): () => void {
  const hear = (event: KeyboardEvent) => {
    if (!keysOn.peek() || takesText(event.target)) return;
    const deed = deedOf(event);
    if (deed && act(deed)) event.preventDefault();
  };
  document.addEventListener("keydown", hear);
  return () => document.removeEventListener("keydown", hear);
}
