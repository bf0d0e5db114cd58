/** What was said of many alerts at once, and the way back, also hours later. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { inPast, now } from "../clock.ts";
import type { KeptBatch } from "../contract.ts";
import { ask } from "../http.ts";
import { mayJudge } from "../session.ts";
import { Empty, Name, Tag } from "../ui/bits.tsx";
import { failureText } from "../ui/command.tsx";
import { nearTime } from "../words/format.ts";
import { words } from "../words/index.ts";
import { outcome, personName, takeBackBatches } from "./said.ts";

export function Batches() {
  const w = words.value;
  const found = useSignal<KeptBatch[] | null>(null);
  const failure = useSignal("");
  const last = outcome.value;
  useEffect(() => {
    let gone = false;
    if (last?.working) return;
    ask<{ batches: KeptBatch[] }>("GET", "/api/v1/alert-action-batches?limit=50").then(
      ({ batches }) => {
        if (!gone) found.value = batches;
      },
      problem => {
        if (!gone) failure.value = failureText(problem);
      },
    );
    return () => {
      gone = true;
    };
  }, [last]);
  if (!found.value) return <Empty>{failure.value || w.app.loading}</Empty>;
  if (!found.value.length) return <Empty>{w.alerts.noHistory}</Empty>;
  // of the past, what was said since is not known yet
  const shown = found.value.filter(one => !inPast.value || one.at_ms <= now.value);
  return (
    <ul class="rows" data-testid="batches">
      {shown.map(one => (
        <li key={one.batch_id} class="row still" data-testid="batch" data-batch-id={one.batch_id}>
          <span class="row-main">
            <span class="row-title">
              <Name>{personName(one.actor)}</Name> {w.enf.said(w.alertAction[one.kind], one.done)}
              {one.undone && <Tag>{w.enf.undone}</Tag>}
            </span>
            <time class="row-sub">{nearTime(one.at_ms, now.value)}</time>
          </span>
          {mayJudge() && one.kind !== "undo" && one.kind !== "note" && !one.undone && (
            <button
              type="button"
              class="button"
              data-testid="batch-undo"
              disabled={last?.working ?? false}
              onClick={() => void takeBackBatches([one.batch_id])}
            >
              {w.alerts.undo}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
