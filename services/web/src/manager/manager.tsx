/** The manager's page: what the day or week came to, against targets and another period; each figure opens its records. */

import { useEffect } from "preact/hooks";
import { Header } from "../ui/header.tsx";
import { live } from "../ui/start.tsx";
import { day, hourMinuteSecond, timeZone } from "../words/format.ts";
import { words } from "../words/index.ts";
import { firstDate, moveDate } from "./periods.ts";
import { Records } from "./records.tsx";
import { Series } from "./series.tsx";
import {
  before,
  compare,
  date,
  failure,
  figure,
  found,
  keepFresh,
  kind,
  period,
  refresh,
  shownDate,
  today,
} from "./state.ts";
import { ByContractor, ByRule, BySite } from "./tables.tsx";
import { Tiles } from "./tiles.tsx";

export function Manager() {
  const w = words.value.manager;
  useEffect(keepFresh, []);
  const figures = found.value;
  return (
    <div class="manager">
      <Header face="manager" live={live} />
      <main class="manager-main" data-testid="manager" data-counted={figures?.now_ms ?? ""}>
        <Tools />
        <div role="status">{failure.value && <p class="note bad">{failure.value}</p>}</div>
        {!figures && !failure.value && <p class="note">{words.value.app.loading}</p>}
        {figures && (
          <>
            {!figures.heard && <p class="note">{w.unheard}</p>}
            <Tiles now={figures} before={before.value} />
            {figure.value && <Records />}
            <Series figures={figures} />
            <div class="manager-tables">
              <ByRule figures={figures} />
              <BySite figures={figures} />
              <ByContractor figures={figures} />
            </div>
          </>
        )}
      </main>
    </div>
  );
}

function Tools() {
  const w = words.value.manager;
  const step = (days: number) => () => {
    const moved = moveDate(firstDate(kind.value, shownDate.value), days * (kind.value === "week" ? 7 : 1));
    date.value = moved === today.value ? "" : moved;
  };
  const shown = period.value;
  return (
    <div class="row-of manager-tools">
      <h2>{w.title}</h2>
      <select
        class="field inline"
        aria-label={w.period}
        data-testid="period"
        value={kind.value}
        onChange={event => {
          kind.value = event.currentTarget.value as typeof kind.value;
        }}
      >
        <option value="day">{w.day}</option>
        <option value="week">{w.week}</option>
      </select>
      <button type="button" class="button" aria-label={w.earlier} title={w.earlier} onClick={step(-1)}>
        ‹
      </button>
      <input
        class="field inline"
        type="date"
        aria-label={w.date}
        value={shownDate.value}
        onChange={event => {
          const chosen = event.currentTarget.value;
          date.value = chosen === today.value ? "" : chosen;
        }}
      />
      <button type="button" class="button" aria-label={w.later} title={w.later} onClick={step(1)}>
        ›
      </button>
      <strong data-testid="shown-period">
        {shown && (kind.value === "day" ? day(shown.from_ms) : `${day(shown.from_ms)} – ${day(shown.to_ms - 1)}`)}
      </strong>
      <label class="row-of tight">
        <span class="soft">{w.compare}</span>
        <select
          class="field inline"
          data-testid="compare"
          value={compare.value}
          onChange={event => {
            compare.value = event.currentTarget.value as typeof compare.value;
          }}
        >
          {Object.entries(w.compareWith).map(([code, name]) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <Counted />
      <button type="button" class="button push" data-testid="count-again" onClick={() => void refresh()}>
        {w.refresh}
      </button>
    </div>
  );
}

function Counted() {
  const w = words.value.manager;
  const figures = found.value;
  if (!figures) return null;
  const goesOn = figures.now_ms < figures.to_ms;
  return (
    <span class="soft" title={timeZone.value}>
      {w.counted(hourMinuteSecond(figures.now_ms))}
      {goesOn && before.value ? ` · ${w.sameLength}` : ""}
    </span>
  );
}
