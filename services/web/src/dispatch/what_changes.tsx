/** What would have to change so that somebody comes, as buttons: only what the dispatcher can command. */

import { now } from "../clock.ts";
import type { Facility, PriceAnswer } from "../contract.ts";
import { isClosed } from "../domain/places.ts";
import { ask } from "../http.ts";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { nearTime } from "../words/format.ts";
import { words } from "../words/index.ts";
import { act, done } from "./draft.ts";
import { truckName } from "./state.ts";

interface Props {
  answer: PriceAnswer;
  stop_id: string;
  place_id: string;
  material: string | null | undefined;
}

export function WhatChanges({ answer, stop_id, place_id, material }: Props) {
  const w = words.value.draft;
  const outcome = useOutcome();
  const asked = answer.asked.find(one => one.stop_id === stop_id);
  const closed = answer.offers.some(one => one.rule?.code === "facility_closed") ? closedSites(material) : [];
  const { resting = null, locked_to = null } = asked ?? {};
  if (!resting && !locked_to && !closed.length) return null;
  const run = (what: () => Promise<unknown>) => void carryOut(outcome, what, w.followed);
  const subjects = [...new Set([stop_id, place_id])];
  return (
    <div class="change-needed" data-testid="what-changes">
      {resting && (
        <button
          type="button"
          class="button"
          data-testid="include-again"
          onClick={() =>
            run(() => act([{ subject_id: resting.subject_id, kind: "include", after: resting.after }], w.included))
          }
        >
          {w.include}
        </button>
      )}
      {locked_to && (
        <button
          type="button"
          class="button"
          data-testid="unlock"
          onClick={() =>
            run(() =>
              act(
                subjects.map(subject_id => ({ subject_id, kind: "unlock" as const })),
                w.unlocked,
              ),
            )
          }
        >
          {w.unlock(truckName(locked_to))}
        </button>
      )}
      {closed.map(site => (
        <button key={site.id} type="button" class="button" data-testid="reopen" onClick={() => run(() => reopen(site))}>
          {w.reopen(site.name ?? site.id, nearTime(site.closed_until_ms, now.value))}
        </button>
      ))}
      <OutcomeText of={outcome} onlyFailures />
    </div>
  );
}

/** Those a dispatcher closed; one that is not open at this hour has nothing to be opened. */
function closedSites(material: string | null | undefined): Facility[] {
  return store.tables.facility
    .all()
    .filter(site => (site.accepts ?? []).includes(material ?? "") && isClosed(site, now.value));
}

async function reopen(site: Facility): Promise<void> {
  const path = `/api/v1/facilities/${encodeURIComponent(site.id)}/closure`;
  const until_ms = site.closed_until_ms ?? null;
  await ask("PUT", path, { closed_until_ms: null, reason: "" });
  done.value = {
    text: words.value.draft.reopened(site.name ?? site.id),
    undo: () => ask("PUT", path, { closed_until_ms: until_ms, reason: "" }),
  };
}
