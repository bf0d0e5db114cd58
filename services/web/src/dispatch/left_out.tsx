/** What no truck will fetch, each with its reason; trucks without a lawful route; plans the check has stopped. */

import { signal } from "@preact/signals";
import type { LeftOut, PlanningRun } from "../contract.ts";
import { found, type SortColumn } from "../domain/lists.ts";
import { ofWaste, type Query } from "../domain/query.ts";
import { phrase } from "../say/alerts.ts";
import { leftOutText, withDays } from "../say/plans.ts";
import { mayDispatch } from "../session.ts";
import { MaterialMark, Name, Tag } from "../ui/bits.tsx";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { DeskList } from "./list.tsx";
import { Offers } from "./move_to.tsx";
import { query } from "./query.ts";
import { chosenPlace, isShown, placeName, truckName } from "./state.ts";

/** Left out for good reason: nobody has to do anything. */
const CAN_WAIT = new Set(["not_worth_it", "excluded"]);

const nameOf = (left: LeftOut): string => left.name ?? placeName(left.place_id);

const COLUMNS: readonly SortColumn<LeftOut>[] = [
  { key: "place", of: nameOf },
  { key: "reason", of: leftOutText },
  { key: "waste", of: left => left.material },
];

/** What is left out, as a query asks; the gateway asks the same way for a file of the list. */
export function leftOutOf(asked: Query): LeftOut[] {
  return store.tables.run
    .all()
    .flatMap(run => (run.left_out ?? []).map(one => ({ ...one, material: one.material ?? run.material })))
    .filter(
      one =>
        ofWaste(asked, one.material) &&
        (asked.show !== "urgent" || !CAN_WAIT.has(one.code)) &&
        found(asked.find, () => [one.place_id, nameOf(one), one.code]),
    );
}
/** The stop whose trucks and reasons are shown; "" = none. */
const openLeft = signal("");

export function LeftOutList() {
  const { app, desk, list } = words.value;
  const runs = store.tables.run.all().filter(run => isShown(run.material));
  const canWait = (one: LeftOut) => Number(CAN_WAIT.has(one.code));
  return (
    <DeskList
      of="left"
      testid="left-out"
      shows={[["", app.all], ...Object.entries(list.shows.left)]}
      columns={COLUMNS}
      heads={list.heads.left}
      rows={leftOutOf(query.value).sort((a, b) => canWait(a) - canWait(b))}
      keyOf={one => one.stop_id}
      empty={desk.left.empty}
      before={<Troubles runs={runs} />}
    >
      {one => <LeftRow left={one} />}
    </DeskList>
  );
}

function LeftRow({ left }: { left: LeftOut }) {
  const open = openLeft.value === left.stop_id;
  const name = left.name ?? placeName(left.place_id);
  return (
    <div class={open ? "open" : ""}>
      <button
        type="button"
        class="row"
        data-testid="left-row"
        data-code={left.code}
        data-stop-id={left.stop_id}
        aria-expanded={open}
        onClick={() => {
          openLeft.value = open ? "" : left.stop_id;
          chosenPlace.value = left.place_id;
        }}
      >
        <MaterialMark of={left.material} />
        <span class="row-main">
          <span class="row-title">
            <Name>{name}</Name>
            <Tag kind={CAN_WAIT.has(left.code) ? "low" : "high"}>{leftOutText(left)}</Tag>
          </span>
          <span class="row-sub wrap">
            <Original text={left.reason} />
          </span>
        </span>
      </button>
      {open && mayDispatch() && (
        <div class="row-details">
          <Offers
            stop_ids={[left.stop_id]}
            name={name}
            alone={{ stop_id: left.stop_id, place_id: left.place_id, name, material: left.material }}
            chosen={() => {
              openLeft.value = "";
            }}
          />
        </div>
      )}
    </div>
  );
}

/** The planner's sentence; where it is not in the page's language, marked as what it is. */
function Original({ text }: { text: string }) {
  const said = phrase(text);
  return (
    <span lang={said.lang} title={said.lang ? words.value.desk.left.whole : ""}>
      {withDays(said.text)}
    </span>
  );
}

function Troubles({ runs }: { runs: PlanningRun[] }) {
  const w = words.value.desk.left;
  const stranded = runs.flatMap(run => run.stranded ?? []);
  const rejected = runs.flatMap(run => run.rejected ?? []);
  return (
    <>
      {stranded.length > 0 && (
        <section class="note bad">
          <h2 class="small">{w.stranded}</h2>
          <ul>
            {stranded.map(one => (
              <li key={one.truck_id}>
                <Name>{truckName(one.truck_id)}</Name>: {leftOutText(one)} — <Original text={one.reason} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {rejected.length > 0 && (
        <section class="note bad">
          <h2 class="small">{w.rejected}</h2>
          <ul>
            {rejected.map(one => (
              <li key={one}>
                <Original text={one} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
