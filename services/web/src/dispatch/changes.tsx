/** What changed and why: the last planning of each kind of waste, then every new route as it came. */

import { now } from "../clock.ts";
import type { PlanningRun, TruckPlan } from "../contract.ts";
import { planReason } from "../say/plans.ts";
import { mayDispatch } from "../session.ts";
import { Empty, MaterialMark, Name } from "../ui/bits.tsx";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { distance, nearTime } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { overrule } from "./due_list.tsx";
import { Receipt } from "./receipt.tsx";
import { chooseTruck, isShown, markSeen, names, planLog, seenUntil, truckName, unseen } from "./state.ts";
import { PlanWhy } from "./truck_card.tsx";

export function Changes() {
  const w = words.value.desk.changes;
  const plans = planLog.value.filter(plan => isShown(plan.material));
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
      {unseen.value > 0 && (
        <div class="list-tools row-of">
          <strong>
            {w.since}: {unseen.value}
          </strong>
          <button type="button" class="button push" onClick={() => markSeen(now.value)}>
            {w.markSeen}
          </button>
        </div>
      )}
      {!plans.length && <Empty>{w.empty}</Empty>}
      <ul class="rows" data-testid="changes">
        {plans.map(plan => (
          <ChangeRow key={`${plan.truck_id}@${plan.plan_version}`} plan={plan} />
        ))}
      </ul>
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
          {w.desk.changes.run(run.trucks ?? 0, run.stops ?? 0)} · {distance(run.distance_m)}
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
    <li
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
    </li>
  );
}
