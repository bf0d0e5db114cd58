/** What no truck will fetch, each with its reason; trucks without a lawful route; plans the check has stopped. */

import type { LeftOut, PlanningRun } from "../contract.ts";
import { phrase } from "../say/alerts.ts";
import { leftOutText, withDays } from "../say/plans.ts";
import { Empty, MaterialMark, Name, Tag } from "../ui/bits.tsx";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { chosenPlace, isShown, placeName, truckName } from "./state.ts";

/** Left out for good reason: nobody has to do anything. */
const CAN_WAIT = new Set(["not_worth_it", "excluded"]);

export function LeftOutList() {
  const w = words.value.desk.left;
  const runs = store.tables.run.all().filter(run => isShown(run.material));
  const left = runs.flatMap(run =>
    (run.left_out ?? []).map(one => ({ ...one, material: one.material ?? run.material })),
  );
  const urgent = left.filter(one => !CAN_WAIT.has(one.code));
  const waiting = left.filter(one => CAN_WAIT.has(one.code));
  return (
    <>
      <Troubles runs={runs} />
      {!left.length && <Empty>{w.empty}</Empty>}
      <ul class="rows" data-testid="left-out">
        {[...urgent, ...waiting].map(one => (
          <LeftRow key={one.stop_id} left={one} />
        ))}
      </ul>
    </>
  );
}

function LeftRow({ left }: { left: LeftOut }) {
  return (
    <li>
      <button
        type="button"
        class="row"
        data-testid="left-row"
        data-code={left.code}
        onClick={() => {
          chosenPlace.value = left.place_id;
        }}
      >
        <MaterialMark of={left.material} />
        <span class="row-main">
          <span class="row-title">
            <Name>{left.name ?? placeName(left.place_id)}</Name>
            <Tag kind={CAN_WAIT.has(left.code) ? "low" : "high"}>{leftOutText(left)}</Tag>
          </span>
          <span class="row-sub wrap">
            <Original text={left.reason} />
          </span>
        </span>
      </button>
    </li>
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
