/** Whether somebody's pointer or focus is on a list: then its rows stay where they are. */

import type { Signal } from "@preact/signals";

/** What the list must hear to say so. */
export function saysReading(reading: Signal<boolean>) {
  const on = (value: boolean) => () => {
    reading.value = value;
  };
  return {
    onPointerEnter: on(true),
    onPointerLeave: on(false),
    onFocusIn: on(true),
    onFocusOut: (event: FocusEvent) => {
      const list = event.currentTarget as Node;
      if (!list.contains(event.relatedTarget as Node | null)) reading.value = false;
    },
  };
}
