/** A dispatcher's draft: moves that nobody has been told of yet. Pure: what is in it, and what would be sent. */

import type { DraftAction, DraftedMove, Offer, PriceAnswer } from "../contract.ts";

export interface Move {
  stop_id: string;
  truck_id: string;
}

/** A stop is given to one truck: a later move of it takes the place of an earlier one. */
export function withMove(moves: readonly Move[], move: Move): Move[] {
  return [...without(moves, move.stop_id), move];
}

export function without(moves: readonly Move[], stop_id: string): Move[] {
  return moves.filter(one => one.stop_id !== stop_id);
}

/** Those that can, the cheapest first; then those that cannot, the nearest to it first. */
export function ranked(offers: readonly Offer[]): Offer[] {
  const cost = (one: Offer) => one.price?.cost ?? Number.POSITIVE_INFINITY;
  return [...offers].sort(
    (a, b) =>
      Number(a.rule !== null) - Number(b.rule !== null) ||
      (cost(a) === cost(b) ? 0 : cost(a) - cost(b)) ||
      (a.truck_id < b.truck_id ? -1 : 1),
  );
}

/** Whether an answer is about exactly these moves; what is not wanted any more is named in it, too. */
export function isAbout(answer: PriceAnswer | null, moves: readonly Move[]): answer is PriceAnswer {
  if (!answer) return false;
  const told = new Map(answer.moves.map(one => [one.stop_id, one.truck_id]));
  const open = moves.filter(one => !answer.gone.includes(one.stop_id));
  return told.size === open.length && open.every(one => told.get(one.stop_id) === one.truck_id);
}

/** Moves that a rule forbids by now. */
export function refused(answer: PriceAnswer): DraftedMove[] {
  return answer.moves.filter(one => one.rule !== null);
}

/** Whether the running plans went on since: then the price is one of the past. */
export function isOld(answer: PriceAnswer, version: (truck_id: string) => number | undefined): boolean {
  return Object.entries(answer.plan_versions).some(([truck_id, priced]) => (version(truck_id) ?? 0) > priced);
}

/** What keeps a draft from being sent: it has no price yet, a rule forbids a move, or the plans went on since the price. */
export type Waiting = "price" | "rule" | "plans";

/** Only what is priced, possible and of now can be sent; null = it can. */
export function waitsFor(
  answer: PriceAnswer | null,
  moves: readonly Move[],
  version: (truck_id: string) => number | undefined,
): Waiting | null {
  if (!isAbout(answer, moves) || !answer.moves.length) return "price";
  if (refused(answer).length) return "rule";
  return isOld(answer, version) ? "plans" : null;
}

/**
 * What is sent: each stop locked to its truck until `until(truck_id)`, so that a move of today says nothing of tomorrow;
 * a stop that was left out is taken in again first.
 */
export function actionsOf(answer: PriceAnswer, until: (truck_id: string) => number): DraftAction[] {
  return answer.moves.flatMap(({ stop_id, truck_id, resting, after }) => [
    ...(resting ? [{ subject_id: resting.subject_id, kind: "include" as const, after: resting.after }] : []),
    { subject_id: stop_id, kind: "lock" as const, truck_id, until_ms: until(truck_id), after },
  ]);
}
