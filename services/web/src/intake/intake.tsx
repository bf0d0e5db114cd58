/** What citizens report, most urgent first; one of them whole, with its place, its photo, and the steps that may follow. */

import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { now } from "../clock.ts";
import type { CityMap } from "../map/city_map.ts";
import { MapView } from "../map/view.tsx";
import { Empty, Name, Tag } from "../ui/bits.tsx";
import { Header } from "../ui/header.tsx";
import { saysReading } from "../ui/reading.ts";
import { live } from "../ui/start.tsx";
import { ago, hourMinuteSecond, nearTime } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { Due } from "./due.tsx";
import { type CitizenReport, placeOf, STATES } from "./report.ts";
import { ReportFile } from "./report_file.tsx";
import { asOf_ms, byState, chosen, failure, keepFresh, listed, map, reading, shown } from "./state.ts";

export function Intake() {
  const w = words.value.intake;
  useEffect(keepFresh, []);
  return (
    <div class={`intake ${chosen.value ? "with-file" : ""}`}>
      <Header face="intake" live={live} />
      <main class="intake-main">
        <section class="panel" aria-label={w.title}>
          <Tools />
          <List />
        </section>
        <section class="file">
          {shown.value ? <ReportFile key={shown.value.report_id} report={shown.value} /> : <Empty>{w.choose}</Empty>}
        </section>
        <MapView onReady={connect} />
      </main>
    </div>
  );
}

function connect(ready: CityMap): () => void {
  map.value = ready;
  let looked = "";
  const end = effect(() => {
    const place = shown.value ? placeOf(shown.value) : null;
    ready.setMark(place ? { type: "Point", coordinates: place } : null);
    const key = place?.join() ?? "";
    if (place && key !== looked) ready.showPlace(place);
    looked = key;
  });
  return () => {
    end();
    map.value = null;
  };
}

function Tools() {
  const w = words.value.intake;
  return (
    <div class="list-tools row-of">
      <h2 class="intake-title">{w.title}</h2>
      <select
        class="field inline"
        aria-label={w.show}
        data-testid="filter-state"
        value={byState.value}
        onChange={event => {
          byState.value = event.currentTarget.value;
        }}
      >
        <option value="open">{w.open}</option>
        {STATES.map(state => (
          <option key={state} value={state}>
            {w.state[state]}
          </option>
        ))}
        <option value="all">{words.value.app.all}</option>
      </select>
      <a class="push" href="/report">
        {w.form}
      </a>
    </div>
  );
}

function List() {
  const w = words.value.intake;
  const rows = listed.value;
  return (
    <div class="list-area" {...saysReading(reading)}>
      <div role="status">{failure.value && <p class="note bad">{failure.value}</p>}</div>
      {rows === null ? (
        <Empty>{words.value.app.loading}</Empty>
      ) : rows.length ? (
        <ul class="rows" data-testid="reports">
          {rows.map(report => (
            <li key={report.report_id}>
              <Row report={report} />
            </li>
          ))}
        </ul>
      ) : (
        <Empty>{byState.value === "open" ? w.none : w.noneHere}</Empty>
      )}
      {asOf_ms.value !== null && <p class="soft as-of">{w.asOf(hourMinuteSecond(asOf_ms.value))}</p>}
    </div>
  );
}

function Row({ report }: { report: CitizenReport }) {
  const w = words.value.intake;
  return (
    <button
      type="button"
      class={`row still ${report.report_id === chosen.value ? "chosen" : ""}`}
      data-testid="report-row"
      data-report-id={report.report_id}
      data-state={report.state}
      aria-current={report.report_id === chosen.value ? "true" : undefined}
      onClick={() => {
        chosen.value = report.report_id;
      }}
    >
      <span class="row-main">
        <span class="row-title">
          {wordFor(w.kind, report.kind)}
          <time class="soft push" title={nearTime(report.at_ms, now.value)}>
            {ago(report.at_ms, now.value)}
          </time>
        </span>
        <span class="row-sub">
          <Name>
            {report.place ??
              placeOf(report)
                ?.map(one => one.toFixed(5))
                .reverse()
                .join(", ") ??
              ""}
          </Name>
        </span>
        <span class="row-of tight">
          <Tag>{w.state[report.state]}</Tag>
          <Due report={report} />
        </span>
      </span>
    </button>
  );
}
