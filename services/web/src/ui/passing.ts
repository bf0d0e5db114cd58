/** What is shown for a while and then goes by itself, but not under somebody's pointer or focus. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** Wall time in which what was just done can be taken back. */
export const SHOWN_MS = 10_000;

/** Call `gone` once `what` was there for a while, unless it `keeps`. Returns what the element around it must hear. */
export function usePassing(what: unknown, gone: () => void, keeps = false) {
  const pointed = useSignal(false);
  const focused = useSignal(false);
  const stays = keeps || pointed.value || focused.value;
  useEffect(() => {
    if (stays) return;
    const timer = setTimeout(gone, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [what, stays]);
  const on = (of: typeof pointed, value: boolean) => () => {
    of.value = value;
  };
  return {
    onPointerEnter: on(pointed, true),
    onPointerLeave: on(pointed, false),
    onFocusIn: on(focused, true),
    onFocusOut: on(focused, false),
  };
}
