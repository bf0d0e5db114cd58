/** Hours or days as bars; each says its own number to whoever cannot see it, and none is drawn where nothing is known. */

import { day, hourMinute, number, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import { type Figures, SERIES, type SeriesName } from "./figures.ts";

export function Series({ figures }: { figures: Figures }) {
  if (!figures.heard) return null;
  return (
    <div class="series-all">
      {SERIES.map(name => (
        <One key={name} figures={figures} name={name} />
      ))}
    </div>
  );
}

function One({ figures, name }: { figures: Figures; name: SeriesName }) {
  const { unit, starts } = figures.series;
  const values = figures.series[name];
  const most = Math.max(...values.map(value => value ?? 0), 0);
  const said = (value: number | null) => (name === "weighed_kg" ? weight(value) : number(value));
  const when = (at_ms: number) => (unit === "hour" ? hourMinute(at_ms) : day(at_ms));
  return (
    <figure class="series">
      <figcaption class="row-of tight">
        <span>{words.value.manager.series[name]}</span>
        <span class="soft push">{said(most)}</span>
      </figcaption>
      <ol>
        {starts.map((at_ms, at) => {
          const value = values[at] ?? null;
          // what has not come yet is not nothing
          const toCome = at_ms > figures.now_ms;
          return (
            <li key={at_ms} title={`${when(at_ms)}: ${said(toCome ? null : value)}`}>
              <span class="hidden-text">
                {when(at_ms)}: {said(toCome ? null : value)}
              </span>
              {value ? <i class="series-bar" style={{ blockSize: `${(100 * value) / most}%` }} /> : null}
            </li>
          );
        })}
      </ol>
      <p class="row-of soft" aria-hidden="true">
        <span>{when(starts[0] ?? 0)}</span>
        <span class="push">{when(starts.at(-1) ?? 0)}</span>
      </p>
    </figure>
  );
}
