/** Alerts on the desk: short, worst first; the whole story is on the enforcement page. */

import { now } from "../clock.ts";
import type { Alert } from "../contract.ts";
import { byWeight, NO_FILTERS, passes } from "../domain/alerts.ts";
import { positions } from "../domain/places.ts";
import { AlertLine } from "../enforcement/alert_line.tsx";
import { Empty } from "../ui/bits.tsx";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { map, names } from "./state.ts";

const MOST = 200;

export function AlertsList() {
  now.value;
  const alerts = store.tables.alert
    .all()
    .filter(one => passes(one, NO_FILTERS))
    .sort(byWeight);
  if (!alerts.length) return <Empty>{words.value.alerts.none}</Empty>;
  return (
    <ul class="rows" data-testid="alerts">
      {alerts.slice(0, MOST).map(alert => (
        <li key={alert.alert_id}>
          <AlertLine alert={alert} names={names} onPick={() => show(alert)} link />
        </li>
      ))}
    </ul>
  );
}

function show(alert: Alert): void {
  map.value?.setMark(alert.where ?? null);
  if (positions(alert.where).length) map.value?.showAll([alert.where]);
}
