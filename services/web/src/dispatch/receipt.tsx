/** The driver's answers at the desk: whether a route is confirmed, and what was reported, with the photos of it. */

import { now } from "../clock.ts";
import type { DriverAction, Truck, TruckPlan } from "../contract.ts";
import { confirmedOf, reportsSince } from "../domain/receipt.ts";
import { Name, Tag } from "../ui/bits.tsx";
import { Photos } from "../ui/photos.tsx";
import { store } from "../ui/start.tsx";
import { hourMinute, nearTime, span, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import { names } from "./state.ts";

/** That the driver has seen this version; a route without stops asks for no answer. */
export function Receipt({ plan }: { plan: TruckPlan }) {
  const w = words.value.drive.receipt;
  store.tables.action.version.value;
  if (!plan.visits?.length) return null;
  const found = confirmedOf(plan, store.tables.action.all());
  return (
    <p class="row-of tight" data-testid="receipt" data-confirmed={found?.this_one ?? false}>
      {found?.this_one ? (
        <Tag kind="good">✓ {w.yes(hourMinute(found.action.event_time_ms))}</Tag>
      ) : (
        <>
          <Tag kind="medium">… {w.no}</Tag>
          {found && <span class="soft">{w.older(found.action.plan_version ?? 0)}</span>}
        </>
      )}
    </p>
  );
}

/** So far back reports are listed of a truck that is on no shift. */
const WITHOUT_SHIFT_MS = 12 * 3_600_000;

export function Reports({ truck }: { truck: Truck }) {
  const w = words.value.drive;
  store.tables.action.version.value;
  const since_ms = truck.shift?.start_ms ?? now.value - WITHOUT_SHIFT_MS;
  const reports = reportsSince(truck.truck_id, since_ms, store.tables.action.all());
  return (
    <details data-testid="truck-reports">
      <summary>
        {w.reports} · {reports.length}
      </summary>
      {!reports.length && <p class="soft">{w.noReports}</p>}
      <ul class="versions">
        {reports.map(one => (
          <ReportLine key={one.action_id} report={one} />
        ))}
      </ul>
    </details>
  );
}

function ReportLine({ report }: { report: DriverAction }) {
  const w = words.value;
  const place_id = report.stop_id ?? report.facility_id;
  const ahead_ms = report.clock_ahead_ms ?? 0;
  return (
    <li data-kind={report.kind} data-action-id={report.action_id}>
      <time>{nearTime(report.event_time_ms, now.value)}</time> · <strong>{w.cab.action[report.kind]}</strong>{" "}
      {report.exception ? `(${w.skip[report.exception]}) ` : ""}
      {report.weight_kg == null ? "" : `${weight(report.weight_kg)} `}
      {place_id && <Name>{names.place(place_id)}</Name>}
      {ahead_ms !== 0 && <span class="soft"> {w.drive.clockMark(span(Math.abs(ahead_ms)), ahead_ms > 0)}</span>}
      <Photos photo_ids={report.photo_ids ?? []} />
    </li>
  );
}
