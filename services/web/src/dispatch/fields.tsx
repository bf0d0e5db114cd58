/** The fields the desk's lists share: find in a list, choose one, say until when. Each writes into the signal it is given. */

import type { Signal } from "@preact/signals";
import { words } from "../words/index.ts";
import { text } from "./state.ts";

/** Finds by name in the list below it; what was typed stays from list to list. */
export function Filter() {
  const label = words.value.desk.filter;
  return (
    <input
      class="field"
      type="search"
      placeholder={label}
      aria-label={label}
      value={text.value}
      onInput={event => {
        text.value = event.currentTarget.value;
      }}
    />
  );
}

/**
 * One of several, each a value and its name; `none` names the choice of nothing, if there is one. `value`: what is shown
 * as chosen where that is not what `chosen` says.
 */
export function Choice<Value extends string>({
  label,
  chosen,
  options,
  none,
  value = chosen.value,
}: {
  label: string;
  chosen: Signal<Value>;
  options: [Value, string][];
  none?: string;
  value?: Value;
}) {
  return (
    <select
      class="field inline"
      aria-label={label}
      value={value}
      onChange={event => {
        chosen.value = event.currentTarget.value as Value;
      }}
    >
      {none !== undefined && <option value="">{none}</option>}
      {options.map(([code, name]) => (
        <option key={code} value={code}>
          {name}
        </option>
      ))}
    </select>
  );
}

/** A moment, in the city's zone, as `words/format` writes and reads it. */
export function Until({ label, moment }: { label: string; moment: Signal<string> }) {
  return (
    <input
      class="field inline"
      type="datetime-local"
      aria-label={label}
      value={moment.value}
      onInput={event => {
        moment.value = event.currentTarget.value;
      }}
    />
  );
}
