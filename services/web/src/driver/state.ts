/** The driver's day: what the office said last, what the phone reported, and so what comes next. */

import { computed, effect, signal } from "@preact/signals";
import { cityNow, type KeptClock, phoneAhead, rate, reckoned, restoreClock, told } from "../clock.ts";
import type { ActionKind, DriverActionBody, DriverDay, PlanVisit, Session, TruckPlan } from "../contract.ts";
import { onBreak, type Report, remaining, standing } from "../domain/progress.ts";
import { ask, newId, putBytes } from "../http.ts";
import type { Names } from "../say/plans.ts";
import { session } from "../session.ts";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { Outbox } from "./outbox.ts";
import { HeldElsewhere, NO_SHELF, openPhone, type Phone, photoShelf, reportShelf } from "./phone.ts";
import { PhotoBox, type Taken } from "./photos.ts";

export const day = signal<DriverDay | null>(null);
export const outbox = signal<Outbox | null>(null);
export const photoBox = signal<PhotoBox | null>(null);
/** Reports and photos that go out as soon as they can. */
export const waiting = computed(() => (outbox.value?.waiting ?? 0) + (photoBox.value?.waiting ?? 0));
/** Those the office could not take so far, through a fault of its own. */
export const aside = computed(() => (outbox.value?.aside ?? 0) + (photoBox.value?.aside ?? 0));
/** The phone stores nothing (private mode): reports could be lost, so none are taken but a call for help. */
export const noStorage = signal(false);
/** That is so only because another tab, of an older release, does not let go of it. */
export const heldElsewhere = signal(false);
/** It stores no more: what is reported now is sent, but would not outlive the page. */
export const storageFull = computed(
  () => !noStorage.value && ((outbox.value?.full.value || photoBox.value?.full.value) ?? false),
);

let phone: Phone | null = null;
/** The clock as the page found it: what was stamped before the office told the time was stamped by this one. */
let keptClock: KeptClock | null = null;

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
  // the same version says more in the day: its turns
  return streamed.plan_version > asked.plan_version ? streamed : asked;
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

/** More than this a phone's clock is called wrong: a minute is what people set by hand. */
export const CLOCK_WRONG_MS = 60_000;

/** What marks a time that the phone's own clock would have got wrong. */
function clockMark(): { clock_ahead_ms?: number } {
  const ahead_ms = Math.round(phoneAhead.peek());
  return told.peek() && Math.abs(ahead_ms) > CLOCK_WRONG_MS ? { clock_ahead_ms: ahead_ms } : {};
}

/** Report something: kept on the phone at once, sent behind. Photos taken at the visit go with it. Returns its id. */
export async function report(kind: ActionKind, about: string, more: Partial<DriverActionBody> = {}): Promise<string> {
  const action_id = newId(cityNow());
  const version = plan.value?.plan_version;
  const photo_ids = WITH_PHOTOS.has(kind) ? loosePhotos(more).map(one => one.photo_id) : [];
  const body: DriverActionBody = {
    kind,
    event_time_ms: cityNow(),
    ...(version === undefined ? {} : { plan_version: version }),
    ...more,
    ...(photo_ids.length ? { photo_ids } : {}),
    ...clockMark(),
  };
  photoBox.value?.giveWay();
  await outbox.value?.put(action_id, body, about, !told.peek());
  if (photo_ids.length) await photoBox.value?.attach(photo_ids, action_id);
  return action_id;
}

/** Reports that say how a visit ended. */
const WITH_PHOTOS: ReadonlySet<ActionKind> = new Set(["collected", "skipped", "tipped"]);
/** The gateway takes so many with one report. */
const MOST_PHOTOS = 8;

/** The photos of a visit that go with its report. */
export function loosePhotos(of: Pick<Taken, "stop_id" | "facility_id">) {
  return of.stop_id || of.facility_id ? (photoBox.value?.loose(of) ?? []).slice(0, MOST_PHOTOS) : [];
}

