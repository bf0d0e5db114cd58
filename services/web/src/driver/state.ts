/** The driver's day: what the office said last, what the phone reported, and so what comes next. */

import { computed, signal } from "@preact/signals";
import { cityNow, rate, restoreClock } from "../clock.ts";
import type { ActionKind, DriverActionBody, DriverDay, PlanVisit, Session, TruckPlan } from "../contract.ts";
import { onBreak, type Report, remaining, standing } from "../domain/progress.ts";
import { ask, newId } from "../http.ts";
import type { Names } from "../say/plans.ts";
import { session } from "../session.ts";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { Outbox, openPhone, type Phone } from "./outbox.ts";

export const day = signal<DriverDay | null>(null);
export const outbox = signal<Outbox | null>(null);
/** The phone stores nothing (private mode): reports would be lost, so none are taken. */
export const noStorage = signal(false);

let phone: Phone | null = null;

// ------------------------------------------------------------------------------------------------- what is known

export const truck = computed(() => {
  const id = session.value?.user.truck_id ?? day.value?.truck.truck_id;
  store.tables.truck.version.value;
  return store.tables.truck.get(id) ?? day.value?.truck ?? null;
});

/** The newest plan, whichever way it came. */
export const plan = computed<TruckPlan | null>(() => {
  store.tables.plan.version.value;
  const streamed = store.tables.plan.get(truck.value?.truck_id) ?? null;
  const asked = day.value?.plan ?? null;
  if (!streamed || !asked) return streamed ?? asked;
  return streamed.plan_version >= asked.plan_version ? streamed : asked;
});

/** Everything reported for this truck: from this phone, and from elsewhere by way of the office. */
export const reports = computed<Report[]>(() => {
  const mine = (outbox.value?.reports.value ?? []).filter(one => one.state !== "refused");
  const found = new Map<string, Report>();
  for (const action of store.tables.action.all())
    if (action.truck_id === truck.value?.truck_id) found.set(action.action_id, action);
  for (const { action_id, body, state } of mine)
    if (!found.has(action_id)) found.set(action_id, { action_id, ...body, waiting: state !== "received" });
  return [...found.values()].sort((a, b) => a.event_time_ms - b.event_time_ms);
});

export const left = computed(() => remaining(plan.value, reports.value));
export const next = computed(() => left.value[0] ?? null);
export const resting = computed(() => onBreak(reports.value));

/** The report of a breakdown or SOS that still stands in this shift. */
export const down = computed<Report | null>(() => {
  const since_ms = day.value?.shift?.start_ms ?? 0;
  const calls = standing(reports.value).filter(one => one.kind === "sos" || one.kind === "breakdown");
  return calls.filter(one => one.event_time_ms >= since_ms).at(-1) ?? null;
});

export const arrivedAt = computed<Report | null>(() => {
  const visit = next.value?.visit;
  if (!visit) return null;
  return (
    standing(reports.value).findLast(
      one =>
        one.kind === "arrived" &&
        (visit.stop_id ? one.stop_id === visit.stop_id : one.facility_id === visit.facility_id) &&
        one.event_time_ms >= (plan.value?.made_ms ?? 0) - 3_600_000,
    ) ?? null
  );
});

/** The plan has not been confirmed by the driver yet. */
export const unconfirmed = computed(() => {
  const current = plan.value;
  if (!current?.visits?.length) return false;
  return !reports.value.some(one => one.kind === "accepted_plan" && (one.plan_version ?? -1) >= current.plan_version);
});

export const names: Names = {
  truck: truck_id =>
    (truck_id === truck.value?.truck_id ? truck.value.plate : null) ?? day.value?.plates?.[truck_id] ?? truck_id,
  place: place_id =>
    store.tables.facility.get(place_id)?.name ??
    plan.value?.visits?.find(visit => visit.stop_id === place_id || visit.facility_id === place_id)?.name ??
    place_id,
};

export function visitName(visit: PlanVisit): string {
  const w = words.value.visit;
  if (visit.kind === "break") return w.break;
  if (visit.kind === "end") return w.end;
  return visit.name ?? names.place(visit.stop_id ?? visit.facility_id ?? "");
}

// -------------------------------------------------------------------------------------------------- what is done

/** Report something: kept on the phone at once, sent behind. Returns its id. */
export async function report(kind: ActionKind, about: string, more: Partial<DriverActionBody> = {}): Promise<string> {
  const action_id = newId(cityNow());
  const version = plan.value?.plan_version;
  const body: DriverActionBody = {
    kind,
    event_time_ms: cityNow(),
    ...(version === undefined ? {} : { plan_version: version }),
    ...more,
  };
  await outbox.value?.put(action_id, body, about);
  return action_id;
}

/** The members that say which visit a report is about. */
export function about(visit: PlanVisit): Partial<DriverActionBody> {
  const bin = visit.bin_ids?.length === 1 ? visit.bin_ids[0] : undefined;
  return {
    ...(visit.stop_id ? { stop_id: visit.stop_id } : {}),
    ...(bin ? { bin_id: bin } : {}),
    ...(visit.order_id ? { order_id: visit.order_id } : {}),
    ...(visit.facility_id ? { facility_id: visit.facility_id } : {}),
  };
}

// ------------------------------------------------------------------------------------------------- phone and office

interface Kept {
  session: Session;
  day: DriverDay | null;
  clock: { now_ms: number; rate: number; wall_ms: number };
}

/** Open the phone's storage. */
export async function openStorage(): Promise<void> {
  try {
    phone = await openPhone();
    void navigator.storage?.persist?.();
  } catch {
    noStorage.value = true;
  }
}

/** Who was signed in here last, with the day as it was known: enough to go on without a network. */
export async function lastKnown(): Promise<Session | null> {
  const kept = (await phone?.get("kept", "last")) as Kept | undefined;
  if (!kept) return null;
  restoreClock(kept.clock);
  day.value = kept.day;
  return kept.session;
}

async function keep(): Promise<void> {
  if (!phone || !session.value) return;
  const clock = { now_ms: cityNow(), rate: rate.value, wall_ms: Date.now() };
  await phone.put("kept", { session: session.value, day: day.value, clock } satisfies Kept, "last");
}

/** Ask the office for the day; without an answer the last known one stays. */
export async function askForDay(): Promise<void> {
  try {
    day.value = await ask<DriverDay>("GET", "/api/v1/driver");
    await keep();
  } catch {
    // the stream and the next round will tell
  }
}

export async function openOutbox(user_id: string): Promise<void> {
  if (!phone) return;
  const box = new Outbox(phone, user_id, (action_id, body) => ask("PUT", `/api/v1/driver-actions/${action_id}`, body));
  await box.open();
  outbox.value = box;
  addEventListener("online", () => void box.flush());
  document.addEventListener("visibilitychange", () => void box.flush());
}

/** Signing out on this phone: nothing of the day stays behind for the next driver. */
export async function forgetDay(): Promise<void> {
  await phone?.delete("kept", "last");
}
