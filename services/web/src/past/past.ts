/**
 * Looking at the past: the page's store shows a moment that is over, while the stream goes on into one beside it; then
 * back to now, without a gap and without a reload.
 */

import { batch, signal } from "@preact/signals";
import { cityNow, cityRate, inPast, moment, showMoment } from "../clock.ts";
import type { Kept, Moment, MomentKind, Moments, PastChanges, PastState } from "../contract.ts";
import { ask } from "../http.ts";
import { Player, type Speed } from "../live/player.ts";
import { Store } from "../live/store.ts";
import { inAddress } from "../ui/address.ts";
import { failureText } from "../ui/command.tsx";
import { live, store } from "../ui/start.tsx";
import { momentOf, momentText } from "./span.ts";

/** What came in the last seconds may not be in the tables yet: so near to now, now is shown. Wall time. */
const EDGE_MS = 5_000;
/** What is played never quite reaches the edge, which moves on while more is fetched: so near to it, it is reached. */
const REACHED_MS = 2_000;
const TICK_MS = 100;
/** While it plays, ages and lists are drawn again after so much, and the address follows. Wall time. */
const DRAWN_MS = 1_000;
const ADDRESS_MS = 10_000;
/** How far the next moment is looked for: what the gateway looks through at once, so often. */
const REACH = { once_ms: 2 * 86_400_000, times: 4 } as const;

export const playing = signal(false);
export const speed = signal<Speed>(1);
/** The picture of a moment, or more of what follows, is being fetched. */
export const loading = signal(false);
export const failure = signal("");
/** What is kept of the day that is shown. */
export const kept = signal<Kept | null>(null);
/** Counts the moments that were gone to: what is fetched for a moment is fetched again. */
export const looks = signal(0);

const at = inAddress<string>("at", "");
/** What we told the address. */
let told = "";
function tell(moment_ms: number | null): void {
  told = moment_ms === null ? "" : momentText(moment_ms);
  at.value = told;
}

// a step back or on, to an address of another moment
addEventListener("popstate", () => {
  if (at.peek() === told) return;
  const named_ms = momentOf(at.peek());
  if (named_ms === null) backToNow();
  else void lookAt(named_ms);
});

let player: Player | null = null;
/** Answers of an earlier look are of no use. */
let round = 0;
let asking = false;
let timer: ReturnType<typeof setInterval> | undefined;
let ticked_ms = 0;
let drawn_ms = 0;
let addressed_ms = 0;

/** City time up to which there is a past. */
export const edge = (): number => cityNow() - EDGE_MS * cityRate();

/** Show this moment, paused. Near to now, or later: now. False: it could not be shown, and the page is as it was. */
export async function lookAt(at_ms: number): Promise<boolean> {
  const wanted_ms = Math.round(at_ms);
  const mine = ++round;
  pause();
  failure.value = "";
  if (wanted_ms >= edge()) {
    backToNow();
    return true;
  }
  loading.value = true;
  try {
    const state = await ask<PastState>("GET", `/api/v1/history?at_ms=${wanted_ms}`);
    if (mine !== round) return false;
    show(state, wanted_ms);
    return true;
  } catch (problem) {
    if (mine === round) failure.value = failureText(problem);
    return false;
  } finally {
    if (mine === round) loading.value = false;
  }
}

function show(state: PastState, at_ms: number): void {
  if (live.into.peek() === store) {
    const beside = new Store();
    beside.takeFrom(store);
    live.into.value = beside;
  }
  player = new Player(at_ms, speed.peek());
  batch(() => {
    store.takeSnapshot(state);
    showMoment(at_ms, Number.POSITIVE_INFINITY);
    kept.value = state.kept;
    looks.value++;
  });
  document.body.dataset.past = "true";
  tell(at_ms);
}

/** Show now again. */
export function backToNow(): void {
  round++;
  pause();
  player = null;
  loading.value = false;
  failure.value = "";
  delete document.body.dataset.past;
  tell(null);
  const present = live.into.peek();
  if (present === store) return;
  batch(() => {
    store.takeFrom(present);
    live.into.value = store;
    kept.value = null;
    showMoment(null);
    looks.value++;
  });
}

