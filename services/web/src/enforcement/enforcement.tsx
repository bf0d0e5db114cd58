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
import { words } from "../words/index.ts";
import { AlertFileView, trackOfChosen } from "./alert_file.tsx";
import { AlertLine } from "./alert_line.tsx";
import {
  byHandling,
  byRule,
  bySeverity,
  chosen,
  find,
  letIn,
  names,
  reading,
  rows,
  map as shownMap,
  showWhole,
  waiting,
} from "./state.ts";

export function Enforcement() {
  const w = words.value;
  return (
    <div class={`enforce ${chosen.value ? "with-file" : ""}`}>
      <Header face="enforcement" live={live} />
      <main class="enforce-main">
        <section class="panel" aria-label={w.desk.tabs.alerts}>
          <Filters />
          {!mayJudge() && <p class="note read-only">{inPast.value ? w.timebar.readOnly : w.alerts.readOnly}</p>}
          <List />
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

function trucksOf(alert: Alert | undefined): string[] {
  return alert?.truck_ids ?? (alert?.truck_id ? [alert.truck_id] : []);
}

function Filters() {
  const w = words.value;
  const present = new Set(store.tables.alert.all().map(alert => alert.rule));
  const stands = [
    ["open", w.alerts.open],
    ["new", w.handling.new],
    ["acknowledged", w.handling.acknowledged],
    ["confirmed", w.handling.confirmed],
    ["dismissed", w.handling.dismissed],
    ["all", w.app.all],
  ] as const;
  return (
    <div class="list-tools filters">
      <select
        class="field"
        aria-label={w.alerts.filterHandling}
        data-testid="filter-state"
        value={byHandling.value}
        onChange={event => {
          byHandling.value = event.currentTarget.value as typeof byHandling.value;
        }}
      >
        {stands.map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
      <select
        class="field"
        aria-label={w.alerts.filterRule}
        data-testid="filter-rule"
        value={byRule.value}
        onChange={event => {
          byRule.value = event.currentTarget.value;
        }}
      >
        <option value="">
          {w.alerts.filterRule}: {w.app.all}
        </option>
        {Object.entries(w.rule)
          .filter(([code]) => present.has(code) || code === byRule.value)
          .map(([code, name]) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
      </select>
      <select
        class="field"
        aria-label={w.alerts.filterSeverity}
        value={bySeverity.value}
        onChange={event => {
          bySeverity.value = event.currentTarget.value;
        }}
      >
        <option value="">
          {w.alerts.filterSeverity}: {w.app.all}
        </option>
        {Object.entries(w.severity).map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
      <input
        class="field"
        type="search"
        placeholder={w.app.search}
        aria-label={w.app.search}
        value={find.value}
        onInput={event => {
          find.value = event.currentTarget.value;
        }}
      />
    </div>
  );
}

function List() {
  const w = words.value.alerts;
  // rows are read by their place: each redraws itself when its alert changes
  store.tables.alert.version.value;
  const here = (value: boolean) => () => {
    reading.value = value;
  };
  return (
    <div
      class="list-area"
      onPointerEnter={here(true)}
      onPointerLeave={here(false)}
      onFocusIn={here(true)}
      onFocusOut={event => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) reading.value = false;
      }}
    >
      <div role="status" class="pill-place">
        {waiting.value > 0 && (
          <button type="button" class="button main pill" data-testid="new-alerts" onClick={letIn}>
            ↑ {w.newOnes(waiting.value)}
          </button>
        )}
      </div>
      {!rows.value.length && (
        <Empty>
          {store.filled.value ? (store.tables.alert.items.size ? w.noneFiltered : w.none) : words.value.app.loading}
        </Empty>
      )}
      <ul class="rows" data-testid="alerts">
        {rows.value.map(id => {
          const alert = store.tables.alert.get(id);
          return alert ? (
            <li key={id}>
              <AlertLine
                alert={alert}
                names={names}
                chosen={id === chosen.value}
                onPick={() => {
                  chosen.value = id;
                }}
              />
            </li>
          ) : null;
        })}
      </ul>
    </div>
  );
}
