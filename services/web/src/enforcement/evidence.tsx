/** What an alert was judged from, sealed: measurements, what is missing, and how to prove that nobody altered it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { now } from "../clock.ts";
import type { Alert, Evidence, Measurement } from "../contract.ts";
import { ask } from "../http.ts";
import { mayJudge } from "../session.ts";
import { distance, hourMinuteSecond, nearTime, percent, speed, weight } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { PhraseList } from "./phrase_list.tsx";

const pathOf = (alert_id: string) => `/api/v1/alerts/${encodeURIComponent(alert_id)}/evidence`;

export function EvidencePart({ alert }: { alert: Alert }) {
  const w = words.value.evidence;
  const found = useSignal<Evidence | null>(null);
  const missed = useSignal(false);
  const { alert_id, revision } = alert;
  // who looks at the past may not, and may again when back
  const may = mayJudge();
  useEffect(() => {
    let gone = false;
    if (!may) return;
    ask<Evidence>("GET", pathOf(alert_id)).then(
      evidence => {
        if (!gone) found.value = evidence;
      },
      () => {
        missed.value = true;
      },
    );
    return () => {
      gone = true;
    };
  }, [alert_id, revision, may]);
  if (!may) return null;
  const evidence = found.value;
  return (
    <section data-testid="evidence">
      <h3>{w.title}</h3>
      {evidence === null ? (
        <p class="soft">{missed.value ? w.unreachable : words.value.app.loading}</p>
      ) : evidence.versions.length ? (
        <Sealed alert_id={alert_id} evidence={evidence} />
      ) : (
        <p class="soft">{w.none}</p>
      )}
    </section>
  );
}

function Sealed({ alert_id, evidence }: { alert_id: string; evidence: Evidence }) {
  const w = words.value.evidence;
  const measurements = evidence.document?.measurements ?? [];
  const withBytes = measurements.filter(one => one.frames.length).length;
  const every_ms = Math.max(0, ...(evidence.document?.parts ?? []).map(part => part.every_ms));
  return (
    <>
      <p>
        {w.holds(measurements.length, withBytes)} {every_ms > 0 && w.sampled(Math.round(every_ms / 60_000))}
      </p>
      <p data-testid="evidence-holds">
        {evidence.faults.length ? <strong>✗ {w.altered(evidence.faults.length)}</strong> : <>✓ {w.asSealed}</>}
      </p>
      <PhraseList of={[...evidence.faults, ...(evidence.document?.missing ?? [])]} />
      {measurements.length > 0 && <Measurements of={measurements} />}
      <details>
        <summary>{w.versions(evidence.versions.length)}</summary>
        <ul class="phrases">
          {evidence.versions.map(one => (
            <li key={one.version}>
              <a href={`${pathOf(alert_id)}/${one.version}`} download>
                {w.version(one.version, one.alert_revision)}
              </a>{" "}
              <span class="soft">
                {nearTime(one.made_ms, now.value)} · {one.complete ? w.complete : w.incomplete}
              </span>
              <br />
              <code class="hash">{one.sha256}</code>
            </li>
          ))}
        </ul>
        <p class="soft">{w.verify}</p>
      </details>
    </>
  );
}

function Measurements({ of }: { of: Measurement[] }) {
  const w = words.value;
  const ofTruck = of.some(one => one.record.cover !== undefined || one.record.speed_mps !== undefined);
  return (
    <details>
      <summary>{w.evidence.measurements}</summary>
      <div class="measured">
        <table>
          <thead>
            <tr>
              <th>{w.evidence.time}</th>
              {ofTruck ? (
                <>
                  <th>{w.evidence.accuracy}</th>
                  <th>{w.evidence.speed}</th>
                  <th>{w.evidence.load}</th>
                  <th>{w.evidence.sensors}</th>
                </>
              ) : (
                <th>{w.evidence.fill}</th>
              )}
            </tr>
          </thead>
          <tbody>
            {of.map(({ record }, at) => (
              <tr key={at}>
                <td>{hourMinuteSecond(record.event_time_ms)}</td>
                {ofTruck ? (
                  <>
                    <td>{distance(record.accuracy_m)}</td>
                    <td>{speed(record.speed_mps)}</td>
                    <td>{weight(record.load_kg)}</td>
                    <td>
                      {wordFor(w.cover, record.cover ?? "unknown")} · {wordFor(w.bed, record.bed ?? "unknown")}
                    </td>
                  </>
                ) : (
                  <td>{percent(record.fill)}</td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