/** Go on from the moment shown; from now, there is nowhere to go. */
export function play(): void {
  if (!player || playing.peek()) return;
  playing.value = true;
  showMoment(player.moment_ms, speed.peek());
  ticked_ms = performance.now();
  timer = setInterval(tick, TICK_MS);
}

export function pause(): void {
  clearInterval(timer);
  if (!playing.peek() || !player) return;
  playing.value = false;
  showMoment(Math.round(player.moment_ms), Number.POSITIVE_INFINITY);
  tell(player.moment_ms);
}

export function setSpeed(to: Speed): void {
  speed.value = to;
  player?.setSpeed(to);
  if (playing.peek() && player) showMoment(player.moment_ms, to);
}

function tick(): void {
  if (!player) return;
  const wall_ms = performance.now();
  const deltas = player.advance(wall_ms - ticked_ms);
  ticked_ms = wall_ms;
  const quietly = deltas.length === 0 && wall_ms - drawn_ms < DRAWN_MS;
  if (!quietly) drawn_ms = wall_ms;
  batch(() => {
    for (const delta of deltas) store.takeDelta(delta);
    if (player) showMoment(player.moment_ms, speed.peek(), quietly);
  });
  if (wall_ms - addressed_ms > ADDRESS_MS) {
    addressed_ms = wall_ms;
    tell(player.moment_ms);
  }
  if (player.moment_ms >= edge() - REACHED_MS * cityRate()) backToNow();
  else void fetchMore(player);
}

async function fetchMore(of: Player): Promise<void> {
  const wanted = asking ? null : of.wants(Math.floor(edge()), store.tables.truck.items.size);
  loading.value = asking && of.dry;
  if (!wanted) return;
  asking = true;
  const { from_ms, to_ms, step_ms } = wanted;
  try {
    const path = `/api/v1/history/changes?from_ms=${from_ms}&to_ms=${to_ms}&step_ms=${step_ms}`;
    const changes = await ask<PastChanges>("GET", path);
    of.take(changes);
    if (of === player) kept.value = changes.kept;
  } catch (problem) {
    if (of === player) {
      pause();
      failure.value = failureText(problem);
    }
  } finally {
    asking = false;
    if (of === player) loading.value = false;
  }
}

// --------------------------------------------------------------------------------------------------------- moments

/** Moments of a stretch, for the marks on a bar. */
export async function momentsOf(from_ms: number, to_ms: number, kind: MomentKind): Promise<Moment[]> {
  const path = `/api/v1/history/events?from_ms=${Math.floor(from_ms)}&to_ms=${Math.floor(to_ms)}&what=${kind}`;
  return (await ask<Moments>("GET", `${path}&limit=2000`)).events;
}

/** The next moment of a kind after what is shown, or the last one before it; null: none within eight days. */
export async function nextMoment(way: 1 | -1, kind: MomentKind, truck_id: string): Promise<Moment | null> {
  const shown_ms = Math.round(moment.peek() ?? cityNow());
  let begin_ms = way > 0 ? shown_ms + 1 : shown_ms;
  const end_ms = Math.floor(edge());
  const of = `what=${kind}&limit=1${truck_id ? `&truck_id=${encodeURIComponent(truck_id)}` : ""}`;
  for (let time = 0; time < REACH.times; time++) {
    const there_ms = Math.min(Math.max(begin_ms + way * REACH.once_ms, 0), Math.max(end_ms, begin_ms));
    const [from_ms, to_ms] = way > 0 ? [begin_ms, there_ms] : [there_ms, begin_ms];
    const order = way > 0 ? "" : "&newest_first=true";
    const path = `/api/v1/history/events?from_ms=${from_ms}&to_ms=${to_ms}&${of}${order}`;
    const [found] = (await ask<Moments>("GET", path)).events;
    if (found) return found;
    if (there_ms === begin_ms) return null;
    begin_ms = there_ms;
  }
  return null;
}

/** The moment an address names, if it names one: shown as soon as the page is there. */
export function lookWhereTheAddressSays(): void {
  const named_ms = momentOf(at.peek());
  if (named_ms !== null && !inPast.peek()) void lookAt(named_ms);
}
