/** One alert as a row: how bad, how sure, what, who, when, and where it stands. */

import { now } from "../clock.ts";
import type { Alert } from "../contract.ts";
import { assigneeOf, handling, isAsleep, standing } from "../domain/standing.ts";
import { alertSentence, subject } from "../say/alerts.ts";
import type { Names } from "../say/plans.ts";
import { Name, Tag } from "../ui/bits.tsx";
import { ago, nearTime } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { Countdowns } from "./countdown.tsx";

interface Props {
  alert: Alert;
  names: Names;
  chosen?: boolean;
  onPick: () => void;
  /** Offer the way to the enforcement page. */
  link?: boolean;
  /** May be picked, with others, to be acted on. */
  box?: { picked: boolean; onToggle: (range: boolean) => void };
  /** A name for the log-in of who answers for it; without it nobody is named. */
  person?: (login: string) => string;
}

export function AlertLine({ alert, names, chosen = false, onPick, link = false, box, person }: Props) {
  const w = words.value;
  const stands = handling(alert);
  return (
    <div
      class={`row still alert-line ${alert.severity} ${chosen ? "chosen" : ""} ${stands === "new" ? "" : "handled"}`}
    >
      {box && (
        <label class="pick-box">
          <input
            type="checkbox"
            data-testid="alert-box"
            data-alert-id={alert.alert_id}
            checked={box.picked}
            aria-label={w.enf.pick(alertSentence(alert, names))}
            onClick={event => box.onToggle(event.shiftKey)}
          />
        </label>
      )}
      <button
        type="button"
        class="alert-pick"
        data-testid="alert-row"
        data-alert-id={alert.alert_id}
        data-rule={alert.rule}
        data-severity={alert.severity}
        data-handling={stands}
        data-truck-id={alert.truck_id ?? ""}
        aria-current={chosen ? "true" : undefined}
        title={alertSentence(alert, names)}
        onClick={onPick}
      >
        <span class="row-title">
          <SeverityTag alert={alert} />
          {wordFor(w.rule, alert.rule)}
          <time class="soft push" title={nearTime(alert.raised_ms, now.value)}>
            {ago(alert.raised_ms, now.value)}
          </time>
        </span>
        <span class="row-sub">
          <Name>{subject(alert, names)}</Name>
        </span>
        <span class="row-of tight">
          <Tag title={w.certaintyTitle[alert.certainty]}>{w.certainty[alert.certainty] ?? alert.certainty}</Tag>
          {alert.state === "cancelled" || alert.state === "ended" ? <Tag>{w.alertState[alert.state]}</Tag> : null}
          {stands !== "new" && <Tag kind="good">{w.handling[stands]}</Tag>}
          {person && <Owner alert={alert} person={person} />}
          {person && <Countdowns alert={alert} />}
        </span>
      </button>
      {link && (
        <a
          class="button quiet"
          href={`/enforcement?alert=${encodeURIComponent(alert.alert_id)}`}
          aria-label={w.app.enforcement}
        >
          →
        </a>
      )}
    </div>
  );
}

/** Who answers for it, and until when it is put off. */
function Owner({ alert, person }: { alert: Alert; person: (login: string) => string }) {
  const w = words.value.enf;
  const login = assigneeOf(alert);
  const until_ms = standing(alert).snoozed?.until_ms;
  return (
    <>
      <Tag>
        <span data-testid="owner" data-login={login ?? ""}>
          {login ? <Name>{person(login)}</Name> : w.nobody}
        </span>
      </Tag>
      {isAsleep(alert, now.value) && <Tag>{w.asleepUntil(nearTime(until_ms, now.value))}</Tag>}
    </>
  );
}

const MARKS = { critical: "▲▲", high: "▲", medium: "◆", low: "●" } as const;

export function SeverityTag({ alert }: { alert: Pick<Alert, "severity"> }) {
  return (
    <Tag kind={alert.severity}>
      <span aria-hidden="true">{MARKS[alert.severity]}</span> {words.value.severity[alert.severity] ?? alert.severity}
    </Tag>
  );
}