/** Keep a photo that was just taken at a visit, bound to this moment; sent behind the reports. */
export async function keepPhoto(
  visit: PlanVisit,
  bytes: Uint8Array<ArrayBuffer>,
  seen: Pick<Taken, "taken_ms" | "sha256" | "place" | "accuracy_m">,
): Promise<void> {
  const { stop_id, order_id, facility_id } = about(visit);
  const version = plan.value?.plan_version;
  const taken: Taken = {
    ...seen,
    ...(stop_id ? { stop_id } : {}),
    ...(order_id ? { order_id } : {}),
    ...(facility_id ? { facility_id } : {}),
    ...(version === undefined ? {} : { plan_version: version }),
    ...clockMark(),
  };
  await photoBox.value?.put(newId(seen.taken_ms), taken, visitName(visit), bytes, !told.peek());
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
  clock: KeptClock;
}

/** Open the phone's storage. */
export async function openStorage(): Promise<void> {
  try {
    phone = await openPhone();
    keptClock = ((await phone.get("kept", "last")) as Kept | undefined)?.clock ?? null;
    passengerLog.value = ((await phone.get("kept", "passenger")) as number[] | undefined) ?? [];
    void navigator.storage?.persist?.();
  } catch (problem) {
    noStorage.value = true;
    heldElsewhere.value = problem instanceof HeldElsewhere;
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

let daysAsked = 0;

/** Ask the office for the day; without an answer the last known one stays. An answer that was overtaken is passed over. */
export async function askForDay(): Promise<void> {
  const mine = ++daysAsked;
  try {
    const found = await ask<DriverDay>("GET", "/api/v1/driver");
    if (mine !== daysAsked) return;
    day.value = found;
    await keep();
  } catch {
    // the stream and the next round will tell
  }
}

export async function openOutbox(user_id: string): Promise<void> {
  let timesRight = false;
  const box = new Outbox(
    phone ? reportShelf(phone) : NO_SHELF,
    user_id,
    (action_id, body) => ask("PUT", `/api/v1/driver-actions/${action_id}`, body),
    { mayGo: () => timesRight, onIdle: () => void photoBox.value?.flush() },
  );
  const photos = new PhotoBox(
    phone ? photoShelf(phone) : NO_SHELF,
    user_id,
    (address, bytes, signal) => putBytes(address, bytes, "image/jpeg", signal),
    () => timesRight && box.waiting === 0,
  );
  await box.open();
  await photos.open();
  outbox.value = box;
  photoBox.value = photos;
  addEventListener("online", () => void box.flush());
  document.addEventListener("visibilitychange", () => void box.flush());
  effect(() => {
    if (!told.value) return;
    // what an earlier run of the page stamped without the office's time waits for this, too
    void putTimesRight(box, photos).then(() => {
      timesRight = true;
      return box.flush();
    });
  });
}

/** The office has told the time: what was stamped without it is put right. */
async function putTimesRight(box: Outbox, photos: PhotoBox): Promise<void> {
  const guessed_ms = keptClock ? Math.round(reckoned(keptClock) - cityNow()) : 0;
  const ahead_ms = Math.abs(guessed_ms) > CLOCK_WRONG_MS * rate.peek() ? guessed_ms : 0;
  await box.correct(ahead_ms);
  await photos.correct(ahead_ms);
}

/** When somebody beside the driver opened the page while it drove; the contract has no word for it, so it stays here. */
export const passengerLog = signal<number[]>([]);

export async function notePassenger(): Promise<void> {
  passengerLog.value = [...passengerLog.value, cityNow()].slice(-50);
  await phone?.put("kept", passengerLog.value, "passenger");
}

/** Signing out on this phone: nothing of the day stays behind for the next driver. */
export async function forgetDay(): Promise<void> {
  await phone?.delete("kept", "passenger");
  await phone?.delete("kept", "last");
}
