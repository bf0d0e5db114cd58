/** The reports that are shown: asked again now and then, but not while somebody reads the list. */

import { computed, effect, signal } from "@preact/signals";
import { cityNow } from "../clock.ts";
import { ask } from "../http.ts";
import type { CityMap } from "../map/city_map.ts";
import { inAddress } from "../ui/address.ts";
import { failureText } from "../ui/command.tsx";
import { byUrgency, type CitizenReport } from "./report.ts";

const EVERY_MS = 15_000;

export const chosen = inAddress<string>("report", "");
export const byState = inAddress<string>("state", "open");
export const map = signal<CityMap | null>(null);
/** null: not known yet. */
export const listed = signal<CitizenReport[] | null>(null);
export const asOf_ms = signal<number | null>(null);
export const failure = signal("");
/** Somebody's pointer or focus is on the list: rows stay where they are. */
export const reading = signal(false);

/** The chosen one where the list does not have it: closed, of another state, older. */
const apart = signal<CitizenReport | null>(null);

export const shown = computed<CitizenReport | null>(
  () =>
    listed.value?.find(one => one.report_id === chosen.value) ??
    (apart.value?.report_id === chosen.value ? apart.value : null),
);

export async function refresh(): Promise<void> {
  const state = byState.peek();
  const report_id = chosen.peek();
  try {
    const found = await ask<{ reports: CitizenReport[] }>(
      "GET",
      `/api/v1/reports?state=${encodeURIComponent(state)}&limit=500`,
    );
    if (state !== byState.peek()) return;
    listed.value = found.reports.sort(byUrgency);
    asOf_ms.value = cityNow();
    failure.value = "";
    if (report_id && !found.reports.some(one => one.report_id === report_id))
      apart.value = await ask<CitizenReport>("GET", `/api/v1/reports/${encodeURIComponent(report_id)}`);
  } catch (problem) {
    failure.value = failureText(problem);
  }
}

export function keepFresh(): () => void {
  const timer = setInterval(() => {
    if (!reading.value && document.visibilityState === "visible") void refresh();
  }, EVERY_MS);
  const end = effect(() => {
    byState.value;
    listed.value = null;
    void refresh();
  });
  return () => {
    clearInterval(timer);
    end();
  };
}
