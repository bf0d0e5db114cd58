/** What somebody did about an alert, in the page's language. */

import type { AlertAction } from "../contract.ts";
import { dayTime } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";

/** "dismissed (a sensor was wrong)", "assigned to Lin" */
export function deedText(action: AlertAction, person: (login: string) => string): string {
  const w = words.value;
  const deed = w.alertAction[action.kind];
  switch (action.kind) {
    case "assign":
      return action.assignee ? w.enf.assignedTo(person(action.assignee)) : w.enf.unassigned;
    case "snooze":
      return w.enf.asleepUntil(dayTime(action.until_ms));
    case "dismiss": {
      const code = action.reason?.split(":")[0];
      return code ? w.enf.because(deed, wordFor(w.alerts.dismissReasons, code)) : deed;
    }
    default:
      return deed;
  }
}

/** What was written where notes were part of the reason: of a note all of it, of "other: …" the rest. */
export function writtenOf({ kind, reason }: AlertAction): string | null {
  if (!reason) return null;
  return kind === "dismiss" ? (/^\w+:\s*(.+)$/s.exec(reason)?.[1] ?? null) : reason;
}
