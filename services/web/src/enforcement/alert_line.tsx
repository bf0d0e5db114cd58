/** One alert as a row: how bad, how sure, what, who, when, and where it stands. */

import { now } from "../clock.ts";
import type { Alert } from "../contract.ts";
import { handling } from "../domain/alerts.ts";
import { alertSentence, subject } from "../say/alerts.ts";
import type { Names } from "../say/plans.ts";
import { Name, Tag } from "../ui/bits.tsx";
import { ago, nearTime } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";

interface Props {
  alert: Alert;
  names: Names;
  chosen?: boolean;
  onPick: () => void;
  /** Offer the way to the enforcement page. */
  link?: boolean;
}

export function AlertLine({ alert, names, chosen = false, onPick, link = false }: Props) {
  const w = words.value;
  const stands = handling(alert);
  return (
    <div
      class={`row still alert-line ${alert.severity} ${chosen ? "chosen" : ""} ${stands === "new" ? "" : "handled"}`}
    >
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

const MARKS = { critical: "▲▲", high: "▲", medium: "◆", low: "●" } as const;

export function SeverityTag({ alert }: { alert: Pick<Alert, "severity"> }) {
  return (
    <Tag kind={alert.severity}>
      <span aria-hidden="true">{MARKS[alert.severity]}</span> {words.value.severity[alert.severity] ?? alert.severity}
    </Tag>
  );
}
