/** Alerts on the desk: short, worst first; the whole story is on the enforcement page. */

import { now } from "../clock.ts";
import type { Alert } from "../contract.ts";
import { byWeight, type Filters, NO_FILTERS, passes } from "../domain/alerts.ts";
import type { SortColumn } from "../domain/lists.ts";
import { positions } from "../domain/places.ts";
import type { Query } from "../domain/query.ts";
import { isAsleep } from "../domain/standing.ts";
import { AlertLine } from "../enforcement/alert_line.tsx";
import { subject } from "../say/alerts.ts";
import { store } from "../ui/start.tsx";
import { wordFor, words } from "../words/index.ts";
import { DeskList } from "./list.tsx";
import { query } from "./query.ts";
import { map, names } from "./state.ts";

const SEVERITY = { low: 0, medium: 1, high: 2, critical: 3 } as const;

const COLUMNS: readonly SortColumn<Alert>[] = [
  { key: "rule", of: alert => wordFor(words.value.rule, alert.rule) },
  { key: "severity", of: alert => SEVERITY[alert.severity] },
  { key: "who", of: alert => subject(alert, names) },
  { key: "raised", of: alert => alert.raised_ms },
];

const HANDLED: readonly Filters["handling"][] = ["new", "acknowledged", "confirmed", "dismissed", "all"];

/** Alerts a query asks for, unasked those that wait to be handled; the gateway asks the same way for a file of the list. */
export function alertsOf(asked: Query): Alert[] {
  const handled = HANDLED.find(one => one === asked.show) ?? NO_FILTERS.handling;
  const filters = { ...NO_FILTERS, handling: handled, text: asked.find };
  return [...store.tables.alert.items.values()].filter(one => passes(one, filters, isAsleep(one, now.value)));
}

export function AlertsList() {
  store.tables.alert.version.value; // a new one at once, not with the next second
  now.value;
  const { alerts, app, handling, list } = words.value;
  return (
    <DeskList
      of="alerts"
      testid="alerts"
      shows={[["", alerts.open], ...Object.entries(handling), ["all", app.all]]}
      columns={COLUMNS}
      heads={list.heads.alerts}
      rows={alertsOf(query.value).sort(byWeight)}
      keyOf={alert => alert.alert_id}
      empty={store.tables.alert.items.size ? alerts.noneFiltered : alerts.none}
    >
      {alert => <AlertLine alert={alert} names={names} onPick={() => show(alert)} link />}
    </DeskList>
  );
}

function show(alert: Alert): void {
  map.value?.setMark(alert.where ?? null);
  if (positions(alert.where).length) map.value?.showAll([alert.where]);
}
