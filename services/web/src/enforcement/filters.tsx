/** Which alerts are shown, and in which order: all of it is in the address. */

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { session } from "../session.ts";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { fetchHandlers, handlers } from "./said.ts";
import { areas, byArea, byHandling, byOwner, byRule, bySeverity, find, order } from "./state.ts";

interface Choice<T extends string> {
  label: string;
  testid: string;
  value: { value: T };
  children: ComponentChildren;
}

function Select<T extends string>({ label, testid, value, children }: Choice<T>) {
  return (
    <select
      class="field"
      aria-label={label}
      data-testid={testid}
      value={value.value}
      onChange={event => {
        value.value = event.currentTarget.value as T;
      }}
    >
      {children}
    </select>
  );
}

const options = (choices: readonly (readonly [code: string, name: string])[]) =>
  choices.map(([code, name]) => (
    <option key={code} value={code}>
      {name}
    </option>
  ));

export function Filters() {
  const w = words.value;
  const e = w.enf;
  useEffect(() => {
    void fetchHandlers();
  }, []);
  const present = new Set(store.tables.alert.all().map(alert => alert.rule));
  const me = session.value?.user.login;
  const everything = (label: string) => [["", `${label}: ${w.app.all}`]] as const;
  return (
    <div class="list-tools filters">
      <Select label={w.alerts.filterHandling} testid="filter-state" value={byHandling}>
        {options([
          ["open", w.alerts.open],
          ["new", w.handling.new],
          ["acknowledged", w.handling.acknowledged],
          ["asleep", e.asleep],
          ["confirmed", w.handling.confirmed],
          ["dismissed", w.handling.dismissed],
          ["all", w.app.all],
        ])}
      </Select>
      <Select label={e.owner} testid="filter-owner" value={byOwner}>
        {options([
          ...everything(e.owner),
          ["mine", e.mine],
          ["nobody", e.nobodys],
          ...(handlers.value ?? []).filter(one => one.login !== me).map(one => [one.login, one.name] as const),
        ])}
      </Select>
      <Select label={w.alerts.filterRule} testid="filter-rule" value={byRule}>
        {options([
          ...everything(w.alerts.filterRule),
          ...Object.entries(w.rule).filter(([code]) => present.has(code) || code === byRule.value),
        ])}
      </Select>
      <Select label={w.alerts.filterSeverity} testid="filter-severity" value={bySeverity}>
        {options([...everything(w.alerts.filterSeverity), ...Object.entries(w.severity)])}
      </Select>
      <Select label={e.area} testid="filter-area" value={byArea}>
        {options([...everything(e.area), ...areas.value.map(one => [one.zone_id, one.name ?? one.zone_id] as const)])}
      </Select>
      <Select label={e.order} testid="order" value={order}>
        {options([
          ["weight", e.orders.weight],
          ["certainty", e.orders.certainty],
          ["deadline", e.orders.deadline],
          ["newest", e.orders.newest],
        ])}
      </Select>
      <input
        class="field wide"
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
