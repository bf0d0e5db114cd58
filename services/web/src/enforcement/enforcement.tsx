/** The officer's page: alerts by weight, the map of where, and the whole story of the chosen one. */

import { effect } from "@preact/signals";
import { inPast, now, rate } from "../clock.ts";
import type { Alert } from "../contract.ts";
import type { CityMap } from "../map/city_map.ts";
import { drawnTruck } from "../map/drawn.ts";
import { keepSites } from "../map/sites.ts";
import { MapView } from "../map/view.tsx";
import { TimeBar } from "../past/time_bar.tsx";
import { mayJudge } from "../session.ts";
import { Empty } from "../ui/bits.tsx";
import { Header } from "../ui/header.tsx";
import { live, store } from "../ui/start.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { words } from "../words/index.ts";
import { AlertFileView, trackOfChosen } from "./alert_file.tsx";
import { Batches } from "./batches.tsx";
import { Filters } from "./filters.tsx";
import { Keys } from "./keys.tsx";
import { List } from "./list.tsx";
import { heat, RepeatPlacesPanel } from "./places.tsx";
import { chosen, find, names, map as shownMap, showWhole, VIEWS, type View, view } from "./state.ts";
import { Toast } from "./toast.tsx";

export function Enforcement() {
  const w = words.value;
  return (
    <div class={`enforce ${chosen.value ? "with-file" : ""}`}>
      <Header face="enforcement" live={live} />
      <main class="enforce-main">
        <section class="panel" aria-label={w.desk.tabs.alerts}>
          <Tabs tabs={VIEWS} open={view} name={one => viewNames()[one]} testid="view" controls="list" />
          <div id="list" role="tabpanel" aria-labelledby={`tab-${view.value}`} class="tab-panel">
            {view.value === "alerts" && (
              <>
                <Filters />
                {!mayJudge() && <p class="note read-only">{inPast.value ? w.timebar.readOnly : w.alerts.readOnly}</p>}
                <List />
              </>
            )}
            {view.value === "places" && <RepeatPlacesPanel />}
            {view.value === "done" && (
              <div class="list-area">
                <Batches />
              </div>
            )}
          </div>
        </section>
        <section class="file" aria-live="off">
          {chosen.value ? (
            <AlertFileView key={chosen.value} alert_id={chosen.value} />
          ) : (
            <Empty>{w.alerts.choose}</Empty>
          )}
        </section>
        <MapView
          onReady={connect}
          onPick={pick => {
            if (pick?.kind === "truck") find.value = pick.id;
          }}
        />
      </main>
      <TimeBar
        truck_id={trucksOf(store.tables.alert.all().find(one => one.alert_id === chosen.value))[0] ?? ""}
        truckName={names.truck}
        onMoment={found => {
          if (found.kind === "alert") chosen.value = found.id;
        }}
      />
      <Toast />
      <Keys />
    </div>
  );
}

function connect(map: CityMap): () => void {
  shownMap.value = map;
  const ends = [
    effect(() => {
      const alert = store.tables.alert.all().find(one => one.alert_id === chosen.value);
      map.setMark(alert?.where ?? null);
    }),
    effect(() => map.setHeat(heat.value)),
    effect(() => map.setTrack(trackOfChosen.value)),
    effect(() => {
      const concerned = new Set(trucksOf(store.tables.alert.all().find(one => one.alert_id === chosen.value)));
      map.setTrucks(
        store.tables.truck
          .all()
          .filter(truck => concerned.has(truck.truck_id))
          .map(truck => drawnTruck(truck, undefined)),
        null,
        now.value,
        rate.value,
      );
    }),
    effect(() => {
      const id = chosen.value;
      if (id && store.filled.value) showWhole();
    }),
    keepSites(map, store, site => site.name ?? site.id),
  ];
  return () => {
    for (const end of ends) end();
    shownMap.value = null;
  };
}

const viewNames = (): Record<View, string> => {
  const { desk, enf } = words.value;
  return { alerts: desk.tabs.alerts, places: enf.repeat.title, done: enf.history };
};

function trucksOf(alert: Alert | undefined): string[] {
  return alert?.truck_ids ?? (alert?.truck_id ? [alert.truck_id] : []);
}
