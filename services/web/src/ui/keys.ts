/** Single keys that do something anywhere on a page. They can all be switched off (WCAG 2.1.4), and are off while somebody types. */

import { signal } from "@preact/signals";
import { remember, remembered } from "../remember.ts";

/** Which key asks for what on a page. */
export type Keys<Deed extends string> = Readonly<Record<Deed, string>>;

export const keysOn = signal(remembered("keys") !== "off");
/** The sheet that says which keys there are is open. */
export const keysShown = signal(false);

export function switchKeys(on: boolean): void {
  keysOn.value = on;
  remember("keys", on ? "on" : "off");
}

export function showKeys(): void {
  keysShown.value = true;
}

type Pressed = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "isComposing" | "defaultPrevented">;

/** What a key means; null = nothing of ours: with a modifier, in the middle of a Chinese word, taken already. */
export function deedOf<Deed extends string>(keys: Keys<Deed>, pressed: Pressed): Deed | null {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey || pressed.isComposing || pressed.defaultPrevented)
    return null;
  return (Object.keys(keys) as Deed[]).find(deed => keys[deed] === pressed.key) ?? null;
}

/** What keys go into as text, or choose in; a box to tick is none of it. */
const WRITTEN_IN = "input:not([type=checkbox]), textarea, select, [contenteditable], dialog";

/** Let `act` hear the keys as long as the page lives; returns the end of it. `act`: whether there was something to do. */
export function hearKeys<Deed extends string>(keys: Keys<Deed>, act: (deed: Deed) => boolean): () => void {
  const hear = (event: KeyboardEvent) => {
    if (!keysOn.peek() || keysShown.peek()) return;
    if (event.target instanceof Element && event.target.closest(WRITTEN_IN)) return;
    const deed = deedOf(keys, event);
    if (deed && act(deed)) event.preventDefault();
  };
  document.addEventListener("keydown", hear);
  return () => document.removeEventListener("keydown", hear);
}
