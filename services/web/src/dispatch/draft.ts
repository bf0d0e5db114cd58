/** The draft of this page: its moves, their price, sending it, taking it back. */

import { batch, computed, effect, signal } from "@preact/signals";
import { cityNow } from "../clock.ts";
import type { DraftAction, PriceAnswer } from "../contract.ts";
import { actionsOf, isAbout, isOld, type Move, type Waiting, waitsFor, withMove, without } from "../domain/draft.ts";
import { ask, newId, type ProblemBody, Refused } from "../http.ts";
import { mayDispatch } from "../session.ts";
import { failureText } from "../ui/command.tsx";
import { live } from "../ui/start.tsx";
import { words } from "../words/index.ts";

/** A truck that is in no shift now: its move holds this long. */
const NO_SHIFT_MS = 12 * 3_600_000;

export const moves = signal<Move[]>([]);
/** The newest price of the draft; null = none yet. */
export const priced = signal<PriceAnswer | null>(null);
/** Why there is no price, or why it was not sent; "" = nothing is wrong. */
export const trouble = signal("");
export const sending = signal(false);

/** What was just done, and how it is taken back; null = nothing, or too long ago. */
export interface Done {
  text: string;
  /** It could not be taken back; `text` says why. */
  failed?: boolean;
  undo: (() => Promise<unknown>) | null;
}
export const done = signal<Done | null>(null);

/** A draft is about the plans of now, whatever moment the page shows. */
const version = (truck_id: string): number | undefined => live.into.peek().tables.plan.get(truck_id)?.plan_version;

/** What the draft waits for before it can be sent; null = nothing. */
export const waiting = computed((): Waiting | null => {
  live.into.value.tables.plan.version.value;
  return waitsFor(priced.value, moves.value, version);
});

export const ready = computed(() => mayDispatch() && waiting.value === null);

interface Question {
  moves?: Move[];
  stop_ids?: string[];
  give_away?: string;
}

/** Ask the planner; it answers from the roads and the plans of the moment. */
export function askPrice(question: Question): Promise<PriceAnswer> {
  return ask<PriceAnswer>("POST", "/api/v1/prices", question);
}

/** Who could take all of these stops, beside the draft as it is. */
export function whoCouldTake(stop_ids: string[]): Promise<PriceAnswer> {
  return askPrice({ moves: stop_ids.reduce(without, moves.value), stop_ids });
}

export function give(stop_ids: string[], truck_id: string): void {
  moves.value = stop_ids.reduce((so_far, stop_id) => withMove(so_far, { stop_id, truck_id }), moves.value);
}

export function leave(stop_id: string): void {
  moves.value = without(moves.value, stop_id);
}

export function discard(): void {
  batch(() => {
    moves.value = [];
    priced.value = null;
    trouble.value = "";
  });
}

/** Put all a truck still has to collect into the draft, at those who could take it. Returns how many nobody can take. */
export async function giveAway(truck_id: string): Promise<number> {
  const found = await askPrice({ moves: moves.value, give_away: truck_id });
  moves.value = found.shared
    .reduce((so_far, one) => withMove(so_far, one), moves.value)
    .map(one => ({
      stop_id: one.stop_id,
      truck_id: one.truck_id,
    }));
  return found.left.length;
}

// --------------------------------------------------------------------------------------------------- keep it priced

let asked = 0;
/** What the newest question is about, until it is answered. */
let underWay: Move[] | null = null;

async function priceAgain(of: Move[]): Promise<void> {
  const mine = ++asked;
  underWay = of;
  try {
    const found = await askPrice({ moves: of });
    if (mine !== asked) return;
    underWay = null;
    batch(() => {
      priced.value = found;
      trouble.value = "";
      // collected, or wanted no more, while it was thought about
      if (found.gone.length) moves.value = moves.value.filter(one => !found.gone.includes(one.stop_id));
    });
  } catch (problem) {
    if (mine === asked) trouble.value = failureText(problem);
  } finally {
    if (mine === asked) underWay = null;
  }
}

/** Ask again, as after a failure. */
export function retry(): void {
  if (moves.value.length) void priceAgain(moves.value);
}

effect(() => {
  const now = moves.value;
  if (!now.length) {
    asked++;
    priced.value = null;
  } else if (!isAbout(priced.peek(), now)) void priceAgain(now);
});

// plans go on while somebody thinks: the price goes with them
effect(() => {
  live.into.value.tables.plan.version.value;
  const known = priced.value;
  const now = moves.peek();
  if (known && underWay !== now && isAbout(known, now) && isOld(known, version)) void priceAgain(now);
});

// ---------------------------------------------------------------------------------------------------- send, take back

interface Received {
  undo: DraftAction[];
}

/** What was sent last, and under which id: if no answer came, the same again is the same act. */
let last = { what: "", id: "" };

/** Send actions as one: all or none of them. */
async function sendTogether(actions: DraftAction[], plan_versions: Record<string, number> = {}): Promise<Received> {
  const what = JSON.stringify(actions);
  if (last.what !== what) last = { what, id: newId(cityNow()) };
  const received = await ask<Received>("PUT", `/api/v1/drafts/${last.id}`, { actions, plan_versions });
  last = { what: "", id: "" };
  return received;
}

/** Send actions and offer to take them back. */
export async function act(actions: DraftAction[], text: string, plan_versions = {}): Promise<void> {
  const { undo } = await sendTogether(actions, plan_versions);
  done.value = { text, undo: undo.length ? () => sendTogether(undo) : null };
}

function shiftEnd(truck_id: string): number {
  return live.into.peek().tables.truck.get(truck_id)?.shift?.end_ms ?? cityNow() + NO_SHIFT_MS;
}

export async function send(): Promise<void> {
  const answer = priced.value;
  if (!answer || sending.value || !ready.value) return;
  sending.value = true;
  try {
    await act(actionsOf(answer, shiftEnd), words.value.draft.sent(answer.moves.length), answer.plan_versions);
    discard();
  } catch (problem) {
    trouble.value = failureText(problem);
    if (problem instanceof Refused && (problem.body as ProblemBody).code === "plans_changed") {
      const why = trouble.value;
      await priceAgain(moves.value);
      trouble.value = why;
    }
  } finally {
    sending.value = false;
  }
}

export async function takeBack(): Promise<void> {
  const what = done.value;
  if (!what?.undo || !mayDispatch()) return;
  try {
    await what.undo();
    done.value = { text: words.value.draft.takenBack, undo: null };
  } catch (problem) {
    done.value = { text: failureText(problem), failed: true, undo: what.undo };
  }
}
