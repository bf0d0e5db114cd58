/** What came of the last deed: how many, which were refused and why, and ten seconds to take it back. */

import { inPast, now } from "../clock.ts";
import type { RefusedAlert } from "../contract.ts";
import { alertSentence } from "../say/alerts.ts";
import { Name } from "../ui/bits.tsx";
import { usePassing } from "../ui/passing.ts";
import { store } from "../ui/start.tsx";
import { nearTime } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { type Outcome, outcome, personName, takeBackBatches } from "./said.ts";
import { chosen, names } from "./state.ts";

export function Toast() {
  const w = words.value;
  const what = outcome.value;
  const keeps = !what || what.working || what.failure !== null || what.refused.length > 0;
  const hears = usePassing(what, close, keeps);
  return (
    <div class="toast-place" role="status" {...hears}>
      {what && !what.working && (
        <div class="toast" data-testid="toast" data-kind={what.kind} data-done={what.done}>
          <div class="row-of">
            <span>{sentence(what)}</span>
            {what.kind !== "undo" && what.kind !== "note" && what.batches.length > 0 && !inPast.value && (
              <button
                type="button"
                class="button"
                data-testid="toast-undo"
                onClick={() => void takeBackBatches(what.batches)}
              >
                {w.alerts.undo}
              </button>
            )}
            <button type="button" class="button quiet" aria-label={w.keys.close} onClick={close}>
              ×
            </button>
          </div>
          {what.failure && <p class="note bad">{what.failure}</p>}
          {what.refused.length > 0 && <RefusedOnes of={what.refused} />}
        </div>
      )}
    </div>
  );
}

function close(): void {
  outcome.value = null;
}

function sentence({ kind, done }: Outcome): string {
  const w = words.value;
  return w.enf.said(w.alertAction[kind], done);
}

function RefusedOnes({ of }: { of: RefusedAlert[] }) {
  const e = words.value.enf;
  return (
    <details open={of.length <= 3} data-testid="refused" data-count={of.length}>
      <summary>{e.refused(of.length)}</summary>
      <ul class="phrases">
        {of.map(one => (
          <li key={one.alert_id} data-code={one.code}>
            <button
              type="button"
              class="link"
              onClick={() => {
                chosen.value = one.alert_id;
              }}
            >
              <Name>{about(one)}</Name>
            </button>
            <br />
            <span class="soft">{refusalText(one)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function about({ alert_id }: RefusedAlert): string {
  const alert = store.tables.alert.get(alert_id);
  return alert ? alertSentence(alert, names) : alert_id;
}

/** Why it was refused, and if somebody was quicker: who, when and what. */
function refusalText({ code, actor, at_ms, kind }: RefusedAlert): string {
  const w = words.value;
  const why = wordFor(w.enf.refusal, code);
  if (!actor || !kind) return why;
  return w.enf.by(why, personName(actor), nearTime(at_ms, now.value), w.alertAction[kind]);
}
