/** What changed and why: the last planning of each kind of waste, then every new route as it came. */

import { inPast, now } from "../clock.ts";
import type { PlanningRun, TruckPlan } from "../contract.ts";
import { found, type SortColumn } from "../domain/lists.ts";
import { ofWaste, type Query } from "../domain/query.ts";
import { planReason } from "../say/plans.ts";
import { mayDispatch } from "../session.ts";
import { MaterialMark, Name } from "../ui/bits.tsx";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { distance, nearTime, UNKNOWN } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { overrule } from "./due_list.tsx";
import { DeskList } from "./list.tsx";
import { query } from "./query.ts";
import { Receipt } from "./receipt.tsx";
import { chooseTruck, isShown, markSeen, names, planLog, seenUntil, truckName, unseen } from "./state.ts";
import { PlanWhy } from "./truck_card.tsx";

const COLUMNS: readonly SortColumn<TruckPlan>[] = [
  { key: "truck", of: plan => truckName(plan.truck_id) },
  { key: "made", of: plan => plan.made_ms },
  { key: "why", of: plan => planReason(plan, names) },
];

/** New routes a query asks for, newest first. */
export function changesAsked(asked: Query): TruckPlan[] {
  return planLog.value.filter(
    plan =>
      ofWaste(asked, plan.material) &&
      !(inPast.value && plan.made_ms > now.value) && // those made since are known too
      (asked.show !== "fresh" || plan.made_ms > seenUntil.value) &&
      found(asked.find, () => [truckName(plan.truck_id), planReason(plan, names)]),
  );
}

export function Changes() {
  const { app, desk, list } = words.value;
  return (
    <DeskList
      of="changes"
      testid="changes"
      shows={[["", app.all], ...Object.entries(list.shows.changes)]}
      columns={COLUMNS}
      heads={list.heads.changes}
      rows={changesAsked(query.value)}
      keyOf={plan => `${plan.truck_id}@${plan.plan_version}`}
      empty={desk.changes.empty}
      before={<Runs />}
    >
      {plan => <ChangeRow plan={plan} />}
    </DeskList>
  );
}

/** The last planning of each kind of waste, and what is new since somebody looked. */
function Runs() {
  const w = words.value.desk.changes;
  return (
    <>
      <ul class="rows">
        {store.tables.run
          .all()
          .filter(run => isShown(run.material))
          .sort((a, b) => (a.material < b.material ? -1 : 1))
          .map(run => (
            <RunRow key={run.material} run={run} />
          ))}
      </ul>
      {unseen.value > 0 && !inPast.value && (
        <div class="news row-of">
          <strong>
            {w.since}: {unseen.value}
          </strong>
          <button type="button" class="button push" onClick={() => markSeen(now.value)}>
            {w.markSeen}
          </button>
        </div>
      )}
    </>
  );
}

function RunRow({ run }: { run: PlanningRun }) {
  const w = words.value;
  const outcome = useOutcome();
  const name = wordFor(w.materialShort, run.material);
  return (
    <li class="row still">
      <MaterialMark of={run.material} />
      <span class="row-main">
        <span class="row-title">
          {nearTime(run.made_ms, now.value)} · {planReason(run, names)}
        </span>
        <span class="row-sub">
          {run.trucks === undefined || run.stops === undefined ? UNKNOWN : w.desk.changes.run(run.trucks, run.stops)} ·{" "}
          {distance(run.distance_m)}
        </span>
        <OutcomeText of={outcome} />
      </span>
      {mayDispatch() && (
        <button
          type="button"
          class="button"
          data-testid={`replan-${run.material}`}
          onClick={() =>
            void carryOut(
              outcome,
              () => overrule({ kind: "replan", subject_id: run.material }),
              w.desk.changes.replanned,
            )
          }
        >
          {w.desk.changes.replan(name)}
        </button>
      )}
    </li>
  );
}

function ChangeRow({ plan }: { plan: TruckPlan }) {
  const fresh = plan.made_ms > seenUntil.value;
  return (
    <div
      class={`row still ${fresh ? "fresh" : ""}`}
      data-testid="change-row"
      data-truck-id={plan.truck_id}
      data-plan-version={plan.plan_version}
      data-reason={plan.reason}
    >
      <MaterialMark of={plan.material} />
      <div class="row-main">
        <p class="row-title">
          <button type="button" class="link" onClick={() => chooseTruck(plan.truck_id)}>
            <Name>{truckName(plan.truck_id)}</Name>
          </button>
          <time class="soft push">{nearTime(plan.made_ms, now.value)}</time>
        </p>
        <PlanWhy plan={plan} most={4} />
        <Receipt plan={plan} />
      </div>
    </div>
  );
}
