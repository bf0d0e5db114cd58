/** The whole story of one alert: the sentence, why it fired, what is not known, load and speed, and what was done. */

import { effect, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { inPast, now } from "../clock.ts";
import type { Alert, AlertFile, LonLat, TrackPoint } from "../contract.ts";
import { assigneeOf, handling, standingActions } from "../domain/standing.ts";
import { ask } from "../http.ts";
import { momentText } from "../past/span.ts";
import { showAlertsMoment } from "../past/time_bar.tsx";
import { alertSentence, measuredText, phrase, usedLines } from "../say/alerts.ts";
import { deedText, writtenOf } from "../say/deeds.ts";
import { FACES, mayJudge, session } from "../session.ts";
import { Empty, Name, Tag } from "../ui/bits.tsx";
import { failureText } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { hourMinuteSecond, nearTime, weight } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { SeverityTag } from "./alert_line.tsx";
import { TrackChart } from "./chart.tsx";
import { Countdowns } from "./countdown.tsx";
import { DeedButtons, mayAct } from "./deeds.tsx";
import { EvidencePart } from "./evidence.tsx";
import { PhraseList } from "./phrase_list.tsx";
import { outcome, personName, takeBack } from "./said.ts";
import { chosen, names, showWhole } from "./state.ts";
import { TruckPhotos } from "./truck_photos.tsx";

/** City time before and after the alert that the map and the chart show. */
const AROUND_MS = 10 * 60_000;

/** Where the truck of the chosen alert was around it; drawn on the map. */
export const trackOfChosen = signal<LonLat[]>([]);

function pointsOf(file: AlertFile): TrackPoint[] {
  const { track } = file;
  return Array.isArray(track) ? track : (track?.points ?? []);
}

async function fetchFile(alert_id: string): Promise<AlertFile> {
  const file = await ask<AlertFile>("GET", `/api/v1/alerts/${encodeURIComponent(alert_id)}`);
  if (pointsOf(file).length || !file.alert.truck_id) return file;
  const from_ms = file.alert.start_ms - AROUND_MS;
  const to_ms = (file.alert.end_ms ?? file.alert.raised_ms) + AROUND_MS;
  const path = `/api/v1/trucks/${encodeURIComponent(file.alert.truck_id)}/track?from_ms=${from_ms}&to_ms=${to_ms}`;
  return { ...file, track: await ask<{ points: TrackPoint[] }>("GET", path).catch(() => ({ points: [] })) };
}

export function AlertFileView({ alert_id }: { alert_id: string }) {
  const file = useSignal<AlertFile | null>(null);
  const failure = useSignal("");
  const live = store.tables.alert.all().find(one => one.alert_id === alert_id);
  const revision = live?.revision ?? 0;
  useEffect(() => {
    let gone = false;
    fetchFile(alert_id).then(
      found => {
        if (gone) return;
        file.value = found;
        trackOfChosen.value = pointsOf(found).flatMap(([, lon, lat]): LonLat[] =>
          lon === null || lat === null ? [] : [[lon, lat]],
        );
      },
      problem => {
        if (!gone) failure.value = failureText(problem);
      },
    );
    return () => {
      gone = true;
      trackOfChosen.value = [];
    };
  }, [alert_id, revision]);
  const alert = live ?? file.value?.alert;
  if (!alert) return <Empty>{failure.value || words.value.app.loading}</Empty>;
  return (
    <article class="card" data-testid="alert-file" data-alert-id={alert_id} data-rule={alert.rule}>
      {inPast.value && !live && <p class="note">{words.value.timebar.notThere}</p>}
      <Head alert={alert} />
      <Deeds alert={alert} />
      <Because alert={alert} />
      <Chart alert={alert} file={file.value} failure={failure.value} />
      <TruckPhotos alert={alert} />
      <Doubts alert={alert} />
      <EvidencePart alert={alert} />
      <History alert={alert} file={file.value} />
    </article>
  );
}

function Head({ alert }: { alert: Alert }) {
  const w = words.value;
  const stands = handling(alert);
  const owner = assigneeOf(alert);
  const withdrawn = alert.reason ? phrase(alert.reason) : null;
  const lost = alert.lost_kg === null || alert.lost_kg === undefined ? null : alert.lost_kg;
  return (
    <header>
      <div class="row-of tight">
        <button
          type="button"
          class="button quiet back"
          onClick={() => {
            chosen.value = "";
          }}
        >
          ← {w.alerts.back}
        </button>
        <SeverityTag alert={alert} />
        <Tag title={w.certaintyTitle[alert.certainty]}>{w.certainty[alert.certainty]}</Tag>
        <Tag>{w.alertState[alert.state]}</Tag>
        <Tag kind={stands === "new" ? "medium" : "good"}>
          <span data-testid="handling">{w.handling[stands]}</span>
        </Tag>
        <Countdowns alert={alert} />
        <button type="button" class="button quiet push" onClick={showWhole}>
          {w.alerts.where}
        </button>
      </div>
      <h2>{wordFor(w.rule, alert.rule)}</h2>
      <Then alert={alert} />
      <p class="lead" data-testid="alert-sentence">
        <Name>{alertSentence(alert, names)}</Name>
      </p>
      {alert.state === "cancelled" && (
        <p class="note">
          {w.alerts.cancelled} {withdrawn && <span lang={withdrawn.lang}>{withdrawn.text}</span>}
        </p>
      )}
      <dl class="facts">
        <div>
          <dt>{w.enf.owner}</dt>
          <dd data-testid="file-owner">{owner ? <Name>{personName(owner)}</Name> : w.enf.nobody}</dd>
        </div>
        <div>
          <dt>{w.alerts.started}</dt>
          <dd>
            {nearTime(alert.start_ms, now.value)} – {alert.end_ms ? nearTime(alert.end_ms, now.value) : "…"}
          </dd>
        </div>
        <div>
          <dt>{w.alerts.raised}</dt>
          <dd>{hourMinuteSecond(alert.raised_ms)}</dd>
        </div>
        {lost !== null && (
          <div>
            <dt>{w.alerts.lost}</dt>
            <dd>
              {weight(lost)}
              {alert.lost_kg_low !== null && alert.lost_kg_low !== undefined && (
                <span class="soft"> {w.alerts.between(weight(alert.lost_kg_low), weight(alert.lost_kg_high))}</span>
              )}
            </dd>
          </div>
        )}
        {alert.driver_id && (
          <div>
            <dt>{w.desk.truck.driver}</dt>
            <dd>
              <Name>{alert.driver_id}</Name>
            </dd>
          </div>
        )}
        {alert.contractor_id && (
          <div>
            <dt>{w.desk.truck.contractor}</dt>
            <dd>
              <Name>{alert.contractor_id}</Name>
            </dd>
          </div>
        )}
      </dl>
    </header>
  );
}

/** The way to when it was: here, and on the desk with everything around it. */
function Then({ alert }: { alert: Alert }) {
  const w = words.value.timebar;
  const truck_id = alert.truck_id ?? alert.truck_ids?.[0];
  const query = new URLSearchParams({ at: momentText(alert.raised_ms), span: "10" });
  if (truck_id) query.set("truck", truck_id);
  return (
    <div class="row-of tight">
      <button
        type="button"
        class="button"
        data-testid="show-moment"
        onClick={() => void showAlertsMoment(alert.raised_ms)}
      >
        {w.showMoment}
      </button>
      {session.value && FACES[session.value.user.role].includes("dispatch") && (
        <a class="button quiet" href={`/dispatch?${query}`} data-testid="moment-on-desk">
          {w.onDesk}
        </a>
      )}
    </div>
  );
}

function Because({ alert }: { alert: Alert }) {
  const w = words.value.alerts;
  return (
    <section>
      <h3>{w.because}</h3>
      <ul class="because" data-testid="because">
        {(alert.because ?? []).map((condition, at) => {
          const said = phrase(condition.condition);
          return (
            <li key={at} class={condition.met ? "met" : "unmet"}>
              <span role="img" aria-label={condition.met ? w.met : w.notMet}>
                {condition.met ? "✓" : "✗"}
              </span>
              <span>
                <span lang={said.lang}>{said.text}</span>
                <br />
                <span class="soft">{measuredText(condition)}</span>
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Phrases({ title, of, testid }: { title: string; of: string[] | undefined; testid: string }) {
  if (!of?.length) return null;
  return (
    <section>
      <h3>{title}</h3>
      <PhraseList of={of} testid={testid} />
    </section>
  );
}

function Doubts({ alert }: { alert: Alert }) {
  const w = words.value.alerts;
  return (
    <>
      <Phrases title={w.unless} of={alert.unless} testid="unless" />
      <Phrases title={w.gaps} of={alert.gaps} testid="gaps" />
      <section>
        <h3>{w.used}</h3>
        <p class="soft">
          {w.rule} {alert.rule}@{alert.rule_version} · {w.revision(alert.revision)}
          {usedLines(alert.used).map(line => (
            <span key={line}> · {line}</span>
          ))}
        </p>
      </section>
    </>
  );
}

function Chart({ alert, file, failure }: { alert: Alert; file: AlertFile | null; failure: string }) {
  const w = words.value.alerts;
  if (!alert.truck_id) return null;
  const points = file ? pointsOf(file) : null;
  return (
    <section>
      <h3>{w.chart}</h3>
      {points === null ? (
        <p class="soft">{failure || words.value.app.loading}</p>
      ) : points.length ? (
        <TrackChart alert={alert} points={points} />
      ) : (
        <p class="soft">{w.noTrack}</p>
      )}
    </section>
  );
}

function Deeds({ alert }: { alert: Alert }) {
  return mayAct([alert]) ? (
    <section class="deeds" aria-label={words.value.alerts.history}>
      <DeedButtons alerts={[alert]} prefix="" />
    </section>
  ) : null;
}

function History({ alert, file }: { alert: Alert; file: AlertFile | null }) {
  const w = words.value;
  const done = new Map([...(file?.actions ?? []), ...(alert.actions ?? [])].map(one => [one.action_id, one]));
  const inOrder = [...done.values()]
    // the file is of now: of the past, what was said since is not known yet
    .filter(one => !inPast.value || one.at_ms <= now.value)
    .sort((a, b) => a.at_ms - b.at_ms);
  const [newest] = standingActions({ ...alert, actions: inOrder });
  return (
    <section>
      <h3>{w.alerts.history}</h3>
      {!inOrder.length && <p class="soft">{w.alerts.noHistory}</p>}
      <ul class="phrases" data-testid="history">
        {inOrder.map(one => (
          <li key={one.action_id}>
            <time class="soft">{nearTime(one.at_ms, now.value)}</time> <Name>{personName(one.actor)}</Name>{" "}
            {deedText(one, personName)}
            {(one.note ?? writtenOf(one)) && (
              <>
                : <Name>{one.note ?? writtenOf(one)}</Name>
              </>
            )}
          </li>
        ))}
      </ul>
      {newest && mayJudge() && (
        <button
          type="button"
          class="button quiet"
          data-testid="undo"
          disabled={outcome.value?.working ?? false}
          onClick={() => void takeBack(alert, newest)}
        >
          {w.enf.undoLast(w.alertAction[newest.kind])}
        </button>
      )}
    </section>
  );
}

// the address may name an alert that comes only with the first snapshot
effect(() => {
  if (!chosen.value) trackOfChosen.value = [];
});
