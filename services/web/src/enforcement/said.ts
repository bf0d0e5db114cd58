/** Saying something of alerts: one call for all of them, what came of it, and the way back. */

import { batch, signal } from "@preact/signals";
import { cityNow, inPast } from "../clock.ts";
import type { Alert, AlertAction, BatchAnswer, BatchBody, Handler, RefusedAlert, SeenAlert } from "../contract.ts";
import { NOTHING } from "../domain/selection.ts";
import { standing } from "../domain/standing.ts";
import { ask, newId, Unreachable } from "../http.ts";
import { session } from "../session.ts";
import { failureText } from "../ui/command.tsx";
import { live } from "../ui/start.tsx";
import { selection } from "./state.ts";

/** The gateway takes so many at once. */
const MOST = 500;

export type Kind = AlertAction["kind"];
export type More = Pick<BatchBody, "reason" | "note" | "assignee" | "until_ms">;

/** What came of the last thing that was said. */
export interface Outcome {
  kind: Kind;
  working: boolean;
  done: number;
  refused: RefusedAlert[];
  /** The batches that were kept: what can be taken back. */
  batches: string[];
  failure: string | null;
}

export const outcome = signal<Outcome | null>(null);

/** Who may be given alerts; null until it is known. */
export const handlers = signal<Handler[] | null>(null);

export async function fetchHandlers(): Promise<void> {
  const found = await ask<{ handlers: Handler[] }>("GET", "/api/v1/alert-handlers").catch(() => null);
  if (found) handlers.value = found.handlers;
}

/** A person's name by their log-in; the log-in itself where it is not known. */
export const personName = (login: string): string => handlers.value?.find(one => one.login === login)?.name ?? login;

const seen = (alert: Alert): SeenAlert => ({
  alert_id: alert.alert_id,
  alert_revision: alert.revision,
  seen_ms: standing(alert).newest_ms,
});

/** Say it of these alerts; true if it was taken, were it only of some. */
export function say(kind: Kind, alerts: readonly Alert[], more: More = {}): Promise<boolean> {
  const parts: SeenAlert[][] = [];
  for (let from = 0; from < alerts.length; from += MOST) parts.push(alerts.slice(from, from + MOST).map(seen));
  return send(
    kind,
    parts.map(part => ({ kind, ...more, alerts: part })),
  );
}

/** Take back one action of an alert. */
export const takeBack = (alert: Alert, action: AlertAction): Promise<boolean> =>
  send("undo", [{ kind: "undo", alerts: [{ ...seen(alert), undoes: action.action_id }] }]);

/** Take back all that was said in these batches. */
export const takeBackBatches = (batches: readonly string[]): Promise<boolean> =>
  send(
    "undo",
    batches.map(undoes_batch => ({ kind: "undo", undoes_batch })),
  );

async function send(kind: Kind, bodies: BatchBody[]): Promise<boolean> {
  if (outcome.value?.working || inPast.value || !bodies.length) return false;
  const so: Outcome = { kind, working: true, done: 0, refused: [], batches: [], failure: null };
  outcome.value = so;
  for (const body of bodies) {
    try {
      const path = `/api/v1/alert-action-batches/${newId(cityNow())}`;
      const answer = await ask<BatchAnswer>("PUT", path, body).catch((problem: unknown) => {
        // the first may have arrived: the same under the same id is one act
        if (problem instanceof Unreachable) return ask<BatchAnswer>("PUT", path, body);
        throw problem;
      });
      take(answer, body);
      so.done += answer.done.length;
      so.refused = [...so.refused, ...answer.refused];
      if (answer.done.length) so.batches = [...so.batches, answer.batch_id];
    } catch (problem) {
      so.failure = failureText(problem);
      break;
    }
  }
  outcome.value = { ...so, working: false };
  if (so.done && !so.failure) selection.value = NOTHING;
  return so.done > 0;
}

/** What the gateway has kept is shown at once; the stream brings the same under the same ids. */
function take(answer: BatchAnswer, body: BatchBody): void {
  const actor = session.value?.user.login ?? "";
  const undoes = new Map((body.alerts ?? []).map(one => [one.alert_id, one.undoes ?? null]));
  const { kind, reason, note, assignee, until_ms } = body;
  // somebody may have gone to the past meanwhile: what was said is of now
  const { alert: alerts } = live.into.peek().tables;
  batch(() => {
    for (const { alert_id, action_id } of answer.done) {
      const alert = alerts.items.get(alert_id);
      if (!alert || alert.actions?.some(one => one.action_id === action_id)) continue;
      // what a whole batch took back is named by the batch: the stream says which action of each alert that was
      const taken = kind === "undo" ? (undoes.get(alert_id) ?? ofBatch(alert, body.undoes_batch)) : null;
      if (kind === "undo" && !taken) continue;
      const { batch_id, at_ms } = answer;
      const action = { action_id, alert_id, actor, kind, at_ms, reason, note, assignee, until_ms, batch_id };
      alerts.put(alert_id, {
        ...alert,
        actions: [...(alert.actions ?? []), { ...action, undoes: taken } as AlertAction],
      });
    }
  });
}

const ofBatch = (alert: Alert, batch_id: string | undefined): string | null =>
  alert.actions?.find(one => one.batch_id === batch_id)?.action_id ?? null;
