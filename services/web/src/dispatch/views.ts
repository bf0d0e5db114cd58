/** The views somebody has named, kept in this browser. */

import { signal } from "@preact/signals";
import { readViews, type View } from "../domain/views.ts";
import { remember, remembered } from "../remember.ts";

const KEPT = "views.dispatch";

export const views = signal<View[]>(readViews(remembered(KEPT)));

// another page of this browser has kept one
if (typeof addEventListener === "function")
  addEventListener("storage", () => {
    views.value = readViews(remembered(KEPT));
  });

export function keepViews(to: View[]): void {
  views.value = to;
  remember(KEPT, JSON.stringify(to));
}

/**
 * Open a view on this page, of the moment that is shown, as a step back can undo; with Ctrl or a middle press the browser
 * opens its own.
 */
export function openView(event: MouseEvent, query: string): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  const address = new URLSearchParams(query);
  address.delete("at");
  const at = new URLSearchParams(location.search).get("at");
  if (at) address.set("at", at);
  history.pushState(null, "", location.pathname + (address.size ? `?${address}` : ""));
  dispatchEvent(new PopStateEvent("popstate"));
}
