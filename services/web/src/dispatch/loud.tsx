/** SOS and breakdown: on top of everything, announced at once, until somebody takes it up. */

import { useEffect } from "preact/hooks";
import { cityNow, inPast, now } from "../clock.ts";
import type { Alert, LonLat, Truck } from "../contract.ts";
import { calls, unheard } from "../domain/alerts.ts";
import { positions } from "../domain/places.ts";
import { hasPlace } from "../domain/trucks.ts";
import { ask, newId } from "../http.ts";
import { backToNow } from "../past/past.ts";
import { mayAcknowledge } from "../session.ts";
import { Name } from "../ui/bits.tsx";
import { chime } from "../ui/chime.ts";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { live, store } from "../ui/start.tsx";
import { ago } from "../words/format.ts";
import { words } from "../words/index.ts";
import { chooseTruck, map, truckName } from "./state.ts";

export function Loud() {
  // who calls for help calls now, whatever moment the page shows
  const { alert, truck } = live.into.value.tables;
  const waiting = calls(alert.all());
  const silent = unheard(truck.all(), alert.all());
  const ids = [...waiting.map(one => one.alert_id), ...silent.map(one => one.truck_id)].join(" ");
  useEffect(() => {
    if (ids) chime("alarm");
  }, [ids]);
  return (
    <div role="alert" class="loud-area" data-testid="loud">
      {waiting.map(one => (
        <Call key={one.alert_id} alert={one} />
      ))}
      {silent.map(one => (
        <SilentCall key={one.truck_id} truck={one} />
      ))}
    </div>
  );
}

function placeOf(alert: Alert): LonLat | null {
  const truck = store.tables.truck.get(alert.truck_id);
  if (truck && hasPlace(truck)) return [truck.lon, truck.lat];
  const [first] = positions(alert.where);
  return first ? [first[0] ?? 0, first[1] ?? 0] : null;
}

function Call({ alert }: { alert: Alert }) {
  const w = words.value.desk.loud;
  const outcome = useOutcome();
  const who = truckName(alert.truck_id ?? "?");
  const show = () => {
    backToNow();
    if (alert.truck_id) chooseTruck(alert.truck_id);
    const place = placeOf(alert);
    if (place) map.value?.showPlace(place);
  };
  const acknowledge = () =>
    carryOut(
      outcome,
      () =>
        ask("PUT", `/api/v1/alert-actions/${newId(cityNow())}`, {
          alert_id: alert.alert_id,
          kind: "ack",
          alert_revision: alert.revision,
        }),
      words.value.handling.acknowledged,
    );
  return (
    <div class={`loud ${alert.rule}`} data-testid="loud-call" data-alert-id={alert.alert_id} data-rule={alert.rule}>
      <strong>
        <Name>{alert.rule === "sos" ? w.sos(who) : w.breakdown(who)}</Name>
      </strong>
      <span>
        {alert.driver_id && (
          <>
            {w.driver} <Name>{alert.driver_id}</Name> ·{" "}
          </>
        )}
        {/* else the whole call would be said again each time it grows older */}
        <time aria-live="off">{ago(alert.raised_ms, inPast.value ? cityNow() : now.value)}</time>
      </span>
      <span class="push row-of">
        <OutcomeText of={outcome} />
        <button type="button" class="button" onClick={show}>
          {w.show}
        </button>
        {mayAcknowledge() && (
          <button
            type="button"
            class="button"
            data-testid="loud-ack"
            disabled={outcome.value.state === "working"}
            onClick={() => void acknowledge()}
          >
            {outcome.value.state === "working" ? w.pending : w.ack}
          </button>
        )}
      </span>
    </div>
  );
}

/** A call whose alert has not come: it can be shown, and answered as soon as there is something to answer. */
function SilentCall({ truck }: { truck: Truck }) {
  const w = words.value.desk.loud;
  const who = truckName(truck.truck_id);
  const show = () => {
    backToNow();
    chooseTruck(truck.truck_id);
    if (hasPlace(truck)) map.value?.showPlace([truck.lon, truck.lat]);
  };
  return (
    <div
      class={`loud ${truck.down}`}
      data-testid="loud-call"
      data-rule={truck.down ?? ""}
      data-truck-id={truck.truck_id}
    >
      <strong>
        <Name>{truck.down === "sos" ? w.sos(who) : w.breakdown(who)}</Name>
      </strong>
      <span>
        {truck.driver_id && (
          <>
            {w.driver} <Name>{truck.driver_id}</Name> ·{" "}
          </>
        )}
        {w.noAlert}
      </span>
      <span class="push">
        <button type="button" class="button" onClick={show}>
          {w.show}
        </button>
      </span>
    </div>
  );
}
