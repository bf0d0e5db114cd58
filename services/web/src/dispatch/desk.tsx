/** The dispatcher's page: the loudest thing on top, the map, and beside it lists of the same things. */

import { computed } from "@preact/signals";
import { inPast } from "../clock.ts";
import type { Moment } from "../contract.ts";
import { handling } from "../domain/standing.ts";
import { TimeBar } from "../past/time_bar.tsx";
import { mayDispatch } from "../session.ts";
import { Header } from "../ui/header.tsx";
import { live, store } from "../ui/start.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { words } from "../words/index.ts";
import { AlertsList } from "./alerts_list.tsx";
import { Changes } from "./changes.tsx";
import { DeskMap } from "./desk_map.tsx";
import { DraftTray } from "./draft_tray.tsx";
import { DueList } from "./due_list.tsx";
import { Keys } from "./keys.tsx";
import { LeftOutList } from "./left_out.tsx";
import { Loud } from "./loud.tsx";
import { Orders } from "./orders.tsx";
import { Pins } from "./pins.tsx";
import { RunSheets } from "./run_sheets.tsx";
import { Sites } from "./sites.tsx";
import { chooseTruck, chosenTruck, openTab, printed, TABS, type Tab, tab, truckName, unseen } from "./state.ts";
import { TruckCard } from "./truck_card.tsx";
import { TruckList } from "./truck_list.tsx";
import { WorkQueue } from "./work_queue.tsx";

const counts = computed<Partial<Record<Tab, number>>>(() => ({
  due: store.tables.due.all().filter(one => one.due).length,
  changes: unseen.value,
  left: store.tables.run.all().reduce((sum, run) => sum + (run.left_out?.length ?? 0), 0),
  alerts: store.tables.alert.all().filter(one => handling(one) === "new" && one.state !== "cancelled").length,
}));

function Lists() {
  switch (tab.value) {
    case "due":
      return <DueList />;
    case "changes":
      return <Changes />;
    case "left":
      return <LeftOutList />;
    case "orders":
      return <Orders />;
    case "alerts":
      return <AlertsList />;
    case "sites":
      return <Sites />;
    default:
      return chosenTruck.value && store.tables.truck.get(chosenTruck.value) ? <TruckCard /> : <TruckList />;
  }
}

function showMomentsTruck({ truck_id }: Moment): void {
  if (truck_id) chooseTruck(truck_id);
}

export function Desk() {
  if (printed.value) return <RunSheets />;
  return (
    <div class="desk">
      <Keys />
      <Header face="dispatch" live={live} />
      <Loud />
      <main class="desk-main">
        <DeskMap />
        <div class="panel">
          <WorkQueue />
          <Tabs
            tabs={TABS}
            open={tab}
            onOpen={openTab}
            name={one => words.value.desk.tabs[one]}
            count={one => counts.value[one]}
            testid="tab"
            controls="list"
          />
          <Pins />
          {!mayDispatch() && (
            <p class="note read-only">{inPast.value ? words.value.timebar.readOnly : words.value.app.readOnly}</p>
          )}
          <div id="list" role="tabpanel" aria-labelledby={`tab-${tab.value}`} class="list-area" tabIndex={-1}>
            {store.filled.value ? <Lists /> : <p class="note">{words.value.app.loading}</p>}
          </div>
          <DraftTray />
        </div>
      </main>
      <TimeBar truck_id={chosenTruck.value} truckName={truckName} onMoment={showMomentsTruck} />
    </div>
  );
}
