/** One report: what was sent, what was done, and the next step. What a citizen wrote is only ever text. */

import { useSignal } from "@preact/signals";
import { cityNow, now } from "../clock.ts";
import { ask, newId } from "../http.ts";
import { mayDispatch, mayJudge } from "../session.ts";
import { Name, Tag } from "../ui/bits.tsx";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { nearTime } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { Due } from "./due.tsx";
import { type CitizenReport, needsReason, placeOf, type ReportState, stepName } from "./report.ts";
import { chosen, refresh } from "./state.ts";

export function ReportFile({ report }: { report: CitizenReport }) {
  const w = words.value.intake;
  const place = placeOf(report);
  return (
    <article class="card" data-testid="report-file" data-report-id={report.report_id} data-state={report.state}>
      <header>
        <div class="row-of">
          <h2>{wordFor(w.kind, report.kind)}</h2>
          <Tag>{w.state[report.state]}</Tag>
          <Due report={report} />
          <button
            type="button"
            class="button quiet push"
            onClick={() => {
              chosen.value = "";
            }}
          >
            {w.close}
          </button>
        </div>
      </header>
      <dl class="report-facts">
        <dt>{w.place}</dt>
        <dd>
          {report.place ? <Name>{report.place}</Name> : <span class="soft">{w.noPlace}</span>}
          {place && <span class="soft"> {[place[1], place[0]].map(one => one.toFixed(5)).join(", ")}</span>}
        </dd>
        <dt>{w.sent}</dt>
        <dd>{nearTime(report.at_ms, now.value)}</dd>
        {report.note && (
          <>
            <dt>{w.said}</dt>
            <dd class="as-written" lang={report.language === "zh" ? "zh-Hans" : "en"}>
              <Name>{report.note}</Name>
            </dd>
          </>
        )}
      </dl>
      {report.has_photo && (
        <figure>
          <figcaption class="soft">{w.photo}</figcaption>
          <img
            class="report-photo"
            data-testid="report-photo"
            src={`/api/v1/reports/${encodeURIComponent(report.report_id)}/photo`}
            alt={w.photoAlt}
          />
        </figure>
      )}
      {(mayDispatch() || mayJudge()) && <Deeds report={report} />}
      <History report={report} />
    </article>
  );
}

function History({ report }: { report: CitizenReport }) {
  const w = words.value.intake;
  return (
    <section>
      <h3>{w.history}</h3>
      <ol class="report-steps" data-testid="report-steps">
        <li>
          <time class="soft">{nearTime(report.at_ms, now.value)}</time> {w.state.received}
        </li>
        {report.steps.map(step => (
          <li key={step.step_id}>
            <time class="soft">{nearTime(step.at_ms, now.value)}</time> {w.state[step.state]} ·{" "}
            <Name>{step.actor}</Name>
            {step.reason && (
              <>
                {" "}
                · <Name>{step.reason}</Name>
              </>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Deeds({ report }: { report: CitizenReport }) {
  const w = words.value.intake;
  const outcome = useOutcome();
  const reason = useSignal("");
  const missing = useSignal(false);
  if (!report.next_states.length) return null;
  const take = async (state: ReportState) => {
    const why = reason.value.trim();
    missing.value = needsReason(report.state, state) && !why;
    if (missing.value) return document.getElementById("step-reason")?.focus();
    const body = { report_id: report.report_id, state, seen: report.steps.length, ...(why ? { reason: why } : {}) };
    if (await carryOut(outcome, () => ask("PUT", `/api/v1/report-steps/${newId(cityNow())}`, body), w.moved))
      reason.value = "";
    // moved on by somebody else is refused: then, too, the page has to show what is
    await refresh();
  };
  return (
    <section class="deeds" aria-label={w.history}>
      <label>
        {w.reason}
        <textarea
          id="step-reason"
          class="field"
          rows={2}
          maxLength={2000}
          value={reason.value}
          aria-invalid={missing.value}
          aria-describedby="step-reason-hint"
          onInput={event => {
            reason.value = event.currentTarget.value;
          }}
        />
      </label>
      <p class="soft" id="step-reason-hint">
        {missing.value ? w.reasonNeeded : w.reasonShown}
      </p>
      <div class="row-of">
        {report.next_states.map(state => (
          <button
            key={state}
            type="button"
            class={`button ${needsReason(report.state, state) ? "" : "main"}`}
            data-testid={`step-${state}`}
            disabled={outcome.value.state === "working"}
            onClick={() => void take(state)}
          >
            {w.step[stepName(report.state, state)]}
          </button>
        ))}
        <OutcomeText of={outcome} />
      </div>
    </section>
  );
}
