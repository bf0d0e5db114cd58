/** The alerts as rows: what belongs together under one head, what is picked acted on together. */

import type { Alert } from "../contract.ts";
import type { Group } from "../domain/grouping.ts";
import { all, extend, NOTHING, toggle } from "../domain/selection.ts";
import { Empty, Name, Tag } from "../ui/bits.tsx";
import { keysOn, showKeys } from "../ui/keys.ts";
import { saysReading } from "../ui/reading.ts";
import { store } from "../ui/start.tsx";
import { wordFor, words } from "../words/index.ts";
import { AlertLine, SeverityTag } from "./alert_line.tsx";
import { DeedButtons, mayAct } from "./deeds.tsx";
import { personName } from "./said.ts";
import {
  chosen,
  fold,
  grouping,
  groups,
  idsOf,
  isUnfolded,
  letIn,
  names,
  picked,
  reading,
  rows,
  selection,
  visible,
  waiting,
} from "./state.ts";

export function List() {
  const w = words.value.alerts;
  store.tables.alert.version.value; // whether there are any
  return (
    <div class="list-area" {...saysReading(reading)}>
      <Together />
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
        {groups.value.map(group =>
          group.ids.length > 1 ? <GroupRows key={group.id} group={group} /> : <Row key={group.id} id={group.id} />,
        )}
      </ul>
    </div>
  );
}

/** What is done with many at once. */
function Together() {
  const e = words.value.enf;
  const alerts = picked.value;
  return (
    <section class="together" aria-label={e.together}>
      <div class="row-of tight">
        <label class="row-of tight">
          <input
            type="checkbox"
            data-testid="pick-all"
            checked={alerts.length > 0 && alerts.length === rows.value.length}
            onClick={() => {
              selection.value = alerts.length === rows.value.length ? NOTHING : all(rows.value);
            }}
          />{" "}
          {e.allShown(rows.value.length)}
        </label>
        <label class="row-of tight">
          <input
            type="checkbox"
            data-testid="group"
            checked={grouping.value === "on"}
            onClick={() => {
              grouping.value = grouping.value === "on" ? "off" : "on";
            }}
          />{" "}
          {e.group}
        </label>
        <button
          type="button"
          class="button quiet push"
          data-testid="keys"
          aria-pressed={keysOn.value}
          onClick={showKeys}
        >
          {words.value.keys.title}
        </button>
      </div>
      {alerts.length > 0 && (
        <div class="deeds">
          <p role="status">
            <strong data-testid="picked" data-count={alerts.length}>
              {e.picked(alerts.length)}
            </strong>{" "}
            <button
              type="button"
              class="button quiet"
              onClick={() => {
                selection.value = NOTHING;
              }}
            >
              {e.unpick}
            </button>
          </p>
          {!mayAct(alerts) && <p class="note">{words.value.alerts.readOnly}</p>}
          <DeedButtons alerts={alerts} prefix="bulk-" />
        </div>
      )}
    </section>
  );
}

function pick(ids: readonly string[], range: boolean): void {
  const [first] = ids;
  if (!range || !first) {
    selection.value = toggle(selection.value, ids);
    return;
  }
  const wider = extend(selection.value, visible.value, first);
  // a folded group stands there as its first: all of it is meant
  selection.value = { ...wider, ids: new Set([...wider.ids].flatMap(idsOf)) };
}

function Row({ id, inside = false }: { id: string; inside?: boolean }) {
  store.tables.alert.version.value; // its alert may be another under the same id
  const alert = store.tables.alert.get(id);
  if (!alert) return null;
  return (
    <li class={inside ? "inside" : ""}>
      <AlertLine
        alert={alert}
        names={names}
        chosen={id === chosen.value}
        person={personName}
        box={{ picked: selection.value.ids.has(id), onToggle: range => pick([id], range) }}
        onPick={() => {
          chosen.value = id;
        }}
      />
    </li>
  );
}

const SEVERITIES = ["critical", "high", "medium", "low"] as const;

function GroupRows({ group }: { group: Group }) {
  const e = words.value.enf;
  store.tables.alert.version.value; // as for a row
  const alerts = group.ids.flatMap(id => store.tables.alert.get(id) ?? []);
  const [first] = alerts;
  if (!first) return null;
  const open = isUnfolded(group);
  const count = group.ids.filter(id => selection.value.ids.has(id)).length;
  const worst = SEVERITIES.find(one => alerts.some(alert => alert.severity === one)) ?? first.severity;
  const title = titleOf(group, first);
  return (
    <>
      <li class="group-head" data-testid="alert-group" data-count={group.ids.length} data-why={group.why}>
        <label class="pick-box">
          <input
            type="checkbox"
            data-testid="group-box"
            checked={count === group.ids.length}
            ref={box => {
              if (box) box.indeterminate = count > 0 && count < group.ids.length;
            }}
            aria-label={e.pick(title)}
            onClick={event => pick(group.ids, event.shiftKey)}
          />
        </label>
        <button type="button" class="group-fold" aria-expanded={open} onClick={() => fold(group)}>
          <span aria-hidden="true">{open ? "▾" : "▸"}</span> <SeverityTag alert={{ severity: worst }} />{" "}
          <strong>
            <Name>{title}</Name>
          </strong>{" "}
          <Tag>{e.alertsOf(group.ids.length)}</Tag>
          <span class="row-sub">{rulesOf(alerts)}</span>
        </button>
      </li>
      {(open ? group.ids : group.ids.filter(id => id === chosen.value)).map(id => (
        <Row key={id} id={id} inside />
      ))}
    </>
  );
}

function titleOf(group: Group, first: Alert): string {
  const e = words.value.enf;
  if (group.why === "truck" && first.truck_id) return e.oneTruck(names.truck(first.truck_id));
  return e.onePlace(wordFor(words.value.rule, first.rule));
}

/** "Spillage ×2 · Uncovered load" */
function rulesOf(alerts: readonly Alert[]): string {
  const counts = new Map<string, number>();
  for (const { rule } of alerts) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].map(([rule, n]) => `${wordFor(words.value.rule, rule)}${n > 1 ? ` ×${n}` : ""}`).join(" · ");
}
