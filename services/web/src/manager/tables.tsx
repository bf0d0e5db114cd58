/** Alerts by rule, loads by site and waste, and what each contractor answers for. Rows open their records. */

import type { ComponentChildren } from "preact";
import { MaterialMark, Name } from "../ui/bits.tsx";
import { number, weight } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import type { ContractorRow, Figures } from "./figures.ts";
import { open } from "./state.ts";

function Table({ title, heads, children }: { title: string; heads: string[]; children: ComponentChildren }) {
  return (
    <div class="manager-table">
      <h2>{title}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <section class="scrolls" tabIndex={0} aria-label={title}>
        <table>
          <thead>
            <tr>
              {heads.map((head, at) => (
                <th key={head} scope="col" class={at ? "number" : ""}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </section>
    </div>
  );
}

export function ByRule({ figures }: { figures: Figures }) {
  const w = words.value.manager;
  const t = w.table;
  const { acknowledge_within_min: within } = figures.rules;
  const limits = (["critical", "high", "medium", "low"] as const)
    .map(one => `${words.value.severity[one]} ${number(within[one])}`)
    .join(" · ");
  const heads = [t.rule, t.raised, t.inTime, t.lateAnswer, t.overdue, t.waiting, t.confirmed, t.dismissed, t.withdrawn];
  return (
    <>
      <Table title={w.byRule} heads={heads}>
        {figures.alerts.by_rule.map(row => (
          <tr key={row.rule} data-testid="rule-row" data-rule={row.rule}>
            <th scope="row">
              <button type="button" class="link" onClick={() => open("alerts", { rule: row.rule })}>
                {wordFor(words.value.rule, row.rule)}
              </button>
            </th>
            {[
              row.raised,
              row.in_time,
              row.late,
              row.overdue,
              row.waiting,
              row.confirmed,
              row.dismissed,
              row.withdrawn,
            ].map((value, at) => (
              <td key={heads[at + 1]} class="number">
                {number(value)}
              </td>
            ))}
          </tr>
        ))}
      </Table>
      <p class="soft">
        {w.alerts.within}: {limits}
      </p>
    </>
  );
}

export function BySite({ figures }: { figures: Figures }) {
  const w = words.value.manager;
  const t = w.table;
  return (
    <Table title={w.bySite} heads={[t.facility, t.material, t.loads, t.weight]}>
      {figures.weighed.by.map(row => (
        <tr key={`${row.facility_id} ${row.material}`}>
          <th scope="row">
            <button type="button" class="link" onClick={() => open("weighed")}>
              <Name>{row.name ?? row.facility_id}</Name>
            </button>
          </th>
          <td class="number">
            <MaterialMark of={row.material} /> {wordFor(words.value.materialShort, row.material)}
          </td>
          <td class="number">
            {number(row.loads)}
            {row.unknown_loads > 0 && <span class="soft"> · {w.weighed.unknown(row.unknown_loads)}</span>}
          </td>
          <td class="number">{weight(row.kg)}</td>
        </tr>
      ))}
    </Table>
  );
}

export function ByContractor({ figures }: { figures: Figures }) {
  const w = words.value.manager;
  const t = w.table;
  const most = Math.max(1, ...figures.contractors.map(row => row.confirmed_points + row.undecided_points));
  const each = (["critical", "high", "medium", "low"] as const)
    .map(one => `${words.value.severity[one]} ${number(figures.rules.points[one])}`)
    .join(" · ");
  return (
    <>
      <Table title={w.byContractor} heads={[t.contractor, t.points, t.trucks, t.loads, t.weight, t.collected, t.late]}>
        {figures.contractors.map(row => (
          <tr key={row.contractor_id} data-testid="contractor-row" data-contractor={row.contractor_id}>
            <th scope="row">
              <button type="button" class="link" onClick={() => open("violations", { contractor: row.contractor_id })}>
                {row.contractor_id ? <Name>{row.contractor_id}</Name> : t.nobody}
              </button>
            </th>
            <td class="number">
              <Points row={row} most={most} />
            </td>
            <td class="number">{number(row.trucks)}</td>
            <td class="number">{number(row.loads)}</td>
            <td class="number">{weight(row.kg)}</td>
            <td class="number">{number(row.collected)}</td>
            <td class="number">{number(row.late_trucks)}</td>
          </tr>
        ))}
      </Table>
      <p class="soft">{w.pointsRule(each)}</p>
    </>
  );
}

/** What is confirmed, solid; what nobody has decided, hatched beside it and said as such. */
function Points({ row, most }: { row: ContractorRow; most: number }) {
  const w = words.value.manager.table;
  return (
    <span class="points" title={w.pointsTitle(row.confirmed_points, row.undecided_points)}>
      <span>
        {number(row.confirmed_points)}
        {row.undecided_points > 0 && (
          <span class="soft">
            {" "}
            + {number(row.undecided_points)} {w.undecided}
          </span>
        )}
      </span>
      <span class="points-bar" aria-hidden="true">
        <i style={{ width: `${(100 * row.confirmed_points) / most}%` }} />
        <b style={{ width: `${(100 * row.undecided_points) / most}%` }} />
      </span>
    </span>
  );
}
