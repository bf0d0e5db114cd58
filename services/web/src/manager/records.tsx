/** The records behind a figure, each with the way to where it can be seen whole. */

import { Empty, Name } from "../ui/bits.tsx";
import { dayTime, hourMinute, weight } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { type FigureName, type FigureRecord, linkOf } from "./figures.ts";
import { answer, contractor, figure, records, recordsFailure, rule } from "./state.ts";

export function Records() {
  const w = words.value.manager;
  const found = records.value;
  return (
    <section class="manager-records" data-testid="records" data-count={found?.records.length ?? ""}>
      <div class="row-of">
        <h2>{title()}</h2>
        <button
          type="button"
          class="button push"
          onClick={() => {
            figure.value = "";
          }}
        >
          {w.close}
        </button>
      </div>
      {!found ? (
        <Empty>{recordsFailure.value || words.value.app.loading}</Empty>
      ) : !found.records.length ? (
        <Empty>{w.noRecords}</Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
        <section class="scrolls" tabIndex={0} aria-label={title()}>
          <table>
            <thead>
              <tr>
                {[w.table.when, w.table.what, w.table.who, w.table.where, w.table.how].map(head => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {found.records.map((record, at) => (
                <Row
                  key={`${record.alert_id ?? record.report_id ?? record.place_id ?? ""} ${record.at_ms} ${at}`}
                  record={record}
                />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {found?.more && <p class="note">{w.more}</p>}
    </section>
  );
}

function title(): string {
  const w = words.value.manager;
  const names: Record<FigureName, string> = {
    due: w.collections.title,
    open: w.stillDue,
    overflows: w.overflows.title,
    late: w.late.title,
    skipped: w.series.collected,
    alerts: w.series.alerts,
    weighed: w.weighed.title,
    balance: w.balance.title,
    violations: w.byContractor,
    reports: w.reports.title,
  };
  const parts = [
    figure.value ? names[figure.value] : "",
    rule.value ? wordFor(words.value.rule, rule.value) : "",
    contractor.value === "all" ? "" : contractor.value || w.table.nobody,
    answer.value ? w.answer[answer.value] : "",
  ];
  return `${w.records}: ${parts.filter(Boolean).join(" · ")}`;
}

function Row({ record }: { record: FigureRecord }) {
  const to = linkOf(record);
  const what = whatOf(record);
  return (
    <tr data-testid="record">
      <td class="nowrap">
        {to ? (
          <a href={to} data-testid="record-link">
            {dayTime(record.at_ms)}
          </a>
        ) : (
          dayTime(record.at_ms)
        )}
      </td>
      <td>{what}</td>
      <td>{record.truck_id ? <Name>{record.truck_id}</Name> : null}</td>
      <td>
        <Name>
          {record.name ??
            record.place ??
            record.bin_id ??
            record.place_id ??
            record.stop_id ??
            record.facility_id ??
            ""}
        </Name>
      </td>
      <td>{howOf(record)}</td>
    </tr>
  );
}

function whatOf(record: FigureRecord): string {
  const w = words.value;
  switch (record.kind) {
    case "alert":
      return wordFor(w.rule, record.rule);
    case "skip":
      return wordFor(w.skip, record.exception);
    case "report":
      return wordFor(w.intake.kind, record.report_kind);
    case "truck":
      return w.manager.late.title;
    default:
      return wordFor(w.materialShort, record.material);
  }
}

function howOf(record: FigureRecord): string {
  const w = words.value;
  switch (record.kind) {
    case "alert":
      return [
        record.severity && w.severity[record.severity],
        record.handling && w.handling[record.handling],
        record.answer && w.manager.answer[record.answer],
        record.lost_kg === null || record.lost_kg === undefined ? "" : weight(record.lost_kg),
      ]
        .filter(Boolean)
        .join(" · ");
    case "place":
      return record.until_ms === null ? w.manager.stillDue : w.manager.until(hourMinute(record.until_ms));
    case "truck":
      return record.minutes === null || record.minutes === undefined ? "" : w.manager.lateBy(record.minutes);
    case "weighing":
      return record.accepted ? weight(record.net_kg) : w.manager.weighed.rejected(1);
    case "load":
      return w.manager.difference(
        record.on_board_kg === null || record.weighed_kg === null
          ? weight(null)
          : weight((record.on_board_kg ?? 0) - (record.weighed_kg ?? 0)),
      );
    case "report":
      return [record.state && wordFor(w.intake.state, record.state), record.answer && w.manager.answer[record.answer]]
        .filter(Boolean)
        .join(" · ");
    default:
      return "";
  }
}
