/** Where an alert stands by what people said about it; `services/gateway/handling.py` reads it the same way. Pure. */

import type { Alert, AlertAction } from "../contract.ts";

export type Handling = "new" | "acknowledged" | "confirmed" | "dismissed";

const AFTER: Partial<Record<AlertAction["kind"], Handling>> = {
  ack: "acknowledged",
  confirm: "confirmed",
  dismiss: "dismissed",
};

export interface Standing {
  handling: Handling;
  /** The judgement that counts. */
  last: AlertAction | null;
  /** Who answers for it (a login), by which action. */
  assigned: AlertAction | null;
  snoozed: AlertAction | null;
  /** When the newest action was said, whatever it was; 0 = none. */
  newest_ms: number;
}

type Told = Pick<Alert, "actions" | "acked_by">;
/** Alerts are replaced, never changed: what was found of one holds as long as it is there. */
const found = new WeakMap<Told, Standing>();

export function standing(alert: Told): Standing {
  const known = found.get(alert);
  if (known) return known;
  const made = read(alert);
  found.set(alert, made);
  return made;
}

function read(alert: Told): Standing {
  const actions = [...(alert.actions ?? [])].sort((a, b) => a.at_ms - b.at_ms);
  const takenBack = new Set(actions.flatMap(one => (one.kind === "undo" && one.undoes ? [one.undoes] : [])));
  const judgements: AlertAction[] = [];
  let assigned: AlertAction | null = null;
  let snoozed: AlertAction | null = null;
  for (const action of actions) {
    // an undo that names nothing takes back the last judgement that stands
    if (action.kind === "undo" && !action.undoes) judgements.pop();
    if (takenBack.has(action.action_id)) continue;
    if (AFTER[action.kind]) judgements.push(action);
    else if (action.kind === "assign") assigned = action;
    else if (action.kind === "snooze") snoozed = action;
  }
  const last = judgements.at(-1) ?? null;
  // without a list of deeds the gateway's own summary is what we know
  const summary = alert.acked_by && !actions.length ? "acknowledged" : "new";
  return {
    handling: (last && AFTER[last.kind]) ?? summary,
    last,
    assigned,
    snoozed,
    newest_ms: actions.at(-1)?.at_ms ?? 0,
  };
}

export const handling = (alert: Told): Handling => standing(alert).handling;

/** Who answers for it; null = nobody. */
export const assigneeOf = (alert: Told): string | null => standing(alert).assigned?.assignee ?? null;

/** Whether it is put off for now. */
export const isAsleep = (alert: Told, now_ms: number): boolean => (standing(alert).snoozed?.until_ms ?? 0) > now_ms;

/** Whether somebody decided what it is. */
export const isSettled = (alert: Told): boolean => {
  const now = handling(alert);
  return now === "confirmed" || now === "dismissed";
};

/** The actions that stand and can be taken back, the newest first. */
export function standingActions(alert: Told): AlertAction[] {
  const { last, assigned, snoozed } = standing(alert);
  return [last, assigned, snoozed].filter(one => one !== null).sort((a, b) => b.at_ms - a.at_ms);
}
