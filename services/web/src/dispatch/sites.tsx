/** The facilities: what they take, how much came today, who is inside; and closing one until a time. */

import { useSignal } from "@preact/signals";
import { cityNow, now } from "../clock.ts";
import type { Facility } from "../contract.ts";
import { found, type SortColumn } from "../domain/lists.ts";
import { isClosed } from "../domain/places.ts";
import type { Query } from "../domain/query.ts";
import { ask } from "../http.ts";
import { mayDispatch } from "../session.ts";
import { Bar, MaterialMark, Name, Tag } from "../ui/bits.tsx";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { fromField, nearTime, toField, UNKNOWN, weight } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { Choice, Until } from "./fields.tsx";
import { DeskList } from "./list.tsx";
import { query } from "./query.ts";
import { chosenPlace } from "./state.ts";

/** How much of what it takes in a day has come; null = not known. */
const shareOf = (site: Facility): number | null =>
  site.daily_kg && typeof site.today_kg === "number" ? site.today_kg / site.daily_kg : null;

const kindOf = (site: Facility): string => wordFor(words.value.facilityType, site.facility_type);

const COLUMNS: readonly SortColumn<Facility>[] = [
  { key: "site", of: site => site.name ?? site.id },
  { key: "kind", of: kindOf },
  { key: "share", of: shareOf },
  { key: "queue", of: site => site.queue },
];

/** Sites a query asks for, whatever waste is looked at: most take several kinds. */
export function sitesOf(asked: Query): Facility[] {
  return store.tables.facility.all().filter(site => {
    const closed = isClosed(site, now.value);
    const chosen = (asked.show !== "open" || !closed) && (asked.show !== "closed" || closed);
    return chosen && found(asked.find, () => [site.id, site.name, site.facility_type]);
  });
}

export function Sites() {
  const { app, list } = words.value;
  return (
    <DeskList
      of="sites"
      testid="sites"
      shows={[["", app.all], ...Object.entries(list.shows.sites)]}
      columns={COLUMNS}
      heads={list.heads.sites}
      rows={sitesOf(query.value).sort((a, b) => (a.id < b.id ? -1 : 1))}
      keyOf={site => site.id}
      empty={app.nothing}
    >
      {site => <SiteRow site={site} />}
    </DeskList>
  );
}

function SiteRow({ site }: { site: Facility }) {
  const w = words.value;
  const open = chosenPlace.value === site.id;
  const closed = isClosed(site, now.value);
  return (
    <div class={open ? "open" : ""}>
      <button
        type="button"
        class="row"
        aria-expanded={open}
        data-testid="site-row"
        data-facility-id={site.id}
        data-closed={closed}
        onClick={() => {
          chosenPlace.value = open ? "" : site.id;
        }}
      >
        <span class={`site-mark ${closed ? "closed" : ""}`}>{wordFor(w.facilityLetter, site.facility_type)}</span>
        <span class="row-main">
          <span class="row-title">
            <Name>{site.name ?? site.id}</Name>
            {closed && <Tag kind="critical">{w.desk.sites.closedUntil(nearTime(site.closed_until_ms, now.value))}</Tag>}
          </span>
          <span class="row-sub">
            {kindOf(site)} · {w.desk.sites.takes}{" "}
            {(site.accepts ?? []).map(one => (
              <MaterialMark key={one} of={one} />
            ))}
          </span>
        </span>
        <span class="row-end">
          <span class="nowrap">
            <Bar value={shareOf(site)} label={w.desk.sites.today} /> {weight(site.today_kg)}
            {site.daily_kg ? <span class="soft"> / {weight(site.daily_kg)}</span> : null}
          </span>
          <span class="soft" title={w.list.heads.sites.queue}>
            {typeof site.queue === "number" ? w.desk.sites.queue(site.queue) : UNKNOWN}
          </span>
        </span>
      </button>
      {open && mayDispatch() && <Closing site={site} closed={closed} />}
    </div>
  );
}

function Closing({ site, closed }: { site: Facility; closed: boolean }) {
  const w = words.value.desk.sites;
  const outcome = useOutcome();
  const until = useSignal(toField(cityNow() + 2 * 3_600_000));
  const reason = useSignal<keyof typeof w.reasons>("full");
  const until_ms = fromField(until.value);
  const path = `/api/v1/facilities/${encodeURIComponent(site.id)}/closure`;
  const send = (closed_until_ms: number | null) =>
    void carryOut(outcome, () => ask("PUT", path, { closed_until_ms, reason: reason.value }), w.done);
  return (
    <div class="row-details" data-testid="closing">
      <div class="row-of">
        <Until label={w.close} moment={until} />
        <Choice
          label={w.reason}
          chosen={reason}
          options={Object.entries(w.reasons) as [keyof typeof w.reasons, string][]}
        />
        <button
          type="button"
          class="button danger"
          data-testid="close-site"
          disabled={until_ms === null || until_ms <= now.value}
          onClick={() => until_ms !== null && send(until_ms)}
        >
          {w.close}
        </button>
        {closed && (
          <button type="button" class="button" data-testid="reopen-site" onClick={() => send(null)}>
            {w.reopen}
          </button>
        )}
      </div>
      <OutcomeText of={outcome} />
    </div>
  );
}
