/** The drive: where the truck is, what comes next on its way, whether it is being driven, and what is said of it. */

import { computed, effect, signal } from "@preact/signals";
import { cityNow, now, rate } from "../clock.ts";
import { announcement, type Said } from "../domain/announce.ts";
import { type Guidance, guide } from "../domain/guidance.ts";
import { bestFix, type Fix, isDriving } from "../domain/position.ts";
import { hasPlace } from "../domain/trucks.ts";
import { remember, remembered } from "../remember.ts";
import { turnSpoken } from "../say/turns.ts";
import { left, next, notePassenger, plan, truck, visitName } from "./state.ts";
import { speak } from "./voice.ts";

// ------------------------------------------------------------------------------------------------------ the place

/** The phone's last fix, with `performance.now()` of its coming. */
const phoneFix = signal<(Omit<Fix, "age_ms"> & { at_ms: number }) | null>(null);
/** Whether the phone's position is used: asked of nobody who has not chosen so. */
export const phonePlace = signal<"off" | "on" | "refused">("off");
let watching: number | null = null;

/** Use the phone's position while the page is in front, or no more. */
export function usePhonePlace(on: boolean): void {
  remember("phone-place", on ? "yes" : "no");
  phonePlace.value = on ? "on" : "off";
  watch();
}

function watch(): void {
  const wanted = phonePlace.value === "on" && document.visibilityState === "visible" && "geolocation" in navigator;
  if (wanted === (watching !== null)) return;
  if (!wanted) {
    navigator.geolocation.clearWatch(watching ?? 0);
    watching = null;
    phoneFix.value = null;
    return;
  }
  watching = navigator.geolocation.watchPosition(
    ({ coords }) => {
      phoneFix.value = {
        place: [coords.longitude, coords.latitude],
        speed_mps: coords.speed,
        heading_deg: coords.heading !== null && Number.isFinite(coords.heading) ? coords.heading : null,
        accuracy_m: coords.accuracy,
        at_ms: performance.now(),
      };
    },
    problem => {
      if (problem.code === problem.PERMISSION_DENIED) phonePlace.value = "refused";
    },
    { enableHighAccuracy: true, maximumAge: 2_000 },
  );
}

/** Begin, once the page is drawn. */
export function startDriving(): void {
  document.addEventListener("visibilitychange", watch);
  if (remembered("phone-place") === "yes") usePhonePlace(true);
  effect(sayWhatComes);
}

const terminalFix = computed<Fix | null>(() => {
  const of = truck.value;
  if (!of || !hasPlace(of) || of.event_time_ms === null) return null;
  const age_ms = Math.max(0, (now.value || cityNow()) - of.event_time_ms);
  return { place: [of.lon, of.lat], speed_mps: of.speed_mps, heading_deg: of.heading_deg, accuracy_m: null, age_ms };
});

/** Where the truck is, as well as it is known. */
export const here = computed<Fix | null>(() => {
  const phone = phoneFix.value;
  now.value; // ages as time goes on
  const fix = phone && { ...phone, age_ms: (performance.now() - phone.at_ms) * rate.value };
  return bestFix(terminalFix.value, fix);
});

// -------------------------------------------------------------------------------------------------------- the way

let last = { key: "", at_m: 0 };

/** What comes next on the way to the next visit; null where the plan says no turns or the place is not known. */
export const guidance = computed<Guidance | null>(() => {
  const [current, visit, at] = [plan.value, next.value, here.value];
  if (!current || !visit || !at) return null;
  const key = `${current.plan_version}/${visit.index}`;
  const found = guide(current, visit.index, at.place, last.key === key ? last.at_m : null);
  if (found?.on) last = { key, at_m: found.at_m };
  return found;
});

export const nextName = computed(() => (next.value ? visitName(next.value.visit) : ""));

let wasDriving = false;
/** Faster than 8 km/h: only the way is shown. */
export const driving = computed(() => {
  wasDriving = isDriving(here.value, wasDriving);
  return wasDriving && left.value.length > 0;
});

/** Somebody beside the driver looks: until the truck stands. */
const passenger = signal(false);
export const onlyTheWay = computed(() => driving.value && !passenger.value);
export const passengerLooks = computed(() => driving.value && passenger.value);

export function passengerOpens(): void {
  passenger.value = true;
  void notePassenger();
}

effect(() => {
  if (!driving.value) passenger.value = false;
});

// ------------------------------------------------------------------------------------------------------ the voice

let said: { key: string; what: Said } | null = null;

function sayWhatComes(): void {
  const [found, current, visit] = [guidance.value, plan.value, next.value];
  if (!found || !current || !visit || !driving.value) return;
  const key = `${current.plan_version}/${visit.index}`;
  const now_ = announcement(found, said?.key === key ? said.what : null);
  if (!now_) return;
  said = { key, what: now_.said };
  speak(turnSpoken(now_.in_m, now_.turn.code, now_.turn.road, nextName.value));
}
