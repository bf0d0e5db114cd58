/** Sending an order: one at a time, with what became of it in words beside the button. */

import { type Signal, useSignal } from "@preact/signals";
import { Refused, Unreachable } from "../http.ts";
import { problemText } from "../say/problems.ts";
import { words } from "../words/index.ts";

export type Outcome = { state: "idle" | "working" } | { state: "done" | "failed"; text: string };

export function failureText(problem: unknown): string {
  if (problem instanceof Unreachable) return words.value.failed.unreachable;
  return problem instanceof Refused ? problemText(problem.body) : String(problem);
}

/** Run `act` and keep what became of it. */
export async function carryOut(outcome: Signal<Outcome>, act: () => Promise<unknown>, done: string): Promise<boolean> {
  if (outcome.value.state === "working") return false;
  outcome.value = { state: "working" };
  try {
    await act();
    outcome.value = { state: "done", text: done };
    return true;
  } catch (problem) {
    outcome.value = { state: "failed", text: failureText(problem) };
    return false;
  }
}

export function useOutcome(): Signal<Outcome> {
  return useSignal<Outcome>({ state: "idle" });
}

/** What became of it. `onlyFailures`: where the page itself shows that it is done. */
export function OutcomeText({ of, onlyFailures = false }: { of: Signal<Outcome>; onlyFailures?: boolean }) {
  const now = of.value;
  return (
    <span role="status">
      {((now.state === "done" && !onlyFailures) || now.state === "failed") && (
        <span class={`note ${now.state === "done" ? "fine" : "bad"}`}>{now.text}</span>
      )}
    </span>
  );
}
